"""Retry and fork with real workers, whose handler calls are counted: the preview equals what ran."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from headrace import Terminal, handler
from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.fake_handlers import Stage, ended
from tests.makers import WorkerFleet, condition, node, workflow
from workers.context import HandlerContext

E, N = ExecutionStatus, NodeStatus


class Calls:
    """Which nodes a handler was called for, in which execution; those named in `failing` fail."""

    def __init__(self) -> None:
        self.made: Counter[tuple[str, str]] = Counter()
        self.failing: set[str] = set()

    def of(self, execution_id: str) -> dict[str, int]:
        return {node_id: count for (found, node_id), count in self.made.items() if found == execution_id}


@pytest.fixture
def calls(stage: Stage) -> Calls:
    """Count the calls of `test_count`; the stage takes the handler away again."""
    made = Calls()

    @handler("test_count")
    async def count(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
        """Count, and give the config back."""
        made.made[context.execution_id, context.node_id] += 1
        if context.node_id in made.failing:
            raise Terminal("told to fail")
        return {"given": dict(config)}

    return made


def counted(node_id: str, after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return node(node_id, after=after, handler="test_count") | {"config": config}


#: Two chains from one root, joined: s0 → a1 … a9 and s0 → b1 … b9 → end: twenty nodes.
TWENTY = workflow(
    counted("s0"),
    *(counted(f"a{i}", [f"a{i - 1}" if i > 1 else "s0"]) for i in range(1, 10)),
    *(counted(f"b{i}", [f"b{i - 1}" if i > 1 else "s0"]) for i in range(1, 10)),
    counted("end", ["a9", "b9"], last="{{ a9.given }}"),
)


async def run(engine: Engine, document: dict[str, Any], **given: Any) -> str:
    execution_id = (await engine.executions.submit(document, trigger=True, **given)).execution_id
    await ended(engine, execution_id)
    return execution_id


async def statuses(engine: Engine, execution_id: str) -> dict[str, NodeStatus]:
    return {state.node_id: state.status for state in (await engine.executions.get(execution_id)).nodes}


async def test_editing_one_of_twenty_nodes_runs_only_it_and_what_is_behind_it(
    engine: Engine, fleet: WorkerFleet, calls: Calls
) -> None:
    await fleet.start()
    source_id = await run(engine, TWENTY)
    edited = copy.deepcopy(TWENTY)
    edited["dag"]["nodes"][6]["config"] = {"edited": True}  # a6

    preview = await engine.executions.fork(source_id, definition=edited, preview=True)
    forked = await engine.executions.fork(source_id, definition=edited)
    assert forked.execution_id is not None
    status = await ended(engine, forked.execution_id)

    behind = ["a6", "a7", "a8", "a9", "end"]
    assert status is E.COMPLETED
    assert calls.of(source_id) == {each["id"]: 1 for each in TWENTY["dag"]["nodes"]}
    assert calls.of(forked.execution_id) == dict.fromkeys(behind, 1)
    assert list(preview.nodes) == list(forked.nodes) == behind
    assert sorted(preview.reused + preview.nodes) == sorted(each["id"] for each in TWENTY["dag"]["nodes"])
    assert (preview.execution_id, preview.status) == (None, None)
    results, before = (
        await engine.executions.results(forked.execution_id),
        await engine.executions.results(source_id),
    )
    assert all(results[each] == before[each] for each in preview.reused)
    assert orjson.loads(results["a6"] or b"") == {"given": {"edited": True}}


async def test_a_fork_from_a_node_repeats_it_and_shows_where_it_comes_from(
    engine: Engine, fleet: WorkerFleet, calls: Calls
) -> None:
    await fleet.start()
    source_id = await run(engine, TWENTY)

    forked = await engine.executions.fork(source_id, from_node="b8")
    assert forked.execution_id is not None
    await ended(engine, forked.execution_id)

    view = await engine.executions.get(forked.execution_id)
    assert calls.of(forked.execution_id) == {"b8": 1, "b9": 1, "end": 1}
    assert (view.execution.forked_from, view.execution.replay_of) == (source_id, None)
    assert {state.node_id for state in view.nodes if state.reused} == set(forked.reused)
    assert (view.execution.left, view.execution.failed) == (0, 0)
    created, *_ = await engine.events.list(forked.execution_id)
    assert orjson.loads(created.data) == {"forked_from": source_id}


async def test_new_inputs_run_what_refers_to_them(engine: Engine, fleet: WorkerFleet, calls: Calls) -> None:
    await fleet.start()
    document = workflow(
        node("plain"), counted("reads", n="{{ inputs.n }}"), counted("behind", ["plain", "reads"])
    )
    source_id = await run(engine, document, inputs={"n": 1, "m": 2})

    same = await engine.executions.fork(source_id, inputs={"n": 1}, preview=True)
    other = await engine.executions.fork(source_id, inputs={"n": 5})
    assert other.execution_id is not None
    await ended(engine, other.execution_id)

    assert same.nodes == ()
    assert "plain" in other.reused
    assert calls.of(other.execution_id) == {"reads": 1, "behind": 1}
    assert (await engine.executions.get(other.execution_id)).execution.inputs == {"n": 5, "m": 2}


async def test_a_fork_of_a_failed_execution_runs_what_failed(
    engine: Engine, fleet: WorkerFleet, calls: Calls
) -> None:
    await fleet.start()
    calls.failing = {"a5"}
    source_id = await run(engine, TWENTY)
    calls.failing = set()

    forked = await engine.executions.fork(source_id)
    assert forked.execution_id is not None
    status = await ended(engine, forked.execution_id)

    assert status is E.COMPLETED
    assert list(forked.nodes) == ["a5", "a6", "a7", "a8", "a9", "end"]
    assert calls.of(forked.execution_id) == dict.fromkeys(forked.nodes, 1)
    assert await engine.executions.status(source_id) is E.FAILED


async def test_branches_that_were_decided_stay_decided(
    engine: Engine, fleet: WorkerFleet, calls: Calls
) -> None:
    await fleet.start()
    document = workflow(
        condition("if", true=["yes"], false=["no"], expression="true"),
        counted("yes", ["if"]),
        counted("no", ["if"]),
        counted("join", ["yes", "no"]),
    )
    source_id = await run(engine, document)
    edited = copy.deepcopy(document)
    edited["dag"]["nodes"][2]["config"] = {"edited": True}

    forked = await engine.executions.fork(source_id, definition=edited)
    assert forked.execution_id is not None
    await ended(engine, forked.execution_id)

    assert (forked.nodes, forked.reused, forked.skipped) == (("join",), ("if", "yes"), ("no",))
    assert calls.of(forked.execution_id) == {"join": 1}
    state = (await engine.nodes.get(forked.execution_id, "no")).state
    assert (state.status, state.reason) == (N.SKIPPED, Reason.BRANCH_NOT_TAKEN)


async def test_a_fork_of_a_fork_keeps_what_was_kept(engine: Engine, fleet: WorkerFleet, calls: Calls) -> None:
    await fleet.start()
    source_id = await run(engine, TWENTY)
    first = await engine.executions.fork(source_id, from_node="a9")
    assert first.execution_id is not None
    await ended(engine, first.execution_id)

    second = await engine.executions.fork(first.execution_id, from_node="end")
    assert second.execution_id is not None
    await ended(engine, second.execution_id)

    assert calls.of(second.execution_id) == {"end": 1}
    assert None not in (await engine.executions.results(second.execution_id)).values()


async def test_a_fork_can_fail_and_be_retried_in_place(
    engine: Engine, fleet: WorkerFleet, calls: Calls
) -> None:
    await fleet.start()
    source_id = await run(engine, TWENTY)
    calls.failing = {"a8"}
    forked = await engine.executions.fork(source_id, from_node="a8")
    assert forked.execution_id is not None
    status = await ended(engine, forked.execution_id)
    calls.failing = set()

    await engine.executions.retry(forked.execution_id)

    assert status is E.FAILED
    assert await ended(engine, forked.execution_id) is E.COMPLETED
    assert calls.of(forked.execution_id) == {"a8": 2, "a9": 1, "end": 1}


async def test_a_retry_runs_what_its_preview_names(engine: Engine, fleet: WorkerFleet, calls: Calls) -> None:
    await fleet.start()
    calls.failing = {"a5"}
    execution_id = await run(engine, TWENTY)
    before = dict(calls.of(execution_id))
    calls.failing = set()

    preview = await engine.executions.retry(execution_id, preview=True)
    done = await engine.executions.retry(execution_id)
    status = await ended(engine, execution_id)

    ran = {each: count - before.get(each, 0) for each, count in calls.of(execution_id).items()}
    assert status is E.COMPLETED
    assert preview.nodes == done.nodes == ("a5", "a6", "a7", "a8", "a9", "end")
    assert {each: count for each, count in ran.items() if count} == dict.fromkeys(preview.nodes, 1)
    assert (preview.generation, preview.status) == (1, E.FAILED)
    assert (done.generation, done.status, done.already) == (2, E.RUNNING, False)
