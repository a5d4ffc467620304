"""Times as clients see them: RFC 3339 in UTC with milliseconds and a Z."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError


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
    if time_ms is None:
        return None
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_to_the_second(seconds)}.{milliseconds:03d}Z"


def milliseconds(moment: datetime | None) -> int | None:
    """Read a client's time as milliseconds; one without a zone is UTC."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


@lru_cache(maxsize=1024)
def _to_the_second(seconds: int) -> str:
    # Events come in bursts: most calls are for the second of the call before.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
