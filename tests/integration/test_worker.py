"""The real worker, in this process: what handlers see, what ends an attempt, what survives what."""

# long: what handlers may do stands beside the handlers that do it; most lines are those.

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from orchestrator.engine import Engine
from orchestrator.execution import NodeState
from orchestrator.loops import leases
from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from tests.makers import WorkerFleet, node, until, workflow
from workers.context import HandlerContext
from workers.handlers import Catalogue
from workers.outcome import Retryable, Skip, Terminal
from workers.registry import HANDLER_REGISTRY, handler

E, N = ExecutionStatus, NodeStatus


class Stage:
    """What the handlers of these tests and the tests themselves tell each other."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.started = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.was_cancelled = False
        self.thread = ""
        self.most_at_once = 0
        self.at_once = 0
        self.released = threading.Event()


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage with handlers registered for one test."""
    made = Stage()
    before = dict(HANDLER_REGISTRY)
    _register(made)
    yield made
    HANDLER_REGISTRY.clear()
    HANDLER_REGISTRY.update(before)


def _register(stage: Stage) -> None:
    @handler("test_wait")
    async def wait(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
        """Go on when the test says so."""
        stage.calls.append((context.node_id, context.attempt))
        stage.at_once += 1
        stage.most_at_once = max(stage.most_at_once, stage.at_once)
        stage.started.set()
        try:
            await stage.may_go_on.wait()
        except asyncio.CancelledError:
            stage.was_cancelled = True
            if config.get("finishes_anyway"):
                return {"in": "time"}
            raise
        finally:
            stage.at_once -= 1
        return {"attempt": context.attempt, "worker": context.worker_id}

    @handler("test_raise")
    async def fail(config: Mapping[str, Any], context: HandlerContext) -> None:
        """Raise what the config names."""
        stage.calls.append((context.node_id, context.attempt))
        raise {
            "ValueError": ValueError("no such value"),
            "Terminal": Terminal("never", type="Mine.Terminal"),
            "Retryable": Retryable("later", type="Mine.Retryable"),
            "Skip": Skip("nothing to do"),
            "Cancelled": asyncio.CancelledError(),
        }[config["what"]]

    @handler("test_return")
    async def give(config: Mapping[str, Any], context: HandlerContext) -> Any:
        """Return something."""
        return {
            "nan": {"x": float("nan")},
            "bytes": {"x": b"raw"},
            "large": "x" * 5_000,
            "text": "plain",
            "nothing": None,
        }[config["what"]]

    @handler("test_sync")
    def in_a_thread(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
        """Run in a thread until the test says so or the work is no longer wanted."""
        stage.thread = threading.current_thread().name
        context.log("in a thread")
        while config.get("waits") and not context.is_cancelled() and not stage.released.wait(0.005):
            pass
        return {"cancelled": context.is_cancelled()}

    @handler("test_report")
    async def report(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
        """Log and report progress."""
        for number in range(5):
            context.log(f"line {number}", number=number)
        context.progress(0.5, "half")
        return {"key": context.idempotency_key, "try": context.try_number}


@pytest.fixture
async def fleet(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkerFleet]:
    # A drain waits for the read that blocks; the tests would rather not.
    monkeypatch.setattr("workers.worker.BLOCK_MS", 50)
    made = WorkerFleet(redis_url)
    yield made
    await made.stop_all()


@pytest.fixture
async def engine(redis: Redis, stage: Stage) -> Engine:
    made = Engine(redis, redis, catalogue=Catalogue)
    await made.transitions.load()
    return made


async def start(engine: Engine, *nodes: dict[str, Any], **extras: Any) -> str:
    return (await engine.submit(workflow(*nodes, **extras), trigger=True)).execution_id


async def ended(engine: Engine, execution_id: str) -> ExecutionStatus:
    """Wait for the end of an execution and give it."""

    async def has_ended() -> bool:
        return (await engine.status(execution_id)).is_terminal

    await until(has_ended)
    return await engine.status(execution_id)


async def in_status(engine: Engine, execution_id: str, node_id: str, status: NodeStatus) -> NodeState:
    async def is_there() -> bool:
        return (await engine.node(execution_id, node_id))[0].status is status

    await until(is_there)
    return (await engine.node(execution_id, node_id))[0]


async def expire_leases(engine: Engine, lease_ms: int) -> None:
    """Do what an orchestrator would once every lease held now has run out."""
    later_ms = await engine.store.now_ms() + lease_ms + 1
    engine.transitions.now_ms = later_ms
    await leases.run_once(engine.store, engine.transitions, later_ms)
    engine.transitions.now_ms = None


# What an attempt comes to


@pytest.mark.parametrize(
    ("what", "error_type", "message"),
    [
        ("ValueError", "HandlerError", "ValueError: no such value"),
        ("Terminal", "Mine.Terminal", "never"),
        ("Retryable", "Mine.Retryable", "later"),
        ("Cancelled", "HandlerError", "the handler let a cancellation of its own escape"),
    ],
)
async def test_what_a_handler_raises_is_the_nodes_error(
    engine: Engine, fleet: WorkerFleet, what: str, error_type: str, message: str
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_raise", config={"what": what}))

    assert await ended(engine, execution_id) is E.FAILED
    state, _ = await engine.node(execution_id, "A")
    assert state.error is not None
    assert (state.reason, state.error["type"], state.error["message"]) == (Reason.ERROR, error_type, message)
    assert state.error["attempt"] == 1


async def test_a_handler_that_finds_nothing_to_do_skips_its_node(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_raise", config={"what": "Skip"}))

    assert await ended(engine, execution_id) is E.COMPLETED
    state, _ = await engine.node(execution_id, "A")
    assert (state.status, state.reason) == (N.SKIPPED, Reason.HANDLER_SKIPPED)


@pytest.mark.parametrize(
    ("what", "error_type"),
    [("nan", "HandlerError"), ("bytes", "HandlerError"), ("large", "OutputTooLarge")],
)
async def test_an_output_that_cannot_be_kept_is_a_failed_attempt(
    engine: Engine, fleet: WorkerFleet, what: str, error_type: str
) -> None:
    await fleet.start(output_max_bytes=1_000)

    execution_id = await start(engine, node("A", handler="test_return", config={"what": what}))

    assert await ended(engine, execution_id) is E.FAILED
    state, output = await engine.node(execution_id, "A")
    assert state.error is not None
    assert (state.error["type"], output) == (error_type, None)


async def test_any_json_value_is_an_output(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await start(
        engine,
        node("A", handler="test_return", config={"what": "text"}),
        node("B", handler="test_return", config={"what": "nothing"}),
    )

    assert await ended(engine, execution_id) is E.COMPLETED
    assert await engine.results(execution_id) == {"A": b'"plain"', "B": b"null"}


async def test_a_false_when_skips_without_a_handler_call(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start()

    execution_id = await start(
        engine, node("A", handler="test_raise", config={"what": "ValueError"}, when="{{ 1 > 2 }}")
    )

    assert await ended(engine, execution_id) is E.COMPLETED
    state, _ = await engine.node(execution_id, "A")
    assert (state.reason, stage.calls) == (Reason.CONDITION_FALSE, [])


async def test_a_reference_that_cannot_be_resolved_fails_the_node(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await start(
        engine, node("A"), node("B", after=["A"], config={"text": "{{ A.nowhere.to_be }}"})
    )

    assert await ended(engine, execution_id) is E.FAILED
    state, _ = await engine.node(execution_id, "B")
    assert state.error is not None
    assert state.error["type"] == "TemplateError"
    assert "'B'" in state.error["message"]


async def test_an_attempt_that_takes_too_long_is_stopped(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_wait", start_to_close_timeout=0.05))

    assert await ended(engine, execution_id) is E.FAILED
    state, _ = await engine.node(execution_id, "A")
    assert state.error is not None
    assert (state.reason, state.error["type"]) == (Reason.TIMEOUT, "Timeout.StartToClose")
    assert stage.was_cancelled


async def test_a_handler_knows_its_try_and_a_key_that_all_tries_share(
    engine: Engine, fleet: WorkerFleet
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_report"))

    assert await ended(engine, execution_id) is E.COMPLETED
    output = (await engine.results(execution_id))["A"]
    assert output is not None
    assert orjson.loads(output) == {"key": f"{execution_id}:A", "try": 1}


async def test_what_a_handler_logs_and_reports_becomes_history_once_and_in_order(
    engine: Engine, fleet: WorkerFleet
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_report"))

    assert await ended(engine, execution_id) is E.COMPLETED
    events = [event for event in await engine.events(execution_id) if event.node_id == "A"]
    logged = [orjson.loads(event.data)["message"] for event in events if event.type == "node.log"]
    assert logged == [f"line {number}" for number in range(5)]
    assert [event.type for event in events][-2:] == ["node.progress", "node.completed"]


# Slots, threads, names


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


async def test_sync_handlers_run_in_threads_of_their_own(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_sync"))

    assert await ended(engine, execution_id) is E.COMPLETED
    assert stage.thread.startswith("handler")
    assert "node.log" in [event.type for event in await engine.events(execution_id)]


async def test_two_workers_of_one_name_share_the_work_and_are_told_apart(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    stage.may_go_on.set()
    first, second = await fleet.start("same", concurrency=2), await fleet.start("same", concurrency=2)

    execution_id = await start(engine, *(node(f"n{i}", handler="test_wait") for i in range(40)))

    assert await ended(engine, execution_id) is E.COMPLETED
    assert sorted(stage.calls) == sorted((f"n{i}", 1) for i in range(40))
    workers = await engine.workers()
    assert {(each.worker_id, each.name) for each in workers} == {
        (first.worker_id, "same"), (second.worker_id, "same"),
    }  # fmt: skip
    (queue,) = await engine.queues()
    assert (queue.length, queue.pending) == (0, 0)


async def test_a_worker_announces_what_it_offers_and_leaves_when_it_goes(
    engine: Engine, fleet: WorkerFleet
) -> None:
    worker = await fleet.start(concurrency=7)
    (seen,) = await engine.workers()

    await fleet.stop(worker)

    assert (seen.name, seen.slots) == ("worker-1", 7)
    assert seen.offers("test_wait", "default")
    assert await engine.workers() == []


async def test_queues_are_read_by_the_workers_that_name_them(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start("plain")
    execution_id = await start(engine, node("A"), node("B", after=["A"], queue="gpu"))
    await in_status(engine, execution_id, "B", N.QUEUED)

    await fleet.start("special", queues=("gpu", "default"))

    assert await ended(engine, execution_id) is E.COMPLETED
    state, _ = await engine.node(execution_id, "B")
    assert str(state.worker).startswith("special")


# Leases, cancels, drains


async def test_a_lease_is_renewed_for_as_long_as_its_handler_runs(
    engine: Engine, fleet: WorkerFleet, stage: Stage, redis: Redis
) -> None:
    await fleet.start(lease_ms=150)
    execution_id = await start(engine, node("A", handler="test_wait"))
    await stage.started.wait()
    deadlines = set()

    async def has_been_renewed() -> bool:
        now_ms = await engine.store.now_ms()
        await leases.run_once(engine.store, engine.transitions, now_ms)
        deadlines.add(await redis.zscore("workflows:leases", f"{execution_id}\x1fA\x1f1"))
        return len(deadlines) > 4

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
    output = (await engine.results(execution_id))["A"]
    assert output is not None
    assert orjson.loads(output) == {"attempt": 2, "worker": second.worker_id}
    types = [event.type for event in await engine.events(execution_id)]
    assert types.count("node.completed") == 1


async def test_a_cancel_reaches_a_running_handler_through_the_heartbeat(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start(lease_ms=150)
    execution_id = await start(engine, node("A", handler="test_wait"), node("B", after=["A"]))
    await stage.started.wait()

    await engine.cancel(execution_id, grace_ms=30_000, request_id="1")

    assert await ended(engine, execution_id) is E.CANCELLED
    assert stage.was_cancelled
    assert (await engine.node(execution_id, "A"))[0].status is N.CANCELLED


async def test_a_handler_may_still_finish_within_the_grace(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start(lease_ms=150)
    config = {"finishes_anyway": True}
    execution_id = await start(engine, node("A", handler="test_wait", config=config), node("B", after=["A"]))
    await stage.started.wait()

    await engine.cancel(execution_id, grace_ms=30_000, request_id="1")

    assert await ended(engine, execution_id) is E.CANCELLED
    state, output = await engine.node(execution_id, "A")
    assert (state.status, output) == (N.COMPLETED, b'{"in":"time"}')


async def test_a_handler_in_a_thread_is_asked_to_stop(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start(lease_ms=150)
    execution_id = await start(engine, node("A", handler="test_sync", config={"waits": True}))
    await in_status(engine, execution_id, "A", N.RUNNING)

    await engine.cancel(execution_id, grace_ms=30_000, request_id="1")

    assert await ended(engine, execution_id) is E.CANCELLED
    assert (await engine.results(execution_id))["A"] == b'{"cancelled":true}'


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

    assert (await engine.node(execution_id, "A"))[0].status is N.COMPLETED
    assert (await engine.node(execution_id, "B"))[0].status is N.QUEUED


@pytest.mark.parametrize("name", ["test_wait", "test_sync"])
async def test_a_drain_hands_back_the_rest_uncharged(
    engine: Engine, fleet: WorkerFleet, stage: Stage, name: str
) -> None:
    worker = await fleet.start(drain_s=0.02)
    execution_id = await start(engine, node("A", handler=name, config={"waits": True}))
    await in_status(engine, execution_id, "A", N.RUNNING)

    await fleet.stop(worker)
    state, _ = await engine.node(execution_id, "A")
    stage.may_go_on.set()
    stage.released.set()
    await fleet.start("next")

    assert (state.status, state.attempt, state.tries, state.crashes) == (N.QUEUED, 2, 0, 0)
    assert await ended(engine, execution_id) is E.COMPLETED


async def test_without_an_orchestrator_workers_look_after_timers(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start()
    retry = {"max_attempts": 2, "initial_interval": 0.05, "jitter": "none"}

    execution_id = await start(
        engine, node("A", handler="unreliable_handler", config={"fail_times": 1}, retry=retry)
    )

    assert await ended(engine, execution_id) is E.COMPLETED
    state, _ = await engine.node(execution_id, "A")
    assert (state.attempt, state.tries) == (2, 2)


# What Redis loses, and what nobody offers


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
    await fleet.start(lease_ms=150)
    execution_id = await start(engine, node("A", handler="test_wait"), node("B", after=["A"]))
    await stage.started.wait()

    await redis.function_flush()
    stage.may_go_on.set()

    assert await ended(engine, execution_id) is E.COMPLETED
    assert stage.calls == [("A", 1)]


async def test_a_task_whose_handler_nobody_offers_is_handed_back_and_explained(
    engine: Engine, fleet: WorkerFleet, redis: Redis
) -> None:
    await fleet.start()
    elsewhere = Engine(redis, redis, catalogue=lambda announced: Catalogue(frozenset({"exotic"})))

    execution_id = await start(elsewhere, node("A", handler="exotic"))
    state = await in_status(engine, execution_id, "A", N.WAITING)

    (reason,) = [each for each in await engine.explain(execution_id) if each.node_id == "A"]
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
    monkeypatch.setattr("workers.intake.UNCLAIMED_MS", 10)
    execution_id = await start(engine, node("A"))
    await redis.xgroup_create("workflow:tasks", "workflow_group", id="0")
    await redis.xreadgroup("workflow_group", "dead", {"workflow:tasks": ">"})

    await fleet.start()

    assert await ended(engine, execution_id) is E.COMPLETED
