"""A host's loop looks for what is about to come, and gives that up where it never comes in time."""

import asyncio
import os

import pytest

from headrace import _polling
from headrace._polling import BUSY_S, MOST_MISSES, Expected, Polling


class Clock:
    """Monotonic seconds that go on with every look at them."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        self.now_s += BUSY_S / 2
        return self.now_s


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_polling, "time", clock)
    monkeypatch.setattr(_polling, "_processors", lambda: 2)
    return clock


async def looked(polling: Polling, what: Expected = "run", *, comes: bool = False) -> int:
    """How many turns of the loop are spent on one occasion."""
    polling.expect(what)
    turns = 0
    while polling._is_turning:
        if comes and turns == 3:
            polling.came()
        await asyncio.sleep(0)
        turns += 1
    return turns


async def test_the_loop_turns_until_something_comes() -> None:
    polling = Polling(asyncio.get_running_loop(), lambda: True)

    assert await looked(polling, comes=True) == 4
    assert await looked(polling, comes=True) == 4


async def test_what_never_comes_in_time_is_looked_for_less_and_less() -> None:
    polling = Polling(asyncio.get_running_loop(), lambda: True)

    spent = [bool(await looked(polling)) for _ in range(200)]

    assert [at for at, has_looked in enumerate(spent) if has_looked] == [0, 2, 6, 14, 30, 62, 126, 190]
    assert 2**MOST_MISSES == 190 - 126


async def test_luck_with_one_thing_is_no_luck_with_another() -> None:
    polling = Polling(asyncio.get_running_loop(), lambda: True)

    assert await looked(polling, "next_run") > 4
    assert await looked(polling, "next_run") == 0
    assert await looked(polling, "entry", comes=True) == 4


async def test_whoever_else_wants_the_processor_has_it(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        clock.now_s += 2 * BUSY_S

    polling = Polling(asyncio.get_running_loop(), lambda: True)
    monkeypatch.setattr(os, "sched_yield", away)

    assert await looked(polling) == 1
    # That is no bad luck: the next occasion counts.
    assert await looked(polling) == 1


async def test_it_looks_every_time_again_once_something_has_come() -> None:
    polling = Polling(asyncio.get_running_loop(), lambda: True)
    await looked(polling)
    await looked(polling)

    assert await looked(polling, comes=True) == 4
    assert await looked(polling, comes=True) == 4


@pytest.mark.parametrize(("processors", "is_alone"), [(1, True), (2, False)])
async def test_it_takes_no_processor_from_what_else_runs(
    processors: int, is_alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_polling, "_processors", lambda: processors)

    assert await looked(Polling(asyncio.get_running_loop(), lambda: is_alone)) == 0
