"""A view of an execution says whether it has begun, and why it has failed."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.execution.model import Execution, NodeState
from orchestrator.operations.results import ExecutionFailure, ExecutionView
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.dags import compiled, node, workflow

DEFINITION = compiled(
    workflow(
        node("caught", catch=[{"errors": ["*"], "goto": "taker"}]),
        node("taker", after=["caught"]),
        node("spare", critical=False),
        node("lax", retry={"max_attempts": 1, "on_exhausted": "continue"}),
        node("early"),
        node("late"),
    )
)
LATE = {"type": "Timeout.Execution", "message": "passed its deadline"}
NO_OUTPUT = {"type": "TemplateError", "message": "no such key"}


def failed(node_id: str, at_ms: int, **fields: Any) -> NodeState:
    error = {"type": "Http.5xx", "message": f"{node_id} broke"}
    return NodeState(node_id, NodeStatus.FAILED, ended_ms=at_ms, **{"tries": 3, "error": error, **fields})


#: Failures that are no reason for one of the whole, all before the others.
HANDLED = [failed("caught", 1, caught="taker"), failed("spare", 2), failed("lax", 3)]


def view(
    *states: NodeState,
    status: ExecutionStatus = ExecutionStatus.FAILED,
    output_error: dict[str, Any] | None = None,
    **fields: Any,
) -> ExecutionView:
    execution = Execution("x1", "title", "v", status, left=0, created_ms=1_000, **fields)
    given = {state.node_id: state for state in states}
    nodes = [given.get(each.id, NodeState(each.id)) for each in DEFINITION.nodes]
    return ExecutionView(execution, DEFINITION, nodes, {}, {}, is_quiesced=False, output_error=output_error)


@pytest.mark.parametrize(
    ("found", "failure"),
    [
        (
            view(*HANDLED, failed("late", 9), failed("early", 5)),
            ExecutionFailure("early", "Http.5xx", "early broke", 3),
        ),
        (
            view(*HANDLED, failed("early", 5), error=LATE),
            ExecutionFailure(None, "Timeout.Execution", "passed its deadline"),
        ),
        (view(*HANDLED, output_error=NO_OUTPUT), ExecutionFailure(None, "TemplateError", "no such key")),
        (
            view(failed("early", 5), output_error=NO_OUTPUT),
            ExecutionFailure("early", "Http.5xx", "early broke", 3),
        ),
        (view(*HANDLED, reason="fail_fast"), ExecutionFailure(None, "HandlerError", "fail_fast")),
        (view(*HANDLED), ExecutionFailure(None, "HandlerError", "failed")),
        (
            view(failed("early", 5, error=None, tries=0)),
            ExecutionFailure("early", "HandlerError", "failed", 1),
        ),
        (
            view(failed("early", 5), status=ExecutionStatus.CANCELLED, reason="no more"),
            ExecutionFailure(None, "Cancelled", "no more"),
        ),
        (view(status=ExecutionStatus.CANCELLED), ExecutionFailure(None, "Cancelled", "cancelled")),
    ],
)
def test_a_failure_is_what_decided_it_and_nothing_that_was_handled(
    found: ExecutionView, failure: ExecutionFailure
) -> None:
    assert found.failure == failure


@pytest.mark.parametrize("status", [each for each in ExecutionStatus if each not in ("FAILED", "CANCELLED")])
def test_what_has_not_failed_has_no_failure(status: ExecutionStatus) -> None:
    assert view(failed("early", 5), status=status).failure is None


def test_it_has_begun_once_a_worker_has_taken_a_node() -> None:
    assert not view(NodeState("early", NodeStatus.QUEUED, queued_ms=1_000)).has_begun
    assert view(NodeState("early", NodeStatus.QUEUED, started_ms=1_000)).has_begun
