"""Times as clients see them: RFC 3339 in UTC with milliseconds and a Z."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError

from orchestrator.documents import times


def _as_written(value: Any) -> Any:
    # A number would be seconds or milliseconds, whichever it looks like.
    try:
        float(value)
    except (TypeError, ValueError):
        return value
    raise PydanticKnownError("datetime_parsing", {"error": "found a number"})


#: A time as a client writes it.
Time = Annotated[datetime, BeforeValidator(_as_written)]


def rfc3339(time_ms: int | None) -> str | None:
    """Write Redis milliseconds as `2026-11-20T08:15:30.123Z`."""
    return None if time_ms is None else times.rfc3339(time_ms)


def milliseconds(moment: datetime | None) -> int | None:
    """Read a client's time as milliseconds; one without a zone is UTC."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
