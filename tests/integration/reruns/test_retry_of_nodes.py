"""A retry of chosen nodes in single steps: what runs again, what stays, what is refused."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.errors import NodeBusy
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from orchestrator.store.requests import AttemptToken
from tests.integration.rescued_executions import RESCUED, rescued
from tests.makers import Rig, condition, node

E, N = ExecutionStatus, NodeStatus


async def attempts(rig: Rig, execution_id: str) -> dict[str, int]:
    view = await rig.engine.executions.get(execution_id)
    return {state.node_id: state.attempt for state in view.nodes}


# What runs again, and what stays


async def test_a_node_runs_again_with_all_that_is_behind_it_completed_or_not(rig: Rig) -> None:
    execution_id = await rescued(rig)

    await rig.engine.executions.retry(execution_id, nodes=["A"])
    ran = await rig.worker.run_all()

    assert sorted(ran) == ["A", "B", "R", "S"]
    assert await attempts(rig, execution_id) == {"A": 2, "B": 1, "R": 2, "S": 2, "X": 1, "Y": 0}
    assert await rig.nothing_is_left_behind()


async def test_a_critical_node_that_was_not_named_fails_the_execution_again(rig: Rig) -> None:
    execution_id = await rescued(rig)

    await rig.engine.executions.retry(execution_id, nodes=["A"])
    repairs = await rig.repairs(execution_id)
    await rig.worker.run_all()

    assert repairs == []
    assert await rig.status(execution_id) is E.FAILED
    assert (await rig.nodes(execution_id))["X"] is N.FAILED
    assert (await rig.reasons(execution_id))["Y"] is Reason.UPSTREAM_FAILED


async def test_with_all_of_them_named_it_completes(rig: Rig) -> None:
    execution_id = await rescued(rig)

    await rig.engine.executions.retry(execution_id, nodes=["X", "A", "X"])
    await rig.worker.run_all()

    assert await rig.status(execution_id) is E.COMPLETED
    assert set((await rig.nodes(execution_id)).values()) == {N.COMPLETED}


async def test_a_retry_of_some_can_be_followed_by_one_of_all(rig: Rig) -> None:
    execution_id = await rescued(rig)
    await rig.engine.executions.retry(execution_id, nodes=["A"])
    await rig.worker.run_all(failing=["R"])

    await rig.engine.executions.retry(execution_id)
    ran = await rig.worker.run_all()

    assert sorted(ran) == ["R", "S", "X", "Y"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_no_old_output_stands_beside_a_node_that_runs_again(rig: Rig) -> None:
    execution_id = await rescued(rig)
    before = await rig.engine.executions.results(execution_id)

    await rig.engine.executions.retry(execution_id, nodes=["A"])
    during = await rig.engine.executions.results(execution_id)
    for held in (await rig.worker.start()).values():
        await rig.worker.complete(held, {"new": True})
    await rig.worker.run_all()

    assert before["R"] is not None
    assert during == dict.fromkeys("ABRSXY")
    assert orjson.loads((await rig.engine.executions.results(execution_id))["A"] or b"") == {"new": True}


async def test_tries_start_anew_attempts_go_on_and_the_old_attempt_is_fenced(rig: Rig) -> None:
    execution_id = await rig.submit(*RESCUED)
    held: dict[str, AttemptToken] = {}
    while started := await rig.worker.start():
        held |= started
        for node_id, token in started.items():
            await (rig.worker.fail(token) if node_id in "AX" else rig.worker.complete(token))
    assert (await rig.worker.complete(held["R"])).word == "dup"

    await rig.engine.executions.retry(execution_id, nodes=["A"])

    assert [(await rig.worker.complete(held[each])).word for each in "AR"] == ["fenced", "fenced"]
    await rig.worker.run_all()
    state = (await rig.engine.nodes.get(execution_id, "R")).state
    assert (state.attempt, state.tries, state.status) == (2, 1, N.COMPLETED)


async def test_what_a_condition_outside_the_set_did_not_take_stays_aside(rig: Rig) -> None:
    execution_id = await rig.submit(
        condition("if", true=["yes"], false=["no"]),
        node("yes", after=["if"]),
        node("other"),
        node("no", after=["if", "other"]),
        node("join", after=["yes", "no"], trigger_rule="none_failed"),
        node("behind", after=["no"], trigger_rule="all_skipped"),
    )
    held = await rig.worker.start()
    await rig.worker.complete(held["if"], not_taken=["no"])
    await rig.worker.fail(held["other"])
    await rig.worker.run_all()

    await rig.engine.executions.retry(execution_id, nodes=["other"])
    ran = await rig.worker.run_all()

    assert ran == ["other"]
    assert (await rig.reasons(execution_id))["no"] is Reason.BRANCH_NOT_TAKEN
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_condition_inside_the_set_decides_anew(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A"),
        condition("if", after=["A"], true=["yes"], false=["no"]) | {"trigger_rule": "all_done"},
        node("yes", after=["if"]),
        node("no", after=["if"]),
    )
    await rig.worker.fail(await rig.worker.start_one("A"))
    await rig.worker.complete(await rig.worker.start_one("if"), not_taken=["no"])
    await rig.worker.run_all()

    await rig.engine.executions.retry(execution_id, nodes=["A"])
    await rig.worker.complete(await rig.worker.start_one("A"))
    await rig.worker.complete(await rig.worker.start_one("if"), not_taken=["yes"])
    ran = await rig.worker.run_all()

    assert ran == ["no"]
    assert await rig.nodes(execution_id) == {
        "A": N.COMPLETED, "if": N.COMPLETED, "yes": N.SKIPPED, "no": N.COMPLETED,
    }  # fmt: skip
    assert await rig.engine.executions.results(execution_id) == {
        "A": b'{"status":"ok"}', "if": b'{"status":"ok"}', "yes": None, "no": b'{"status":"ok"}',
    }  # fmt: skip


async def test_a_failure_that_was_handled_is_left_alone_and_runs_again_when_named(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A", catch=[{"errors": ["HandlerError"], "goto": "instead"}]),
        node("instead", after=["A"]),
        node("B", after=["A"]),
        node("X"),
    )
    held = await rig.worker.start()
    error = orjson.dumps({"type": "HandlerError", "message": "no", "retryable": False})
    await rig.transitions.fail_node(held["A"], error, reason=Reason.ERROR, is_dead=False, taker="instead")
    await rig.worker.fail(held["X"])
    await rig.worker.run_all()
    assert (await rig.nodes(execution_id))["instead"] is N.COMPLETED

    alone = await rig.engine.executions.retry(execution_id, nodes=["X"], preview=True)
    await rig.engine.executions.retry(execution_id, nodes=["A", "X"])
    ran = await rig.worker.run_all()

    assert alone.nodes == ("X",)
    assert sorted(ran) == ["A", "B", "X"]
    assert (await rig.reasons(execution_id))["instead"] is Reason.BRANCH_NOT_TAKEN
    assert await rig.status(execution_id) is E.COMPLETED


async def test_what_stays_cancelled_counts_as_failed(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), node("J", after=["A", "B"]))
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="1")

    preview = await rig.engine.executions.retry(execution_id, nodes=["A"], preview=True)
    await rig.engine.executions.retry(execution_id, nodes=["A"])
    repairs = await rig.repairs(execution_id)
    ran = await rig.worker.run_all()

    assert (preview.nodes, ran, repairs) == (("A",), ["A"], [])
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.CANCELLED, "J": N.SKIPPED}
    assert (await rig.reasons(execution_id))["J"] is Reason.UPSTREAM_FAILED
    assert await rig.status(execution_id) is E.FAILED
    await rig.engine.executions.retry(execution_id)
    assert await rig.worker.run_all() == ["B", "J"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_cancel_of_such_a_retry_needs_no_repair(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="1")
    await rig.engine.executions.retry(execution_id, nodes=["A"])
    held = await rig.worker.start_one("A")

    await rig.engine.executions.cancel(execution_id, grace_ms=60_000, request_id="2")

    assert await rig.repairs(execution_id) == []
    await rig.worker.complete(held)
    assert await rig.status(execution_id) is E.CANCELLED


async def test_the_output_of_the_whole_is_rendered_anew_and_the_deadline_is_fresh(rig: Rig) -> None:
    rig.worker.handlers = " noop $output "
    execution_id = await rig.submit(
        node("A", critical=False), node("B", after=["A"], trigger_rule="all_done"), node("X"),
        output=["{{ B }}"], execution_timeout=60,
    )  # fmt: skip
    await rig.advance(30_000)
    await rig.worker.run_all(failing=["A", "X"])

    await rig.engine.executions.retry(execution_id, nodes=["A", "X"])
    await rig.advance(59_999)
    view = await rig.engine.executions.get(execution_id)
    ran = await rig.worker.run_all()

    assert (view.execution.status, view.output) == (E.RUNNING, None)
    assert sorted(ran) == ["$output", "A", "B", "X"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_time_limit_that_ended_it_leaves_the_rest_cancelled(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", critical=False), execution_timeout=10)
    await rig.advance(10_000)
    assert await rig.status(execution_id) is E.FAILED

    await rig.engine.executions.retry(execution_id, nodes=["A"])
    await rig.worker.run_all()

    view = await rig.engine.executions.get(execution_id)
    assert (view.execution.status, view.execution.error) == (E.COMPLETED, None)
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.CANCELLED}


async def test_a_fork_runs_what_it_kept_once_that_is_behind_a_named_node(rig: Rig) -> None:
    source_id = await rig.submit(*RESCUED)
    await rig.worker.run_all()
    forked = (await rig.engine.executions.fork(source_id, from_node="X")).execution_id
    assert forked is not None
    await rig.worker.run_all(failing=["X"])
    assert {state.node_id for state in (await rig.engine.executions.get(forked)).nodes if state.reused} == {
        "A", "B", "R", "S",
    }  # fmt: skip

    with pytest.raises(NodeBusy, match="it is COMPLETED"):
        await rig.engine.executions.retry(forked, nodes=["A"])
    await rig.engine.executions.retry(forked, nodes=["X"])

    assert await rig.worker.run_all() == ["X", "Y"]
    assert await rig.status(forked) is E.COMPLETED


async def test_entries_of_the_dead_go_with_the_nodes_that_run_again(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("X"))
    for held in (await rig.worker.start()).values():
        await rig.worker.fail(held, is_dead=True)

    await rig.engine.executions.retry(execution_id, nodes=["A"])

    assert [entry.node_id for entry in (await rig.engine.dead_letters.list()).items] == ["X"]


@pytest.mark.parametrize("size", [300, 1_300])
async def test_a_large_one_is_written_and_reset_in_slices(rig: Rig, size: int) -> None:
    wide = [node(f"n{i}", after=["A"], trigger_rule="all_done") for i in range(size)]
    execution_id = await rig.submit(node("A"), *wide, node("end", after=[f"n{i}" for i in range(size)]))
    await end_all(rig, execution_id, failing="A")
    assert await rig.status(execution_id) is E.FAILED

    await rig.engine.executions.retry(execution_id, nodes=["A"])
    during = await rig.nodes(execution_id)
    outputs = await rig.engine.executions.results(execution_id)
    await end_all(rig, execution_id)

    assert during == dict.fromkeys(during, N.PENDING) | {"A": N.QUEUED}
    assert set(outputs.values()) == {None}
    assert set((await attempts(rig, execution_id)).values()) == {2}
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()
    assert await rig.redis.keys("*:reset") == []


async def end_all(rig: Rig, execution_id: str, *, failing: str = "") -> None:
    while held := await rig.worker.start(2_000):
        for node_id, token in held.items():
            ended = await (rig.worker.fail(token) if node_id == failing else rig.worker.complete(token))
            if ended.more:
                await rig.drain_worklist(execution_id)
