"""Places in hosts: none is lost, whoever has waited for one and has not taken it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from workers.context import HandlerContext
from workers.hosts.ends import GivenBack
from workers.hosts.places import Places


class FakeHost:
    def __init__(self, free: int) -> None:
        self.free = free


class Office:
    """Places in one host, and how often it was said that some are free."""

    def __init__(self, free: int = 0) -> None:
        self.host = FakeHost(free)
        self.freed = 0
        hosts: Any = [self.host]
        self.places = Places(
            lambda kind: hosts, lambda handler: "async", on_free=self._count, on_leftover=lambda *_: None
        )

    def _count(self) -> None:
        self.freed += 1

    async def enter(self, name: str, patience_s: float | None = None) -> str:
        """Take a place, as an attempt does that fills it at once."""
        context = HandlerContext(execution_id="e1", node_id=name)
        async with self.places.entered("any", context, patience_s):
            self.host.free -= 1
        return name


async def test_a_turn_of_one_who_is_gone_is_the_turn_of_the_next() -> None:
    office = Office()
    first, second = (asyncio.create_task(office.enter(name)) for name in ("A", "B"))
    await asyncio.sleep(0)

    office.host.free = 1
    office.places.freed()
    first.cancel()

    async with asyncio.timeout(PATIENCE_S):
        assert await second == "B"
    assert office.host.free == 0


async def test_the_place_kept_for_one_who_has_not_taken_it_is_free_at_once() -> None:
    office = Office(free=1)
    assert office.places.hold(("e1", "A", 1), "any")
    assert not office.places.hold(("e1", "B", 1), "any")
    office.host.free = 0  # Its host has died.

    with pytest.raises(GivenBack, match="no process was free"):
        await office.enter("A", patience_s=0.01)
    office.host.free = 1

    assert office.freed == 1
    assert office.places.hold(("e1", "B", 1), "any")
