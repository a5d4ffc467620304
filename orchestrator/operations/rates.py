"""`engine.rates`: how many requests of a kind somebody may still make."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from orchestrator.errors import RateLimited
from orchestrator.store.transitions import Transitions


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in each window of time; windows begin at multiples of their length.

    bucket  names what is counted together: letters, digits and `_`.
    """

    bucket: str
    most: int
    window_ms: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What is left of a rate after a request.

    resets_ms  when the next window begins, Redis ms.
    """

    most: int
    left: int
    resets_ms: int


class Rates:
    """Counts requests in Redis, so that every API process counts the same."""

    def __init__(self, transitions: Transitions) -> None:
        self._transitions = transitions

    async def take(self, rate: Rate, subject: str) -> Taken:
        """Count a request of a subject, such as `tenant acme` or `address 10.0.0.7`.

        Raises RateLimited, and then counts nothing.
        """
        word, left, now_ms, resets_ms = await self._transitions.take_rate(
            rate.bucket, subject, most=rate.most, window_ms=rate.window_ms, call_id=uuid.uuid4().hex
        )
        if word == "refused":
            raise RateLimited(rate.bucket, rate.most, now_ms=now_ms, resets_ms=resets_ms)
        return Taken(rate.most, left, resets_ms)
