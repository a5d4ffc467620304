"""How long one attempt may take, and how long its handler may be silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestrator.errors import ErrorType
from workers.context import HandlerContext

T = TypeVar("T")


class LimitPassed(Exception):
    """The handler was stopped because a time limit passed; the message names it."""

    retryable = True

    def __init__(self, error_type: ErrorType, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.details = details


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Limits of one attempt, in milliseconds; None for none.

    attempt_ms  from its start to its end.
    silence_ms  between two signs of life; the first silence begins with the attempt.
    """

    attempt_ms: int | None
    silence_ms: int | None

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> TimeLimits:
        return cls(spec["start_to_close_ms"], spec.get("heartbeat_ms"))

    async def hold(self, work: Awaitable[T], context: HandlerContext) -> T:
        """Await the work of a handler within the limits. Raises LimitPassed, and what the work raises."""
        if self.attempt_ms is None and self.silence_ms is None:
            return await work
        limit = asyncio.timeout(None if self.attempt_ms is None else self.attempt_ms / 1000)
        silence = _Silence(self.silence_ms, context, limit)
        try:
            async with limit:
                silence.watch()
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
        finally:
            silence.stop()
        if silence.is_too_long:
            allowed = f"its heartbeat_timeout of {_seconds(self.silence_ms)} s"
            raise LimitPassed(
                ErrorType.TIMEOUT_HEARTBEAT,
                f"the handler gave no sign of life within {allowed}",
                {"last_heartbeat": context.beat_details},
            )
        raise LimitPassed(
            ErrorType.TIMEOUT_START_TO_CLOSE,
            f"the handler ran longer than its start_to_close_timeout of {_seconds(self.attempt_ms)} s",
        )


class _Silence:
    """Looks, when a sign of life is due, whether there was one. No timer is set again for each sign."""

    def __init__(self, allowed_ms: int | None, context: HandlerContext, limit: asyncio.Timeout) -> None:
        self.is_too_long = False
        self._allowed_s = None if allowed_ms is None else allowed_ms / 1000
        self._context = context
        self._limit = limit
        self._next: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        if self._allowed_s is None:
            return
        loop = asyncio.get_running_loop()
        left_s = self._context.last_beat_s + self._allowed_s - time.monotonic()
        if left_s > 0:
            self._next = loop.call_later(left_s, self.watch)
        else:
            self.is_too_long = True
            self._limit.reschedule(loop.time())

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()


def _seconds(duration_ms: int | None) -> str:
    return f"{(duration_ms or 0) / 1000:g}"
