"""The planner as the repairer's brain: what is lost or miscounted is found, and nothing else is touched."""

from dataclasses import replace

import pytest

from orchestrator.execution.model import NodeState
from orchestrator.execution.planner import Drain, Queue, Recount, RecountLeft, Relet, Requeue, Retime, plan
from orchestrator.states import NodeStatus, WaitingOn
from tests.dags import node, workflow
from tests.snapshots import CHAIN, DIAMOND, done, failed, given_states

N = NodeStatus


# Repairs


def test_counters_that_differ_are_recounted_before_anything_is_decided_by_them() -> None:
    snapshot = given_states(DIAMOND, done("A"), done("B"), done("C"))
    behind = replace(snapshot.nodes["D"], ok=1)

    decisions = plan(replace(snapshot, nodes={**snapshot.nodes, "D": behind}))

    assert decisions == [Recount("D", 2, 0, 0, 0, False), Queue("D")]


def test_counters_of_a_node_that_has_left_pending_are_let_be() -> None:
    snapshot = given_states(DIAMOND, done("A"), done("B"), done("C"), NodeState("D", N.QUEUED, attempt=1))
    behind = replace(snapshot.nodes["D"], ok=0)

    decisions = plan(replace(snapshot, nodes={**snapshot.nodes, "D": behind}, live_messages=frozenset({"D"})))

    assert decisions == []


def test_the_count_of_what_is_left_is_corrected() -> None:
    snapshot = given_states(CHAIN, failed("A"))
    wrong = replace(snapshot.execution, left=3, failed=0)

    assert plan(replace(snapshot, execution=wrong))[0] == RecountLeft(2, 1)


def test_a_queued_node_without_a_message_is_queued_again() -> None:
    queued = NodeState("A", N.QUEUED, attempt=2)

    assert plan(given_states(CHAIN, queued)) == [Requeue("A", 2)]
    assert plan(given_states(CHAIN, queued, live_messages=frozenset({"A"}))) == []


def test_a_running_node_without_a_lease_gets_one() -> None:
    running = NodeState("A", N.RUNNING, attempt=2)

    assert plan(given_states(CHAIN, running, leases=frozenset({("A", 1)}))) == [Relet("A", 2)]
    assert plan(given_states(CHAIN, running, leases=frozenset({("A", 2)}))) == []


@pytest.mark.parametrize("kind", [kind for kind in WaitingOn if kind is not WaitingOn.OPERATOR])
def test_a_waiting_node_without_a_timer_gets_one(kind: WaitingOn) -> None:
    waiting = NodeState("A", N.WAITING, waiting_on=kind, attempt=1, due_ms=500)

    assert plan(given_states(CHAIN, waiting)) == [Retime("A", 1, kind, 500)]
    assert plan(given_states(CHAIN, waiting, timers=frozenset({(str(kind), "A", 1)}))) == []


def test_a_waiting_node_without_a_due_time_is_due_now() -> None:
    waiting = NodeState("A", N.WAITING, waiting_on=WaitingOn.HOLD, attempt=1)

    assert plan(given_states(CHAIN, waiting)) == [Retime("A", 1, WaitingOn.HOLD, 10_000)]


# Worklist


def test_nodes_in_reach_of_the_worklist_are_not_repaired() -> None:
    snapshot = given_states(CHAIN, done("A"), worklist=("A",))

    assert plan(snapshot) == [Drain()]
    assert plan(replace(snapshot, has_continue_timer=True)) == []


def test_lost_tasks_are_repaired_beside_a_worklist() -> None:
    document = workflow(node("A"), node("B", after=["A"]), node("X"))
    snapshot = given_states(document, done("A"), NodeState("X", N.QUEUED, attempt=1), worklist=("A",))

    assert plan(snapshot) == [Drain(), Requeue("X", 1)]


def test_an_execution_does_not_end_while_its_worklist_is_not_empty() -> None:
    snapshot = given_states(workflow(node("A")), done("A"), worklist=("A",), has_continue_timer=True)

    assert plan(snapshot) == []
