"""Orchestrators: any number at once do everything once; none of them is needed for safety."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from orchestrator.starter import Orchestrator
from orchestrator.states import ExecutionStatus
from orchestrator.store.replies import Claim
from tests.makers import LEASE_MS, Rig, held_by, node, until
from tests.patience import PATIENCE_S


def orchestrator_of(rig: Rig, *, tick_ms: int = 10) -> Orchestrator:
    return Orchestrator(rig.store, rig.transitions, tick_ms=tick_ms, lease_ms=LEASE_MS, sweep_idle_ms=10_000)


@pytest.fixture
async def two_at_once(rig: Rig) -> AsyncIterator[Rig]:
    """A rig with two orchestrators at work."""
    orchestrators = [orchestrator_of(rig), orchestrator_of(rig)]
    tasks = [asyncio.create_task(each.run()) for each in orchestrators]
    yield rig
    for each in orchestrators:
        each.stopping.set()
    await asyncio.gather(*tasks)


async def test_two_orchestrators_fire_each_timer_once(two_at_once: Rig) -> None:
    rig = two_at_once
    execution_id = await rig.submit(*(node(f"n{i}") for i in range(20)))
    for held in (await rig.worker.start()).values():
        await rig.worker.retry(held, 60_000)

    rig.transitions.now_ms = rig.now_ms + 60_000

    async def is_queued() -> bool:
        return bool(await rig.redis.xlen("workflow:tasks") >= 20)

    await until(is_queued)
    await rig.worker.run_all()
    view = await rig.engine.executions.get(execution_id)
    assert view.execution.status is ExecutionStatus.COMPLETED
    assert {state.attempt for state in view.nodes} == {2}
    assert (await rig.events(execution_id)).count("node.queued:n0") == 2
    assert await rig.redis.exists("workflows:repairs") == 0


async def test_what_an_unfinished_purge_has_left_is_removed(two_at_once: Rig) -> None:
    rig = two_at_once
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()
    rig.transitions.now_ms = rig.now_ms - 60_000
    assert (await rig.transitions.purge_execution(execution_id, call_id="killed"))[0] == "ok"

    async def is_gone() -> bool:
        return not await rig.redis.keys(f"*{execution_id}*")

    await until(is_gone)


async def test_what_has_ended_is_counted_and_goes_when_its_time_is_over(two_at_once: Rig) -> None:
    rig = two_at_once
    kept, short = await rig.submit(node("A")), await rig.submit(node("A"), retention="1s")
    while tasks := await rig.worker.read():
        for task in tasks:
            claim = await rig.worker.claim(task)
            assert isinstance(claim, Claim)
            await rig.worker.complete(held_by(claim))
    rig.transitions.now_ms = None

    async def is_gone() -> bool:
        return not await rig.redis.keys(f"*{short}*")

    await until(is_gone)
    assert await rig.status(kept) is ExecutionStatus.COMPLETED
    assert (await rig.engine.statistics.between()).statistics.executions.total == 2


async def test_after_a_long_silence_leases_are_held_for_one_lease(rig: Rig) -> None:
    """Everything was away, Redis as well: no worker could renew."""
    orchestrator = orchestrator_of(rig)
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await orchestrator.tick()
    rig.transitions.now_ms = rig.now_ms + 3_600_000

    await orchestrator.tick()
    word_after_the_silence = await rig.transitions.renew_leases([held], lease_ms=LEASE_MS)

    assert word_after_the_silence == ["ok"]
    assert (await rig.worker.complete(held)).word == "ok"


async def test_a_worker_that_does_not_come_back_loses_its_lease_one_lease_later(rig: Rig) -> None:
    orchestrator = orchestrator_of(rig)
    execution_id = await rig.submit(node("A"))
    await rig.worker.start()
    await orchestrator.tick()
    rig.transitions.now_ms = rig.now_ms + 3_600_000
    await orchestrator.tick()

    for _ in range(LEASE_MS // 250 + 1):
        rig.transitions.now_ms = rig.now_ms + 250
        await orchestrator.tick()

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.attempt, state.crashes) == (2, 1)


async def test_a_duty_that_fails_once_is_done_again(rig: Rig) -> None:
    orchestrator = orchestrator_of(rig)
    await rig.redis.set("workflows:timers", "of the wrong type")
    running = asyncio.create_task(orchestrator.run())

    async def has_ticked() -> bool:
        return bool(await rig.redis.exists("workflows:tick"))

    await until(has_ticked)
    await rig.redis.delete("workflows:timers")
    execution_id = await rig.submit(node("A"))
    await rig.worker.delay(await rig.worker.start_one("A"), 1_000)

    rig.transitions.now_ms = rig.now_ms + 1_000

    async def is_completed() -> bool:
        return await rig.status(execution_id) is ExecutionStatus.COMPLETED

    await until(is_completed)
    orchestrator.stopping.set()
    await asyncio.wait_for(running, PATIENCE_S)


async def test_it_stops_at_once_when_told_to(rig: Rig) -> None:
    orchestrator = orchestrator_of(rig, tick_ms=3_600_000)
    running = asyncio.create_task(orchestrator.run())

    orchestrator.stopping.set()

    await asyncio.wait_for(running, PATIENCE_S)
