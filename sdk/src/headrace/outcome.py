"""How an attempt may end: three values a handler may return, and the exceptions that stand for the others.

Any other value that is returned means `Completed`. `Retryable`, `Terminal` and `Skip` are for code that is
too deep to return; any other exception is a `HandlerError`, worth another try.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Completed:
    """The node is done. `not_taken` names the direct successors in branches that are not taken."""

    output: Any = None
    not_taken: tuple[str, ...] = ()


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
        self.details = dict(details or {})


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
