"""What handlers say while they run, as it is kept: log lines cut to size, heartbeats and events whole."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import orjson

from headrace import Terminal
from headrace.durable import VALUE_MAX_BYTES, TypedEvent
from headrace.event_names import check_event_names
from headrace.wording import MESSAGE_MAX_CHARS, kind_of, text_of
from orchestrator.definitions.interface import Interface
from orchestrator.documents import exact_json
from orchestrator.documents.json_schema import IN_A_WORKER, judge
from orchestrator.errors import ErrorType, Problem
from workers.excerpts import Excerpt
from workers.outcome import encode_json, refuse_nan

DATA_MAX_BYTES = 16 * 1024
#: Combinations of a type, its parents and its class that are known to be right.
KEPT_NAMES = 1_024
#: Problems named in the message of an error; its details have all of them.
NAMED = 3


class Written:
    """Ends, awaited, once what was written before it is in the history. It need not be awaited."""

    __slots__ = ("_flush",)

    def __init__(self, flush: Callable[[], Awaitable[None]] | None = None) -> None:
        self._flush = flush

    def __await__(self) -> Generator[Any, None, None]:
        if self._flush is not None:
            yield from self._flush().__await__()


class EventWriter(Protocol):
    """Writes the typed events of an attempt. None is dropped: where one cannot be kept the attempt fails."""

    def write(self, event: dict[str, Any]) -> Written:
        """Write one event, behind those before it.

        Raises Terminal, here or where it is awaited: `EventsExceeded`, or `LeaseLost` when the attempt has
        been replaced.
        """


class NullWriter:
    """Keeps nothing; for handlers run outside a worker."""

    def write(self, event: dict[str, Any]) -> Written:
        return Written()


def short(message: str) -> Excerpt:
    """Mark a message as one that is cut where it is kept; whole until then."""
    return Excerpt(text_of(message), MESSAGE_MAX_CHARS)


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce to bounded JSON: a log line must never fail the attempt that wrote it."""
    if not data:
        return {}
    try:
        raw = exact_json.dumps(dict(data), default=repr, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError, RecursionError):
        return {"unreadable": True}
    if len(raw) > DATA_MAX_BYTES:
        return {"truncated": True, "bytes": len(raw)}
    found: dict[str, Any] = exact_json.loads(raw)
    return found


def whole(details: Any) -> dict[str, Any]:
    """Take details as they are: half of what was reached is worse for the next attempt than an error now."""
    if not isinstance(details, Mapping):
        raise ValueError(f"details of a heartbeat must be an object, got {kind_of(details)}")
    try:
        raw = exact_json.dumps(dict(details))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"details of a heartbeat must be JSON: {error}") from None
    if len(raw) > DATA_MAX_BYTES:
        raise ValueError(
            f"details of a heartbeat have {len(raw):,} bytes as JSON; allowed are {DATA_MAX_BYTES:,}"
        )
    found: dict[str, Any] = exact_json.loads(raw)
    return found


def event_of(event: TypedEvent, interface: Interface | None) -> dict[str, Any]:
    """Build the data of a `node.event`. Raises Terminal (`EventInvalid`) for what cannot be one.

    interface  what the definition declares: the schema of the type, and what it says of itself.
    """
    type, value = event.type, event.value
    names, qualified_name = _names_of(event)
    what = f"the value of event {type!r}"
    raw = encode_json(value, what, root="value", type=ErrorType.EVENT_INVALID)
    if len(raw) > VALUE_MAX_BYTES:
        message = f"{what} has {len(raw):,} bytes as JSON; allowed are {VALUE_MAX_BYTES:,}"
        raise Terminal(message, type=ErrorType.EVENT_INVALID)
    refuse_nan(raw, value, what, root="value", type=ErrorType.EVENT_INVALID)
    kept = exact_json.loads(raw)
    declared = interface.events.get(type) if interface is not None else None
    if declared is not None and declared.schema is not None:
        check_value(declared.schema, kept, f"event {type!r}", root="value", type=ErrorType.EVENT_INVALID)
    if not names and declared is not None:
        names = declared.types
    data = {
        "value": kept,
        "types": list(names) or None,
        "type": type,
        "qualified_name": qualified_name or (declared.qualified_name if declared else None),
        "internal": bool(event.internal),
    }
    return data | {"repeated": True} if event.repeated else data


def check_value(schema: dict[str, Any], value: Any, what: str, *, root: str, type: ErrorType) -> None:
    """Check a value by the schema that the interface declares for it. Raises Terminal with all problems."""
    problems = judge(schema, value, root, IN_A_WORKER).problems
    if problems:
        raise Terminal(
            f"{what} does not fit the schema that the interface declares: {_named(problems)}",
            type=type,
            details={"problems": [{"path": each.path, "message": each.message} for each in problems]},
        )


def _named(problems: Sequence[Problem]) -> str:
    more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    return "; ".join(str(problem) for problem in problems[:NAMED]) + more


def _names_of(event: TypedEvent) -> tuple[Sequence[str], str | None]:
    """Give the parents and the qualified name of an event. Raises Terminal for those that cannot be."""
    type, parents, qualified_name = event.type, event.parents, event.qualified_name
    if isinstance(parents, list | tuple):
        # What cannot be a key is refused below.
        with contextlib.suppress(TypeError):
            return _checked(type, tuple(parents), qualified_name)
    return _check(type, parents, qualified_name)


@lru_cache(maxsize=KEPT_NAMES)
def _checked(type: Any, parents: tuple[Any, ...], qualified_name: Any) -> tuple[Sequence[str], str | None]:
    return _check(type, parents, qualified_name)


def _check(type: Any, parents: Any, qualified_name: Any) -> tuple[Sequence[str], str | None]:
    return check_event_names(type, parents, qualified_name)[1:]
