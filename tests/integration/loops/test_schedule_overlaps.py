"""A slot that comes while an earlier execution runs: every policy"""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.states import ExecutionStatus
from tests.integration.scheduled import MINUTE, NOON, SECOND, Clockwork, at

OVERLAPS: dict[str, tuple[list[str], dict[str, Any]]] = {
    # The first execution runs for 3.5 minutes: which slots start in the end, and what the record says.
    "skip": (["12:01:00", "12:05:00"], {"skipped": 3}),
    "buffer_one": (["12:01:00", "12:02:00", "12:05:00"], {"skipped": 2}),
    "buffer_all": (["12:01:00", "12:02:00", "12:03:00", "12:04:00", "12:05:00"], {"skipped": 0}),
    "allow_all": (["12:01:00", "12:02:00", "12:03:00", "12:04:00", "12:05:00"], {"skipped": 0}),
}


@pytest.mark.parametrize("policy", OVERLAPS)
async def test_what_overlaps_does_as_its_policy_says(clock: Clockwork, policy: str) -> None:
    expected, counts = OVERLAPS[policy]
    await clock.add(every="1m", overlap_policy=policy)

    await clock.run(4 * MINUTE + 30 * SECOND, step_ms=SECOND)
    for _ in range(10):
        await clock.end()
        await clock.run(SECOND)
    await clock.run(30 * SECOND, step_ms=SECOND)

    assert await clock.slots() == at(*expected)
    record = await clock.get()
    assert {name: getattr(record, name) for name in counts} == counts


async def test_cancel_other_asks_the_earlier_one_to_end_and_starts_when_it_has(clock: Clockwork) -> None:
    await clock.add(every="1m", overlap_policy="cancel_other")
    await clock.run(MINUTE)
    (first,) = await clock.executions()
    held = await clock.rig.worker.start_one("A")

    await clock.run(2 * MINUTE, step_ms=SECOND)

    waiting = await clock.get()
    assert [*await clock.executions()] == [first]
    assert waiting.buffer == (NOON + 3 * MINUTE,)  # a later slot takes the place of the one that waits
    await clock.rig.worker.complete(held)
    await clock.run(SECOND)
    assert await clock.rig.status(first) is ExecutionStatus.CANCELLED
    assert await clock.slots() == at("12:01:00", "12:03:00")


async def test_terminate_other_ends_the_earlier_one_at_once(clock: Clockwork) -> None:
    await clock.add(every="1m", overlap_policy="terminate_other")
    await clock.run(MINUTE)
    (first,) = await clock.executions()
    held = await clock.rig.worker.start_one("A")

    await clock.run(MINUTE)

    assert await clock.rig.status(first) is ExecutionStatus.CANCELLED
    assert (await clock.rig.worker.complete(held)).word != "ok"
    assert await clock.slots() == at("12:01:00", "12:02:00")


async def test_what_waits_is_no_more_than_the_runs_that_are_left(clock: Clockwork) -> None:
    await clock.add(every="1m", overlap_policy="buffer_all", max_runs=2)

    await clock.run(5 * MINUTE, step_ms=10 * SECOND)
    for _ in range(6):
        await clock.end()
        await clock.run(SECOND)

    assert len(await clock.executions()) == 2


async def test_what_runs_is_still_known_after_a_pause(clock: Clockwork) -> None:
    await clock.add(every="1m", pause_on_failure=True)
    await clock.run(MINUTE)

    await clock.rig.engine.schedules.pause("clock")
    await clock.rig.engine.schedules.resume("clock")
    await clock.run(MINUTE)

    assert len(await clock.executions()) == 1


async def test_what_waits_goes_with_the_policy_that_let_it_wait(clock: Clockwork) -> None:
    await clock.add(every="1m", overlap_policy="buffer_all")
    await clock.run(3 * MINUTE, step_ms=10 * SECOND)

    rule = {"every": "1m", "overlap_policy": "skip"}
    await clock.rig.engine.schedules.put("clock", rule, if_match=["*"])

    record = await clock.get()
    assert (record.buffer, record.skipped) == ((), 2)
