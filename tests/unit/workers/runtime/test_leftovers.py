"""What outlives its attempt fills a slot, and is named, until it ends."""

from __future__ import annotations

import asyncio

from orchestrator.store.requests import AttemptToken
from tests.unit.workers.runtime.stubborn import stubborn
from workers.runtime.leftovers import Leftovers

TOKEN = AttemptToken("e1", "A", 1, "n")


async def test_a_task_that_swallows_its_cancel_counts_until_it_ends() -> None:
    leftovers, may_end = Leftovers(), asyncio.Event()

    task = asyncio.create_task(stubborn(may_end))
    await asyncio.sleep(0)
    task.cancel()
    leftovers.add_task(task, TOKEN)
    await asyncio.sleep(0)
    assert leftovers.units() == ["e1/A"]

    may_end.set()
    await task

    await asyncio.sleep(0)
    assert leftovers.units() == []
