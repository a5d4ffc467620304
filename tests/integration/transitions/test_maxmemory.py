"""At maxmemory nothing new is taken in, and everything that runs can finish."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from orchestrator.errors import StoreFull
from orchestrator.states import ExecutionStatus
from tests.integration.durable_units import append, post
from tests.makers import Rig, node, workflow


@pytest.fixture
async def full(rig: Rig) -> AsyncIterator[Rig]:
    """A rig whose Redis may be filled by `fill`; given back with room."""
    yield rig
    await rig.redis.config_set("maxmemory", "0")


async def fill(rig: Rig) -> None:
    await rig.redis.config_set("maxmemory", "1mb")


async def test_new_work_is_refused_whole(full: Rig) -> None:
    pending = await full.submit(node("A"), trigger=False)
    before = await full.dump()
    await fill(full)

    with pytest.raises(StoreFull):
        await full.engine.executions.submit(workflow(node("A")), trigger=True)
    with pytest.raises(StoreFull):
        await full.engine.executions.submit(workflow(*(node(f"n{i}") for i in range(1_000))))
    with pytest.raises(StoreFull):
        await full.engine.executions.trigger(pending)

    await full.redis.config_set("maxmemory", "0")
    assert await full.dump() == before


async def test_running_executions_finish(full: Rig) -> None:
    execution_id = await full.submit(
        node("A"),
        node("retried", after=["A"]),
        node("delayed", after=["A"]),
        node("lost", after=["A"]),
        node("end", after=["retried", "delayed", "lost"]),
    )
    first = await full.worker.start_one("A")
    await fill(full)

    await full.worker.complete(first)
    held = await full.worker.start()
    assert await full.transitions.report_events(held["retried"], [(1, "node.log", b"{}")]) == "ok"
    assert await full.transitions.renew_leases([held["lost"]], lease_ms=500) == ["ok"]
    assert await append(full, held["retried"], 1) == ["ok", 1]
    assert (await post(full, execution_id, "end"))[0] == "ok"
    await full.worker.retry(held["retried"], 1_000)
    await full.worker.delay(held["delayed"], 1_000)
    await full.transitions.stamp_tick(lease_ms=500)
    await full.transitions.announce_worker("w1", ["default"], ["name", "worker-1"])
    await full.advance(1_000)
    await full.worker.run_all()

    assert await full.status(execution_id) is ExecutionStatus.COMPLETED
    assert await full.nothing_is_left_behind()


async def test_a_cancel_is_accepted(full: Rig) -> None:
    execution_id = await full.submit(node("A"), *(node(f"n{i}", after=["A"]) for i in range(1_500)))
    held = await full.worker.start_one("A")
    await fill(full)

    await full.engine.executions.cancel(execution_id, request_id="1")
    await full.transitions.cancel_node(held)

    assert await full.status(execution_id) is ExecutionStatus.CANCELLED
    assert await full.nothing_is_left_behind()


async def test_a_saved_worklist_is_worked_off(full: Rig) -> None:
    execution_id = await full.submit(node("A"), *(node(f"n{i}", after=["A"]) for i in range(1_500)))
    held = await full.worker.start_one("A")
    await fill(full)

    await full.worker.complete(held)
    await full.drain_worklist(execution_id)

    assert await full.redis.xlen("workflow:tasks") == 1_500
