"""The real worker, in this process: slots and names, leases, cancels, drains."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from orchestrator.engine import Engine
from orchestrator.loops import leases
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.transitions import Transitions
from tests.fake_handlers import Stage, ended, in_status, start
from tests.makers import WorkerFleet, node, until

#: Short: news comes with a renewal. Long enough for a machine that is busy with something else.
LEASE_MS = 900

E, N = ExecutionStatus, NodeStatus


async def expire_leases(engine: Engine, lease_ms: int) -> None:
    """Do what an orchestrator would once every lease held now has run out."""
    later_ms = await engine.store.now_ms() + lease_ms + 1
    engine.transitions.now_ms = later_ms
    await leases.run_once(engine.store, engine.transitions, later_ms)
    engine.transitions.now_ms = None


async def test_no_more_attempts_run_at_once_than_there_are_slots(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start(concurrency=3)
    execution_id = await start(engine, *(node(f"n{i}", handler="test_wait") for i in range(9)))

    async def are_full() -> bool:
        return stage.at_once == 3

    await until(are_full)
    stage.may_go_on.set()

    assert await ended(engine, execution_id) is E.COMPLETED
    assert stage.most_at_once == 3
    assert sorted(stage.calls) == [(f"n{i}", 1) for i in range(9)]


async def test_saved_turns_are_worked_off_by_one_task_however_many_ends_tell_of_them(
    engine: Engine, fleet: WorkerFleet, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    under_way = 0
    continued = Transitions.drain_worklist

    async def drain(transitions: Transitions, execution_id: str) -> None:
        nonlocal under_way
        under_way += 1
        at_once.append(under_way)
        await continued(transitions, execution_id)
        under_way -= 1

    monkeypatch.setattr(Transitions, "drain_worklist", drain)
    await fleet.start(concurrency=64)
    stage.may_go_on.set()

    execution_id = await start(
        engine, node("root"), *(node(f"n{i}", after=["root"], handler="test_wait") for i in range(1_500))
    )

    assert await ended(engine, execution_id) is E.COMPLETED
    assert set(at_once) == {1}


async def test_two_workers_of_one_name_share_the_work_and_are_told_apart(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    stage.may_go_on.set()
    first, second = await fleet.start("same", concurrency=2), await fleet.start("same", concurrency=2)

    execution_id = await start(engine, *(node(f"n{i}", handler="test_wait") for i in range(40)))

    assert await ended(engine, execution_id) is E.COMPLETED
    assert sorted(stage.calls) == sorted((f"n{i}", 1) for i in range(40))
    workers = await engine.workers.list()
    assert {(each.worker_id, each.name) for each in workers} == {
        (first.worker_id, "same"), (second.worker_id, "same"),
    }  # fmt: skip
    (queue,) = await engine.queues.list()
    assert (queue.length, queue.pending) == (0, 0)


async def test_a_worker_announces_what_it_offers_and_leaves_when_it_goes(
    engine: Engine, fleet: WorkerFleet
) -> None:
    worker = await fleet.start(concurrency=7)
    (seen,) = await engine.workers.list()

    await fleet.stop(worker)

    assert (seen.name, seen.slots) == ("worker-1", 7)
    assert seen.offers("test_wait", "default")
    assert await engine.workers.list() == []


async def test_queues_are_read_by_the_workers_that_name_them(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start("plain")
    execution_id = await start(engine, node("A"), node("B", after=["A"], queue="gpu"))
    await in_status(engine, execution_id, "B", N.QUEUED)

    await fleet.start("special", queues=("gpu", "default"))

    assert await ended(engine, execution_id) is E.COMPLETED
    state = (await engine.nodes.get(execution_id, "B")).state
    assert str(state.worker).startswith("special")


async def test_a_lease_is_renewed_for_as_long_as_its_handler_runs(
    engine: Engine, fleet: WorkerFleet, stage: Stage, redis: Redis
) -> None:
    await fleet.start(lease_ms=LEASE_MS)
    execution_id = await start(engine, node("A", handler="test_wait"))
    await stage.started.wait()
    deadlines = set()

    async def has_been_renewed() -> bool:
        now_ms = await engine.store.now_ms()
        await leases.run_once(engine.store, engine.transitions, now_ms)
        deadlines.add(await redis.zscore("workflows:leases", f"{execution_id}\x1fA\x1f1"))
        return len(deadlines) > 2

    await until(has_been_renewed)
    stage.may_go_on.set()

    assert await ended(engine, execution_id) is E.COMPLETED
    assert stage.calls == [("A", 1)]


async def test_a_worker_paused_past_its_lease_is_fenced(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    paused = await fleet.start("paused", concurrency=1)
    execution_id = await start(engine, node("A", handler="test_wait"))
    await stage.started.wait()
    paused.heartbeat.stop()
    second = await fleet.start("second", concurrency=1)

    await expire_leases(engine, 15_000)

    async def runs_again() -> bool:
        return len(stage.calls) == 2

    await until(runs_again)
    # The first worker wakes up and both finish; the late result must not count.
    stage.may_go_on.set()
    assert await ended(engine, execution_id) is E.COMPLETED
    output = (await engine.executions.results(execution_id))["A"]
    assert output is not None
    assert orjson.loads(output) == {"attempt": 2, "worker": second.worker_id}
    types = [event.type for event in await engine.events.list(execution_id)]
    assert types.count("node.completed") == 1


async def test_a_cancel_reaches_a_running_handler_through_the_heartbeat(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start(lease_ms=LEASE_MS)
    config = {"when_told": "stop"}
    execution_id = await start(engine, node("A", handler="test_wait", config=config), node("B", after=["A"]))
    await stage.started.wait()

    await engine.executions.cancel(execution_id, grace_ms=30_000, request_id="1")

    assert await ended(engine, execution_id) is E.CANCELLED
    assert (await engine.nodes.get(execution_id, "A")).state.status is N.CANCELLED


async def test_a_handler_that_does_not_listen_is_stopped_when_the_grace_is_over(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start(lease_ms=LEASE_MS)
    execution_id = await start(engine, node("A", handler="test_wait"), node("B", after=["A"]))
    await stage.started.wait()

    await engine.executions.cancel(execution_id, grace_ms=0, request_id="1")

    assert await ended(engine, execution_id) is E.CANCELLED

    async def is_stopped() -> bool:
        return stage.was_cancelled

    await until(is_stopped)
    assert (await engine.nodes.get(execution_id, "A")).state.status is N.CANCELLED


async def test_a_handler_may_still_finish_within_the_grace(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start(lease_ms=LEASE_MS)
    config = {"when_told": "finish"}
    execution_id = await start(engine, node("A", handler="test_wait", config=config), node("B", after=["A"]))
    await stage.started.wait()

    await engine.executions.cancel(execution_id, grace_ms=30_000, request_id="1")

    assert await ended(engine, execution_id) is E.CANCELLED
    found = await engine.nodes.get(execution_id, "A")
    state, output = found.state, found.output
    assert (state.status, output) == (N.COMPLETED, b'{"in":"time"}')


async def test_a_drain_lets_what_runs_finish_and_takes_nothing_new(
    engine: Engine, fleet: WorkerFleet, stage: Stage, redis: Redis
) -> None:
    worker = await fleet.start()
    execution_id = await start(engine, node("A", handler="test_wait"), node("B", after=["A"]))
    await stage.started.wait()

    async def reads_no_more() -> bool:
        return bool((await redis.info("clients"))["blocked_clients"] == 0)

    worker.drain()
    await until(reads_no_more)
    stage.may_go_on.set()
    await fleet.stop(worker)

    assert (await engine.nodes.get(execution_id, "A")).state.status is N.COMPLETED
    assert (await engine.nodes.get(execution_id, "B")).state.status is N.QUEUED


async def test_a_drain_hands_back_the_rest_uncharged(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    worker = await fleet.start(drain_s=0.02)
    execution_id = await start(engine, node("A", handler="test_wait"))
    await in_status(engine, execution_id, "A", N.RUNNING)

    await fleet.stop(worker)
    state = (await engine.nodes.get(execution_id, "A")).state
    stage.may_go_on.set()
    await fleet.start("next")

    assert (state.status, state.attempt, state.tries, state.crashes) == (N.QUEUED, 2, 0, 0)
    assert await ended(engine, execution_id) is E.COMPLETED


async def test_a_drain_waits_for_an_end_that_is_being_recorded(
    engine: Engine, fleet: WorkerFleet, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await fleet.start(drain_s=0)
    record = worker.attempts._record

    async def record_late(*batch: Any) -> None:
        await stage.may_go_on.wait()
        await record(*batch)

    monkeypatch.setattr(worker.attempts, "_record", record_late)
    execution_id = await start(engine, node("A"))

    async def is_recording() -> bool:
        return worker.attempts.is_recording

    await until(is_recording)
    worker.drain()
    asyncio.get_running_loop().call_later(0.1, stage.may_go_on.set)
    await fleet.stop(worker)

    assert await engine.executions.status(execution_id) is E.COMPLETED


async def test_without_an_orchestrator_workers_look_after_timers(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start()
    retry = {"max_attempts": 2, "initial_interval": 0.05, "jitter": "none"}

    execution_id = await start(
        engine, node("A", handler="unreliable_handler", config={"fail_times": 1}, retry=retry)
    )

    assert await ended(engine, execution_id) is E.COMPLETED
    state = (await engine.nodes.get(execution_id, "A")).state
    assert (state.attempt, state.tries) == (2, 2)


async def test_tasks_that_come_together_are_spread_over_the_workers_that_read_the_queue(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    workers = [await fleet.start(f"w{i}", concurrency=64, lease_ms=LEASE_MS) for i in range(3)]

    async def know_each_other() -> bool:
        return all(worker.shares.readers("default") == 3 for worker in workers)

    await until(know_each_other)
    known_s = time.monotonic()
    # A read that began before asks for as much as a worker may take that is alone; it blocks for 50 ms.
    await until(lambda: asyncio.sleep(0, time.monotonic() > known_s + 0.2))
    nodes = [node("root"), *(node(f"n{i}", after=["root"], handler="test_wait") for i in range(32))]
    execution_id = await start(engine, *nodes)

    async def all_run() -> bool:
        return stage.at_once == 32

    await until(all_run)
    states = (await engine.executions.get(execution_id)).nodes
    ran_by = Counter(state.worker for state in states if state.node_id != "root")
    assert set(ran_by) == {worker.worker_id for worker in workers}
    assert max(ran_by.values()) <= 16
    stage.may_go_on.set()
    assert await ended(engine, execution_id) is E.COMPLETED


async def test_a_queue_that_one_worker_reads_is_wholly_its_own(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    left = await fleet.start("left", lease_ms=LEASE_MS)
    await fleet.stop(left)
    only = await fleet.start("only", lease_ms=LEASE_MS)

    assert only.shares.readers("default") == 1
