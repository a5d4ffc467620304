"""The sweep goes round all running executions, leaves busy ones alone, and repairs the rest."""

from __future__ import annotations

import pytest

from orchestrator.loops.sweep import Sweep
from orchestrator.states import NodeStatus
from tests.makers import Rig, node, workflow

IDLE_MS = 10_000


def sweep_of(rig: Rig) -> Sweep:
    return Sweep(rig.store, rig.transitions, idle_ms=IDLE_MS)


async def submit_broken(rig: Rig) -> str:
    """An execution whose only task has been lost."""
    execution_id = await rig.submit(node("A"))
    await rig.redis.delete("workflow:tasks")
    return execution_id


async def test_an_execution_with_a_recent_event_is_left_alone(rig: Rig) -> None:
    await submit_broken(rig)
    sweep = sweep_of(rig)

    early = await sweep.run_once(rig.now_ms + IDLE_MS - 1)
    due = await sweep.run_once(rig.now_ms + IDLE_MS)

    assert (early, due) == (0, 1)


async def test_a_thorough_round_looks_at_busy_executions_too(rig: Rig) -> None:
    await submit_broken(rig)

    assert await sweep_of(rig).run_once(rig.now_ms, is_thorough=True) == 1


async def test_what_is_healthy_is_not_touched(rig: Rig) -> None:
    for _ in range(5):
        await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.start()
    before = await rig.dump()

    assert await sweep_of(rig).run_once(rig.now_ms + IDLE_MS) == 0
    assert await rig.dump() == before


async def test_rounds_of_a_bounded_size_reach_every_execution(rig: Rig) -> None:
    execution_ids = [await rig.submit(node("A")) for _ in range(30)]
    await rig.redis.delete("workflow:tasks")
    sweep = sweep_of(rig)

    for _ in range(20):
        await sweep.run_once(rig.now_ms + IDLE_MS, limit=5)

    assert await rig.redis.xlen("workflow:tasks") == 30
    for execution_id in execution_ids:
        assert await rig.nodes(execution_id) == {"A": NodeStatus.QUEUED}


async def test_an_execution_lost_from_the_set_of_active_ones_is_found(rig: Rig) -> None:
    execution_id = await submit_broken(rig)
    await rig.redis.delete("workflows:active")

    await sweep_of(rig).run_once(rig.now_ms + IDLE_MS)

    assert await rig.redis.sismember("workflows:active", execution_id)
    assert await rig.redis.xlen("workflow:tasks") == 1


async def test_a_stray_member_of_the_active_set_does_no_harm(rig: Rig) -> None:
    await rig.redis.sadd("workflows:active", "gone")

    assert await sweep_of(rig).run_once(rig.now_ms) == 0


async def damage(rig: Rig, execution_id: str, key: str = "node:A") -> None:
    """Put a value of another kind where a key of the execution was."""
    await rig.redis.delete(f"workflow:{execution_id}:{key}")
    await rig.redis.lpush(f"workflow:{execution_id}:{key}", "x")


@pytest.mark.parametrize("key", ["node:A", "status", "runtime"])
async def test_damaged_executions_are_passed_over(rig: Rig, key: str) -> None:
    for _ in range(5):
        await damage(rig, await rig.submit(node("A")), key)
    await rig.submit(node("A"))
    for _ in range(5):
        await damage(rig, await rig.submit(node("A")), key)
    await rig.redis.delete("workflow:tasks")

    assert await sweep_of(rig).run_once(rig.now_ms + IDLE_MS) == 1


async def test_a_damaged_execution_is_left_alone_for_a_while_and_repaired_when_it_can_be(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    execution_id = await submit_broken(rig)
    await damage(rig, execution_id)
    sweep = sweep_of(rig)
    now_ms = rig.now_ms + IDLE_MS

    await sweep.run_once(now_ms)
    caplog.clear()
    await sweep.run_once(now_ms + 1_000)
    looked_at = [record for record in caplog.records if record.message == "sweep.fault"]
    await rig.redis.delete(f"workflow:{execution_id}:node:A")
    await rig.redis.set(f"workflow:{execution_id}:node:A", "QUEUED")

    assert not looked_at
    assert await sweep.run_once(now_ms + 60_000) == 1


async def test_a_lost_execution_is_found_within_a_minute_among_any_number_that_have_ended(rig: Rig) -> None:
    execution_id = await submit_broken(rig)
    rows = {f"ended-{number}": rig.now_ms + number for number in range(3_000)}
    await rig.redis.zadd("idx:executions:default", rows)
    await rig.redis.mset({f"workflow:{each}:status": "COMPLETED" for each in rows})
    sweep = sweep_of(rig)
    # The first round looks at everything; the fault comes later.
    await sweep.run_once(rig.now_ms)
    await rig.redis.srem("workflows:active", execution_id)

    for second in range(60):
        await sweep.run_once(rig.now_ms + 1_000 * second)

    assert await rig.redis.sismember("workflows:active", execution_id)


async def test_lost_executions_of_every_tenant_are_found(rig: Rig) -> None:
    lost = []
    for number in range(8):
        await rig.engine.tenants.create(f"t{number}", title="")
        view = rig.engine.of(f"t{number}").executions
        made = [await view.submit(workflow(node("A")), trigger=True) for _ in range(number % 3)]
        lost += [each.execution_id for each in made]
    sweep = sweep_of(rig)
    await sweep.run_once(rig.now_ms)
    await rig.redis.delete("workflows:active")

    for _ in range(8):
        await sweep.run_once(rig.now_ms, limit=8)

    assert {each.decode() for each in await rig.redis.smembers("workflows:active")} == set(lost)


async def test_after_a_restart_of_redis_everything_is_looked_at_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = sweep_of(rig)
    await sweep.run_once(rig.now_ms)
    execution_ids = [await rig.submit(node("A")) for _ in range(40)]
    await rig.redis.delete("workflow:tasks", "workflows:active")

    async def other_run_id() -> str:
        return "another"

    monkeypatch.setattr(rig.store, "run_id", other_run_id)
    await sweep.run_once(rig.now_ms, limit=8)

    assert {each.decode() for each in await rig.redis.smembers("workflows:active")} == set(execution_ids)
