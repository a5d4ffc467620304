"""How an attempt may end: four values a handler may return, and the exceptions that stand for the others.

Any other value that is returned means `Completed`. `Retryable`, `Terminal` and `Skip` are for code that is
too deep to return; any other exception is a `HandlerError`, worth another try.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headrace.durable import TypedEvent
from headrace.plain_json import Json
from headrace.wording import kind_of

#: Bytes of an output, as JSON, unless a worker's OUTPUT_MAX_BYTES says otherwise.
OUTPUT_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Completed:
    """The node is done.

    not_taken  names the direct successors in branches that are not taken.
    events     typed events that belong to the end, as those of `Context.emit`: the node is done once they are
               written.
    """

    output: Any = None
    not_taken: tuple[str, ...] = ()
    events: Sequence[TypedEvent | tuple[Any, ...]] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """The handler found nothing to do: the node ends SKIPPED and successors decide by their trigger rules."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The node waits for a durable timer, without a worker, and then ends with `output`.

    Exactly one of `delay_ms` (counted from Redis time) and `until_ms` (Unix epoch) is set.
    """

    on: Literal["delay"] = "delay"
    until_ms: int | None = None
    delay_ms: int | None = None
    output: Any = None


@dataclass(frozen=True, slots=True)
class Parked:
    """The node waits, without a worker, until a letter comes to its inbox; then its handler is called again.

    Only durable handlers may park. With a letter there already, the handler is called again at once.

    until_ms   Unix epoch; it is called again then in any case. None waits for a letter alone.
    waits_for  what for, in words for people: at most 20, of 200 characters each.
    """

    until_ms: int | None = None
    waits_for: Sequence[str] = ()


class HandlerFault(Exception):
    """A failure with a type and details; raised as `Retryable` or `Terminal`."""

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        after_s: float | None = None,
        type: str = "HandlerError",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = type
        self.retry_after_s = after_s
        # Details of another type must not end in a TypeError here, which would be tried again.
        self.details = dict(details or {}) if isinstance(details, Mapping | None) else {"details": details}


def wait_problem(waiting: Waiting) -> str | None:
    """Say what is wrong with a Waiting; None where nothing is."""
    moments = [moment for moment in (waiting.until_ms, waiting.delay_ms) if moment is not None]
    if (
        waiting.on != "delay"
        or len(moments) != 1
        or not isinstance(moments[0], int)
        or not 0 <= moments[0] < 2**52
    ):
        return "a Waiting has exactly one of until_ms and delay_ms, a whole number from 0 on"
    return None


def typed_events(completed: Completed) -> list[TypedEvent]:
    """Read the events of a Completed. Raises Terminal (`EventInvalid`) for what are none."""
    return read_events(completed.events, "of a Completed")


def read_events(events: Any, whose: str) -> list[TypedEvent]:
    """Read typed events, or tuples of their fields. Raises Terminal (`EventInvalid`) for what are none."""
    names = TypedEvent._fields
    if isinstance(events, Json):
        try:
            events = json.loads(events.text)
        except ValueError as error:
            raise _no_events(f"events {whose} are not JSON: {error}") from None
        if isinstance(events, list):
            events = [tuple(each) if isinstance(each, list) else each for each in events]
    if not isinstance(events, list | tuple):
        raise _no_events(f"events {whose} are a list or a tuple, got {kind_of(events)}")
    for index, event in enumerate(events):
        if not isinstance(event, tuple):
            what = "a TypedEvent, or a tuple of its fields"
            raise _no_events(f"events[{index}] {whose} is {what}, got {kind_of(event)}")
        if not 2 <= len(event) <= len(names):
            counts = f"{len(event)} fields; 2 to {len(names)} are allowed: {', '.join(names)}"
            raise _no_events(f"events[{index}] {whose} has {counts}")
    return [TypedEvent(*event) for event in events]


def _no_events(message: str) -> Terminal:
    return Terminal(message, type="EventInvalid")


def check_output_size(size: int, most: int) -> None:
    """Raise Terminal (`OutputTooLarge`) for an output of more bytes than are kept."""
    if size > most:
        raise Terminal(
            f"the output is {size:,} bytes; at most {most:,} are kept (OUTPUT_MAX_BYTES)",
            type="OutputTooLarge",
            details={"bytes": size, "max_bytes": most},
        )


def park_of_no_durable(handler: str) -> Terminal:
    """The fault of a handler that parks and may not."""
    return Terminal(f"handler '{handler}' returned Parked, and is not declared with durable=True")


def use_of_no_durable(part: str) -> Terminal:
    """The fault of a handler that uses what only durable ones have."""
    return Terminal(f"context.{part} is for handlers that are declared with durable=True")


def park_problem(parked: Parked) -> str | None:
    """Say what is wrong with a Parked; None where nothing is."""
    until_ms, words = parked.until_ms, parked.waits_for
    if until_ms is not None and (type(until_ms) is not int or not 0 <= until_ms < 2**52):
        return "until_ms of a Parked is a whole number of milliseconds, or None"
    if isinstance(words, str) or not isinstance(words, Sequence):
        return "waits_for of a Parked is a list of texts"
    if len(words) > 20 or not all(isinstance(word, str) and len(word) <= 200 for word in words):
        return "waits_for of a Parked has at most 20 texts of 200 characters"
    return None


class Retryable(HandlerFault):
    """Another attempt may succeed. `after_s` asks for at least this much time before it."""

    retryable = True


class Terminal(HandlerFault):
    """Another attempt would fail the same way."""


class Skip(Exception):
    """There is nothing to do: the node ends SKIPPED."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Cancelled(BaseException):
    """The work is no longer wanted: raised by `context.raise_if_cancelled()`; clean up, and let it pass.

    A BaseException, as asyncio's CancelledError is, so that `except Exception` does not catch it.
    """

    error_type = "Cancelled"
    retryable = True

    def __init__(self, message: str = "the work is no longer wanted") -> None:
        super().__init__(message)
