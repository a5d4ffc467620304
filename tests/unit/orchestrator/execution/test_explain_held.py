"""Explanations of pauses, of what they hold, and of nodes that wait for an operator."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.execution.explain_held import explain_held, explain_pause, running_units
from orchestrator.execution.model import NodeState, Snapshot
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from tests.snapshots import CHAIN, done, given_states

N = NodeStatus
RESUME = "a resume of the execution"


def paused(*states: NodeState, held: str = "", **fields: object) -> Snapshot:
    snapshot = given_states(CHAIN, *states)
    execution = replace(
        snapshot.execution, status=ExecutionStatus.PAUSED, paused=1, paused_by="ann", paused_reason="a look"
    )
    return replace(snapshot, execution=execution, held=frozenset(held.split()), **fields)  # type: ignore[arg-type]


def test_a_pause_names_who_paused_and_what_still_runs() -> None:
    snapshot = paused(done("A"), NodeState("B", N.RUNNING, attempt=1))

    explanation = explain_pause(snapshot)

    assert "paused by ann" in explanation.waiting_for
    assert "(a look); 1 still runs, 0 held" in explanation.waiting_for
    assert (explanation.details["running"], explanation.details["quiesced"]) == (1, False)
    assert explanation.wakes == RESUME
    assert running_units(snapshot) == 1


def test_a_ready_node_on_the_held_list_waits_for_the_resume() -> None:
    snapshot = paused(held="A")

    explanation = explain_held(snapshot, snapshot.nodes["A"])

    assert explanation is not None
    assert explanation.waiting_for.startswith("a resume: it is ready")
    assert explain_held(snapshot, snapshot.nodes["B"]) is None


def test_a_failed_node_asks_an_operator() -> None:
    asking = NodeState(
        "A", N.WAITING, waiting_on=WaitingOn.OPERATOR, attempt=2, error={"type": "Http.5xx", "message": "503"}
    )
    snapshot = paused(asking, held="A")

    explanation = explain_held(snapshot, asking)

    assert explanation is not None
    assert explanation.waiting_for == "an operator: it has failed with Http.5xx: 503"
    assert explanation.wakes == f"{RESUME} for new tries, or completing, failing or skipping the node by hand"
    assert explanation.details["actions"] == ["resume", "complete", "fail", "skip"]


def test_nothing_is_held_while_the_execution_runs() -> None:
    snapshot = given_states(CHAIN)

    assert explain_held(snapshot, snapshot.nodes["A"]) is None
