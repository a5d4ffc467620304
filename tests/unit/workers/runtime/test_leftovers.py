"""What outlives its attempt fills a slot, and is named, until it ends."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from orchestrator.store.requests import AttemptToken
from tests.makers import until
from tests.unit.workers.runtime.stubborn import stubborn
from workers.runtime.leftovers import Leftovers, Raised, call_in_thread

TOKEN = AttemptToken("e1", "A", 1, "n")


async def test_a_thread_counts_until_it_returns() -> None:
    leftovers, may_end = Leftovers(), threading.Event()
    with ThreadPoolExecutor(1) as threads:
        leftovers.add_thread(threads.submit(may_end.wait, 30), TOKEN)
        assert (len(leftovers), leftovers.units()) == (1, ["e1/A"])

        may_end.set()

        async def is_empty() -> bool:
            return not leftovers.units()

        await until(is_empty)
    assert len(leftovers) == 0


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


def test_what_a_thread_raises_is_a_value_whatever_it_is() -> None:
    def work() -> None:
        raise StopIteration("none")

    found = call_in_thread(work)

    assert isinstance(found, Raised)
    assert isinstance(found.error, StopIteration)
    assert call_in_thread(lambda: 7) == 7
