"""What workers survive: an emptied Redis, lost scripts, a full one, dead neighbours, handlers nobody has."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from redis.asyncio import Redis

from orchestrator.engine import Engine
from orchestrator.redis_keys import Keys
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from orchestrator.store.replies import Claim
from orchestrator.store.transitions import Transitions
from tests.fake_handlers import Stage, ended, in_status, start
from tests.makers import FakeWorker, WorkerFleet, node, until
from tests.older_layouts import announce_worker
from workers.handlers import Catalogue
from workers.runtime.succession import take_over

E, N = ExecutionStatus, NodeStatus


async def test_work_goes_on_after_redis_was_emptied(engine: Engine, fleet: WorkerFleet, redis: Redis) -> None:
    await fleet.start()
    first = await start(engine, node("A"))
    assert await ended(engine, first) is E.COMPLETED

    await redis.flushall()
    second = await start(engine, node("A"), node("B", after=["A"]))

    assert await ended(engine, second) is E.COMPLETED


async def test_work_goes_on_after_the_scripts_were_lost(
    engine: Engine, fleet: WorkerFleet, stage: Stage, redis: Redis
) -> None:
    await fleet.start(lease_ms=900)
    execution_id = await start(engine, node("A", handler="test_wait"), node("B", after=["A"]))
    await stage.started.wait()

    await redis.function_flush()
    stage.may_go_on.set()

    assert await ended(engine, execution_id) is E.COMPLETED
    assert stage.calls == [("A", 1)]


async def test_a_worker_that_starts_at_maxmemory_takes_up_what_runs(
    engine: Engine, fleet: WorkerFleet, redis: Redis
) -> None:
    execution_id = await start(engine, node("A"), node("B", after=["A"]))
    await redis.xgroup_create("workflow:tasks", "workflow_group", id="0")
    await redis.config_set("maxmemory", "1mb")

    await fleet.start()

    assert await ended(engine, execution_id) is E.COMPLETED


async def test_a_task_whose_handler_nobody_offers_is_handed_back_and_explained(
    engine: Engine, fleet: WorkerFleet, redis: Redis
) -> None:
    await fleet.start()
    elsewhere = Engine(redis, redis, catalogue=lambda names, cards: Catalogue(frozenset({"exotic"})))

    execution_id = await start(elsewhere, node("A", handler="exotic"))
    state = await in_status(engine, execution_id, "A", N.WAITING)

    (reason,) = [each for each in await engine.executions.explain(execution_id) if each.node_id == "A"]
    assert (state.waiting_on, state.tries) == (WaitingOn.WORKER, 0)
    assert "exotic" in reason.waiting_for


async def test_a_worker_that_cannot_record_ends_does_not_pretend_to_work(
    engine: Engine, fleet: WorkerFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await fleet.start()

    async def broken(*_: object) -> None:
        raise RuntimeError("recording is broken")

    monkeypatch.setattr(worker.attempts, "_record", broken)
    await start(engine, node("A"))

    with pytest.raises(RuntimeError, match="recording is broken"):
        await fleet.stop(worker, is_drained=False)


async def test_a_message_read_by_a_worker_that_died_is_taken_over(
    engine: Engine, fleet: WorkerFleet, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.runtime.task_reader.UNCLAIMED_MS", 10)
    execution_id = await start(engine, node("A"))
    await redis.xgroup_create("workflow:tasks", "workflow_group", id="0")
    await redis.xreadgroup("workflow_group", "dead", {"workflow:tasks": ">"})

    await fleet.start()

    assert await ended(engine, execution_id) is E.COMPLETED


async def test_an_end_that_is_refused_for_an_unknown_reason_is_kept_and_sent_again(
    engine: Engine, fleet: WorkerFleet, stage: Stage, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await fleet.start()
    execution_id = await start(engine, node("A", handler="test_wait"))
    await stage.started.wait()

    async def is_refused() -> bool:
        return "attempt.end_refused" in [record.message for record in caplog.records]

    await redis.acl_setuser("default", enabled=True, commands=["-fcall"])
    stage.may_go_on.set()
    await until(is_refused)
    await redis.acl_setuser("default", enabled=True, commands=["+fcall"])

    assert await ended(engine, execution_id) is E.COMPLETED
    assert stage.calls == [("A", 1)]


async def claimed(redis: Redis, worker_id: str) -> str:
    """Leave an execution as a worker does that has claimed its node; gives the execution."""
    worker = FakeWorker(Transitions(redis, Keys()), redis, worker_id=worker_id)
    (task,) = await worker.read()
    assert isinstance(await worker.claim(task), Claim)
    return task.execution_id


async def test_what_a_dead_worker_ran_is_taken_over_by_the_one_in_its_place_and_nothing_else(
    engine: Engine, fleet: WorkerFleet, redis: Redis
) -> None:
    await start(engine, node("A"))
    of_dead = await claimed(redis, "box.0a1b2c3d")
    await start(engine, node("A"))
    of_other = await claimed(redis, "box.4e5f6a7b")
    await announce_worker(redis, "box", host=socket.gethostname(), instance="first")

    await fleet.start("box", replaces="first")

    assert await ended(engine, of_dead) is E.COMPLETED
    taken = (await engine.nodes.get(of_dead, "A")).state
    kept = (await engine.nodes.get(of_other, "A")).state
    assert (taken.attempt, taken.crashes) == (2, 1)
    assert (kept.status, kept.attempt, kept.worker) == (N.RUNNING, 1, "box.4e5f6a7b")
    assert len(await redis.zrange("workflows:workers", 0, -1)) == 1


@pytest.mark.parametrize("record", [{"instance": "other"}, {"host": "box-7"}, {"instance": ""}])
async def test_a_worker_that_may_live_keeps_what_it_runs(
    engine: Engine, fleet: WorkerFleet, redis: Redis, record: dict[str, str]
) -> None:
    await start(engine, node("A"))
    execution_id = await claimed(redis, "box.0a1b2c3d")
    fields: dict[str, Any] = {"host": socket.gethostname(), "instance": "first", **record}
    await announce_worker(redis, "box", **fields)

    worker = await fleet.start("box", replaces="first")
    await take_over(worker.store, worker.transitions, worker.config)

    state = (await engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.attempt) == (N.RUNNING, 1)
