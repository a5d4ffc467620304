"""The `output` of a definition: the last unit of an execution, begun once everything else has ended well."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.errors import DefinitionInvalid, InvalidTransition, NodeNotFound
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.dags import workflow
from tests.fake_handlers import ended
from tests.integration.handler_steps import act
from tests.makers import LEASE_MS, Rig, WorkerFleet, node
from workers.handlers import Catalogue

N, E = NodeStatus, ExecutionStatus
OUTPUT = "$output"
SUM: dict[str, Any] = {"output": {"sum": "{{ A.result + B.result }}", "who": "{{ inputs.who }}"}}


def gives(node_id: str, n: int, **fields: Any) -> dict[str, Any]:
    """A node whose output is {"result": n}."""
    return node(node_id, handler="transform", config={"output": n}, **fields)


async def begun(rig: Rig, *nodes: dict[str, Any], **extras: Any) -> str:
    """An execution whose nodes have completed, and whose output waits for a worker."""
    execution_id = await rig.submit(*(nodes or (node("A"),)), **{"output": {"done": True}, **extras})
    for held in (await rig.worker.start()).values():
        await rig.worker.complete(held)
    assert await rig.status(execution_id) is E.RUNNING
    return execution_id


async def output(rig: Rig, execution_id: str) -> Any:
    text = (await rig.engine.executions.get(execution_id)).output
    return None if text is None else orjson.loads(text)


async def test_it_is_rendered_when_all_nodes_have_ended_and_its_end_is_the_end(rig: Rig) -> None:
    document = workflow(gives("A", 1), gives("B", 2), **SUM)
    submitted = await rig.engine.executions.submit(document, inputs={"who": "ann"}, trigger=True)

    ran = await act(rig)

    view = await rig.engine.executions.get(submitted.execution_id)
    assert sorted(ran[:2]) == ["A", "B"]
    assert ran[2:] == [OUTPUT]
    assert await output(rig, submitted.execution_id) == {"sum": 3, "who": "ann"}
    assert view.execution.status is E.COMPLETED
    assert (await rig.events(submitted.execution_id))[-3:] == [
        f"node.started:{OUTPUT}",
        f"node.completed:{OUTPUT}",
        "execution.completed",
    ]
    assert await rig.nothing_is_left_behind()


async def test_it_is_no_node(rig: Rig) -> None:
    execution_id = await begun(rig)
    await act(rig)

    assert set(await rig.nodes(execution_id)) == {"A"}
    assert set(await rig.engine.executions.results(execution_id)) == {"A"}
    with pytest.raises(NodeNotFound):
        await rig.engine.nodes.get(execution_id, OUTPUT)


@pytest.mark.parametrize("given", ["{{ A }}", ["{{ A.result }}", 2], 7, {}, "plain", False])
async def test_it_may_be_any_value(rig: Rig, given: Any) -> None:
    execution_id = await rig.submit(gives("A", 1), output=given)
    await act(rig)

    rendered = {"{{ A }}": {"result": 1}}.get(given) if isinstance(given, str) and "{" in given else given
    assert await output(rig, execution_id) == ([1, 2] if isinstance(given, list) else rendered)


async def test_its_failure_fails_the_execution_and_is_told(rig: Rig) -> None:
    execution_id = await rig.submit(gives("A", 0), output={"share": "{{ 1 / A.result }}"})

    await act(rig)

    view = await rig.engine.executions.get(execution_id)
    assert (view.execution.status, view.output) == (E.FAILED, None)
    assert view.output_error is not None
    assert view.output_error["type"] == "TemplateError"
    assert "output" in view.output_error["message"]
    assert await rig.nothing_is_left_behind()


@pytest.mark.parametrize(("critical", "status"), [(True, E.FAILED), (False, E.COMPLETED)])
async def test_it_is_rendered_only_if_the_execution_would_complete(
    rig: Rig, critical: bool, status: ExecutionStatus
) -> None:
    execution_id = await rig.submit(node("A", critical=critical), output={"done": True})
    await rig.worker.fail(await rig.worker.start_one("A"))

    ran = await act(rig)

    assert ran == ([] if critical else [OUTPUT])
    assert await rig.status(execution_id) is status


async def test_what_was_skipped_is_read_with_a_default(rig: Rig) -> None:
    nodes = (gives("A", 1), node("B", when="false"))
    lucky = await rig.submit(
        *nodes, output={"b": "{{ B.result | default(0) }}", "was": '{{ steps["B"].status }}'}
    )
    await act(rig)
    unlucky = await rig.submit(*nodes, output={"b": "{{ B.result }}"})
    await act(rig)

    assert await output(rig, lucky) == {"b": 0, "was": "SKIPPED"}
    assert await rig.status(unlucky) is E.FAILED


async def test_a_cancel_before_it_is_rendered_ends_it(rig: Rig) -> None:
    running = await begun(rig, execution_timeout=60)
    token = await rig.worker.start_one(OUTPUT)
    queued = await begun(rig)

    for each in (queued, running):
        await rig.engine.executions.cancel(each, request_id="1", grace_ms=1_000)
    at_once = await rig.status(queued)
    early = await rig.status(running)
    await rig.advance(1_000)

    assert (at_once, early) == (E.CANCELLED, E.RUNNING)
    assert await rig.status(running) is E.CANCELLED
    assert (await rig.worker.complete(token)).word == "fenced"
    assert await rig.nothing_is_left_behind()


async def test_a_deadline_ends_it(rig: Rig) -> None:
    execution_id = await begun(rig, execution_timeout=5)
    await rig.worker.start()

    await rig.advance(5_000)

    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nothing_is_left_behind()


async def test_a_retry_renders_it_alone_when_nothing_else_failed(rig: Rig) -> None:
    execution_id = await begun(rig)
    await rig.worker.fail(await rig.worker.start_one(OUTPUT))
    preview = await rig.engine.executions.retry(execution_id, preview=True)

    await rig.engine.executions.retry(execution_id)
    ran = await act(rig)

    view = await rig.engine.executions.get(execution_id)
    assert preview.nodes == ()
    assert ran == [OUTPUT]
    assert (view.execution.status, view.execution.generation, view.output_error) == (E.COMPLETED, 2, None)
    assert await output(rig, execution_id) == {"done": True}
    with pytest.raises(InvalidTransition):
        await rig.engine.executions.retry(execution_id)


async def test_a_retry_renders_anew_what_was_rendered_before_a_cancel(rig: Rig) -> None:
    execution_id = await rig.submit(gives("A", 1), node("B", critical=False), output="{{ B }}")
    held = await rig.worker.start()
    await rig.worker.complete(held["A"], {"n": 1})
    await rig.worker.fail(held["B"])
    last = await rig.worker.start_one(OUTPUT)
    await rig.engine.executions.cancel(execution_id, request_id="1", grace_ms=60_000)
    await rig.worker.complete(last, {"old": True})
    assert await rig.status(execution_id) is E.CANCELLED

    await rig.engine.executions.retry(execution_id)
    before = await output(rig, execution_id)
    await act(rig)

    assert before is None
    assert await output(rig, execution_id) == {"status": "ok"}


async def test_a_replay_and_a_fork_have_outputs_of_their_own(rig: Rig) -> None:
    execution_id = await rig.submit(gives("A", 1), output="{{ A.result }}")
    await act(rig)

    replay = await rig.engine.executions.replay(execution_id)
    other = workflow(gives("A", 1), output="{{ A.result + 1 }}")
    fork = await rig.engine.executions.fork(execution_id, definition=other)
    ran = await act(rig)

    assert fork.nodes == ()
    assert sorted(ran) == [OUTPUT, OUTPUT, "A"]
    assert await output(rig, replay.execution_id) == 1
    assert fork.execution_id is not None
    assert await output(rig, fork.execution_id) == 2


async def test_a_pause_holds_it(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), output={"done": True})
    held = await rig.worker.start_one("A")
    await rig.engine.executions.pause(execution_id, request_id="1")
    await rig.worker.complete(held)
    told = await rig.engine.executions.explain(execution_id)
    repairs = await rig.repairs(execution_id)
    idle = await act(rig)

    await rig.engine.executions.resume(execution_id, request_id="2")
    await act(rig)

    assert [each.node_id for each in told] == [None, OUTPUT]
    assert (repairs, idle) == ([], [])
    assert await output(rig, execution_id) == {"done": True}


async def test_it_is_explained_while_it_waits_for_a_worker(rig: Rig) -> None:
    execution_id = await begun(rig)

    (told,) = await rig.engine.executions.explain(execution_id)

    assert (told.node_id, told.status) == (OUTPUT, N.QUEUED)
    assert "a worker" in told.waiting_for


async def test_while_it_is_under_way_nothing_is_repaired(rig: Rig) -> None:
    execution_id = await begun(rig)
    queued = await rig.repairs(execution_id)
    await rig.worker.start_one(OUTPUT)

    assert (queued, await rig.repairs(execution_id)) == ([], [])


@pytest.mark.parametrize("lost", ["task", "lease", "count", "begin"])
async def test_what_was_lost_is_repaired(rig: Rig, lost: str) -> None:
    execution_id = await begun(rig)
    runtime = rig.engine.keys.runtime(execution_id)
    if lost == "task":
        await rig.redis.delete("workflow:tasks")
    elif lost == "lease":
        await rig.worker.start_one(OUTPUT)
        await rig.redis.delete("workflows:leases")
    elif lost == "count":
        await rig.redis.hdel(runtime, "left", "failed")
    else:
        await rig.redis.delete("workflow:tasks", rig.engine.keys.node(execution_id, OUTPUT))
        await rig.redis.hset(runtime, "left", 0)

    assert await rig.repairs(execution_id) != []
    await rig.engine.executions.trigger(execution_id)
    await rig.tick()
    await rig.advance(LEASE_MS)
    await act(rig)

    assert await output(rig, execution_id) == {"done": True}
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_lost_worker_is_no_failure_of_it(rig: Rig) -> None:
    execution_id = await begun(rig)
    await rig.worker.start_one(OUTPUT)

    await rig.advance(LEASE_MS + 1)
    await act(rig)

    assert await rig.status(execution_id) is E.COMPLETED


async def test_one_too_large_fails_the_execution(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), output="{{ 'x' * 1000 * 1001 }}")

    await act(rig)

    assert await rig.status(execution_id) is E.FAILED


@pytest.mark.parametrize("count", [100, 200, 201])
async def test_large_workflows_have_one_too(rig: Rig, count: int) -> None:
    nodes = [node(f"n{i}") for i in range(count)]
    done = await rig.submit(*nodes, output="{{ n0.status }}")
    await rig.worker.run_all()
    cancelled = await rig.submit(*nodes, output="{{ n0.status }}", fail_fast=True)
    for held in (await rig.worker.start(1_000)).values():
        await rig.worker.complete(held)

    await rig.engine.executions.cancel(cancelled, request_id="1", grace_ms=0)
    await rig.advance(1)

    assert await rig.status(done) is E.COMPLETED
    assert await rig.status(cancelled) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_it_runs_where_the_nodes_do(rig: Rig) -> None:
    definition = compile_definition(
        workflow(node("A", queue="gpu"), node("B", queue="cpu"), output={}), handlers=Catalogue()
    )

    assert definition.output_node is not None
    assert definition.output_node.queue == "gpu"


async def test_real_workers_render_it(engine: Any, fleet: WorkerFleet) -> None:
    await fleet.start(queues=("gpu",))
    submitted = await engine.executions.submit(
        workflow(gives("A", 4, queue="gpu"), output="{{ A.result }}"), trigger=True
    )

    assert await ended(engine, submitted.execution_id) is E.COMPLETED
    assert (await engine.executions.get(submitted.execution_id)).output == b"4"
    workers = await engine.workers.list()
    assert [OUTPUT in worker.handlers for worker in workers] == [True]
    with pytest.raises(DefinitionInvalid):
        await engine.executions.submit(workflow(node("A", handler=OUTPUT)))


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"n": "{{ C.n }}"}, "output.n", "unknown_reference"),
        ({"n": {"m": ["{{ A.result + }}"]}}, "output.n.m[0]", "bad_template"),
        ("{{ secrets.KEY }}", "output", "secret_not_allowed"),
        ({"n": float("nan")}, "output", "not_finite"),
    ],
)
def test_what_is_wrong_with_it_is_told_at_submission(given: Any, path: str, code: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(workflow(node("A"), output=given), handlers=Catalogue())

    assert [(problem.path, problem.code) for problem in refused.value.problems] == [(path, code)]


async def test_a_simulation_renders_it(play: Any) -> None:
    stubs = {"nodes": {"A": {"output": {"result": 3}}}}

    found = await play(node("A"), stubs=stubs, output="{{ A.result }}")
    failed = await play(node("A"), stubs=stubs, output="{{ A.m }}")

    assert (found.status, found.output, found.output_error) == (E.COMPLETED, b"3", None)
    assert {node_id for _, _, node_id in found.path} == {"A"}
    assert (failed.status, failed.output) == (E.FAILED, None)
    assert failed.output_error["type"] == "TemplateError"
