"""An operator's word about one node: complete, fail, skip, and retry now."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.engine import Idempotency, OperatorNote
from orchestrator.errors import (
    AttemptChanged,
    ExecutionNotFound,
    IdempotencyConflict,
    NodeBusy,
    NodeNotFound,
    OutputRefused,
)
from orchestrator.operations.results import NodeResult
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.integration.handler_steps import output_of
from tests.integration.transitions.prepared_calls import ANN
from tests.integration.waiting_nodes import asking, waiting
from tests.makers import Rig, condition, node

E, N = ExecutionStatus, NodeStatus
#: The four ways a node may be open, as a test brings A there.
OPEN = (N.PENDING, N.QUEUED, N.RUNNING, N.WAITING)


async def opened(rig: Rig, status: NodeStatus) -> str:
    """`R -> A -> B`, with A in a status that is not an end."""
    execution_id = await rig.submit(node("R"), node("A", after=["R"]), node("B", after=["A"]))
    held = await rig.worker.start_one("R")
    if status is not N.PENDING:
        await rig.worker.complete(held)
    if status in (N.RUNNING, N.WAITING):
        held = await rig.worker.start_one("A")
    if status is N.WAITING:
        await rig.worker.retry(held, 60_000)
    assert (await rig.nodes(execution_id))["A"] is status
    return execution_id


async def data_of(rig: Rig, execution_id: str, type: str) -> Any:
    (event,) = [row for row in await rig.engine.events.list(execution_id) if row.type == type]
    return orjson.loads(event.data)


@pytest.mark.parametrize("status", OPEN)
async def test_a_node_is_completed_wherever_it_stands_and_what_follows_runs(
    rig: Rig, status: NodeStatus
) -> None:
    execution_id = await opened(rig, status)

    done = await rig.engine.nodes.complete(execution_id, "A", {"n": 1}, ANN)

    assert done.status is N.COMPLETED
    assert (await rig.nodes(execution_id))["B"] is N.QUEUED
    assert output_of((await rig.engine.executions.results(execution_id))["A"]) == {"n": 1}
    events = await rig.engine.events.list(execution_id)
    (told,) = [row for row in events if (row.type, row.node_id) == ("node.completed", "A")]
    assert orjson.loads(told.data) == {"operator": {"by": "ann", "reason": "I know better"}}
    assert await rig.repairs(execution_id) == []
    await rig.advance(120_000)
    if status is not N.PENDING:
        assert await rig.worker.run_all() == ["B"]
        assert await rig.status(execution_id) is E.COMPLETED
        assert await rig.nothing_is_left_behind()


@pytest.mark.parametrize("status", OPEN)
async def test_a_node_is_failed_wherever_it_stands(rig: Rig, status: NodeStatus) -> None:
    execution_id = await opened(rig, status)

    done = await rig.engine.nodes.fail(execution_id, "A", ANN)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (done.status, state.reason) == (N.FAILED, Reason.OPERATOR)
    assert state.error is not None
    assert (state.error["type"], state.error["message"]) == ("Operator", "I know better")
    assert state.error["details"] == {"by": "ann", "reason": "I know better"}
    assert (await rig.nodes(execution_id))["B"] is N.SKIPPED
    assert await data_of(rig, execution_id, "node.failed") == {"error": state.error}


@pytest.mark.parametrize("status", OPEN)
async def test_a_node_is_skipped_wherever_it_stands(rig: Rig, status: NodeStatus) -> None:
    execution_id = await opened(rig, status)

    await rig.engine.nodes.skip(execution_id, "A", ANN)

    assert (await rig.nodes(execution_id)) | {"R": N.COMPLETED} == {
        "R": N.COMPLETED, "A": N.SKIPPED, "B": N.SKIPPED,
    }  # fmt: skip
    reasons = await rig.reasons(execution_id)
    assert (reasons["A"], reasons["B"]) == (Reason.OPERATOR, Reason.UPSTREAM_SKIPPED)
    events = await rig.engine.events.list(execution_id)
    (told,) = [row for row in events if (row.type, row.node_id) == ("node.skipped", "A")]
    assert orjson.loads(told.data)["operator"] == {"by": "ann", "reason": "I know better"}


async def test_the_late_result_of_a_fenced_attempt_is_refused(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")

    done = await rig.engine.nodes.complete(execution_id, "A", 1, ANN)
    late = await rig.worker.complete(held, 2)

    assert done.attempt == held.attempt + 1
    assert late.word == "fenced"
    assert (await rig.transitions.renew_leases([held], lease_ms=1_000)) == ["lost"]
    assert (await rig.engine.executions.results(execution_id))["A"] == b"1"


async def test_what_a_fenced_attempt_has_streamed_is_taken_back(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.report_events(held, [(1, "node.token", b'{"text":"half an ans","index":0}')])

    await rig.engine.nodes.complete(execution_id, "A", {"answer": "all of it"}, ANN)

    assert (await rig.events(execution_id))[-4:-1] == ["node.token:A", "stream.reset:A", "node.completed:A"]


async def test_a_delivered_task_of_a_node_that_was_ended_is_dropped(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    (task,) = await rig.worker.read()
    await rig.engine.nodes.complete(execution_id, "A", 1, ANN)

    assert await rig.worker.claim(task) == "stale"

    assert await rig.nothing_is_left_behind()


async def test_a_failure_by_hand_is_caught_and_goes_on_as_any_other(rig: Rig) -> None:
    catch = [{"errors": ["Http.*"], "goto": "C"}]
    caught = await rig.submit(node("A", catch=catch), node("C", after=["A"]), node("B", after=["A"]))
    policy = {"max_attempts": 1, "on_exhausted": "continue"}
    goes_on = await rig.submit(node("A", retry=policy), node("B", after=["A"]))

    await rig.engine.nodes.fail(caught, "A", ANN, type="Http.5xx", message="they are down")
    await rig.engine.nodes.fail(goes_on, "A", ANN)

    assert await rig.nodes(caught) == {"A": N.FAILED, "C": N.QUEUED, "B": N.SKIPPED}
    assert await rig.nodes(goes_on) == {"A": N.FAILED, "B": N.QUEUED}
    assert (
        output_of((await rig.engine.executions.results(caught))["A"])["error"]["message"] == "they are down"
    )


async def test_a_failure_by_hand_sets_off_fail_fast(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), node("C", after=["B"]), fail_fast=True)
    held = await rig.worker.start()

    await rig.engine.nodes.fail(execution_id, "A", ANN)

    assert await rig.nodes(execution_id) == {"A": N.FAILED, "B": N.RUNNING, "C": N.CANCELLED}
    await rig.worker.complete(held["B"])
    assert await rig.status(execution_id) is E.FAILED


async def test_joins_count_an_end_by_hand(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), node("J", after=["A", "B"]))
    held = await rig.worker.start()
    await rig.worker.complete(held["A"])

    await rig.engine.nodes.complete(execution_id, "B", None, ANN)

    assert (await rig.nodes(execution_id))["J"] is N.QUEUED


async def test_a_condition_is_completed_with_the_branch_it_takes(rig: Rig) -> None:
    execution_id = await rig.submit(
        condition("if", true=["T"], false=["F"]), node("T", after=["if"]), node("F", after=["if"])
    )
    for output in (None, {}, {"result": "yes"}, {"branch": "true"}):
        with pytest.raises(OutputRefused, match='"result" is true or false'):
            await rig.engine.nodes.complete(execution_id, "if", output, ANN)

    await rig.engine.nodes.complete(execution_id, "if", {"result": False}, ANN)

    assert await rig.nodes(execution_id) == {"if": N.COMPLETED, "T": N.SKIPPED, "F": N.QUEUED}
    assert (await rig.reasons(execution_id))["T"] is Reason.BRANCH_NOT_TAKEN


async def test_a_switch_is_completed_with_the_case_it_takes(rig: Rig) -> None:
    switch = node("S", handler="switch") | {"config": {"value": "{{ 1 }}", "cases": {"a": ["X"], "b": ["Y"]}}}
    execution_id = await rig.submit(switch, node("X", after=["S"]), node("Y", after=["S"]))
    with pytest.raises(OutputRefused, match="one of 'a', 'b'"):
        await rig.engine.nodes.complete(execution_id, "S", {"case": "default"}, ANN)

    await rig.engine.nodes.complete(execution_id, "S", {"value": 1, "case": "b"}, ANN)

    assert await rig.nodes(execution_id) == {"S": N.COMPLETED, "X": N.SKIPPED, "Y": N.QUEUED}


async def test_a_branch_target_that_was_ended_by_hand_stays_as_it_is(rig: Rig) -> None:
    execution_id = await rig.submit(condition("if", true=["T"]), node("T", after=["if"]))
    held = await rig.worker.start_one("if")
    await rig.engine.nodes.complete(execution_id, "T", 1, ANN)

    await rig.worker.complete(held, not_taken=["T"])

    assert await rig.nodes(execution_id) == {"if": N.COMPLETED, "T": N.COMPLETED}
    assert await rig.status(execution_id) is E.COMPLETED


async def test_waits_for_people_and_signals_can_be_ended_by_hand(rig: Rig) -> None:
    signalled, decided = await waiting(rig), await asking(rig)

    await rig.engine.nodes.complete(signalled, "W", {"n": 1}, ANN)
    await rig.engine.nodes.skip(decided, "P", ANN)

    assert await rig.status(signalled) is await rig.status(decided) is E.COMPLETED
    assert (await rig.engine.approvals.list()).items == []
    assert await rig.nothing_is_left_behind()


async def test_the_attempt_guards_against_deciding_about_something_else(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.worker.retry(held, 0)
    await rig.tick()

    with pytest.raises(AttemptChanged, match="at attempt 2 by now"):
        await rig.engine.nodes.skip(execution_id, "A", OperatorNote("ann", attempt=held.attempt))

    assert (await rig.nodes(execution_id))["A"] is N.QUEUED
    done = await rig.engine.nodes.skip(execution_id, "A", OperatorNote("ann", attempt=2))
    assert done.status is N.SKIPPED


async def test_the_same_request_again_gets_the_same_answer(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))

    async def complete(output: Any) -> NodeResult:
        key = Idempotency.named("k", route="POST /complete", body=str(output).encode())
        return await rig.engine.nodes.complete(execution_id, "A", output, ANN, idempotency=key)

    first, again = await complete(1), await complete(1)

    assert (first.status, first.replayed) == (N.COMPLETED, False)
    assert (again.status, again.replayed) == (N.COMPLETED, True)
    with pytest.raises(IdempotencyConflict):
        await complete(2)
    with pytest.raises(NodeBusy, match="it is COMPLETED"):
        await rig.engine.nodes.complete(execution_id, "A", 1, ANN)
    assert (await rig.events(execution_id)).count("node.completed:A") == 1


async def test_where_nothing_can_be_decided_the_answer_says_why(rig: Rig) -> None:
    pending = await rig.submit(node("A"), trigger=False)
    done = await rig.submit(node("A"))
    await rig.worker.run_all()
    cancelled = await rig.submit(node("A"))
    await rig.worker.start()
    await rig.engine.executions.cancel(cancelled, request_id="1")

    for execution_id, found in ((pending, "PENDING"), (done, "COMPLETED"), (cancelled, "being cancelled")):
        with pytest.raises(NodeBusy, match=f"its execution is {found}"):
            await rig.engine.nodes.complete(execution_id, "A", 1, ANN)
        with pytest.raises(NodeBusy, match=f"its execution is {found}"):
            await rig.engine.nodes.retry_now(execution_id, "A", ANN)
    for verb in (rig.engine.nodes.skip, rig.engine.nodes.fail, rig.engine.nodes.retry_now):
        with pytest.raises(ExecutionNotFound):
            await verb("nothing", "A", ANN)
        with pytest.raises(NodeNotFound):
            await verb(pending, "Z", ANN)


async def test_a_retry_that_is_half_done_is_finished_first(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"n{i}" for i in range(1_200)]
    execution_id = await rig.submit(node("A"), *(node(name, after=["A"]) for name in names))
    await rig.worker.run_all(failing=["A"])

    async def nobody_goes_on(_: str) -> None:
        """As when the caller dies."""

    with monkeypatch.context() as patch:
        patch.setattr(rig.transitions, "drain_worklist", nobody_goes_on)
        await rig.engine.executions.retry(execution_id)
    assert (await rig.nodes(execution_id))["n1199"] is N.SKIPPED

    await rig.engine.nodes.complete(execution_id, "A", 1, ANN)

    assert set((await rig.nodes(execution_id)).values()) == {N.COMPLETED, N.QUEUED}
    assert await rig.repairs(execution_id) == []
