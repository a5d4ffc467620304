"""The plan: what should happen next to one execution, from statuses alone.

Whole executions under every order of completion are played in test_planner_orders.py.
"""

# long: one table of decisions: dispatch, branches, cancelling, pauses and repairs

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.execution.letters import InboxState
from orchestrator.execution.model import MapCounts, MapState, NodeState, Snapshot
from orchestrator.execution.planner import (
    Cancel,
    Deliver,
    Drain,
    Finish,
    Hold,
    Queue,
    Recount,
    RecountLeft,
    Release,
    Relet,
    Remap,
    Requeue,
    Retime,
    Skip,
    final_status,
    plan,
)
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, Reason, WaitingOn
from tests.dags import condition, node, workflow
from tests.snapshots import CHAIN, DIAMOND, FORK, done, failed, given_states, skipped

N = NodeStatus


# Dispatch


def test_roots_are_queued_in_definition_order() -> None:
    snapshot = given_states(workflow(node("B"), node("A"), node("C", after=["A"])))

    assert plan(snapshot) == [Queue("B"), Queue("A")]


def test_an_untriggered_execution_has_nothing_due() -> None:
    assert plan(given_states(CHAIN, status=ExecutionStatus.PENDING)) == []


@pytest.mark.parametrize("status", [s for s in ExecutionStatus if s.is_terminal])
def test_a_terminal_execution_has_nothing_due(status: ExecutionStatus) -> None:
    assert plan(given_states(CHAIN, status=status)) == []


def test_join_waits_for_both_branches() -> None:
    running = NodeState("C", N.RUNNING, attempt=1)

    snapshot = given_states(DIAMOND, done("A"), done("B"), running, leases=frozenset({("C", 1)}))

    assert plan(snapshot) == []


def test_join_is_queued_when_both_branches_are_done() -> None:
    assert plan(given_states(DIAMOND, done("A"), done("B"), done("C"))) == [Queue("D")]


def test_a_failure_skips_its_dependants_one_step_at_a_time() -> None:
    first = plan(given_states(CHAIN, failed("A")))
    second = plan(given_states(CHAIN, failed("A"), skipped("B", Reason.UPSTREAM_FAILED)))

    assert first == [Skip("B", Reason.UPSTREAM_FAILED)]
    assert second == [Skip("C", Reason.UPSTREAM_FAILED)]


def test_an_always_node_runs_beside_its_dependencies() -> None:
    document = workflow(node("A"), node("B", after=["A"], trigger_rule="always"))

    assert plan(given_states(document)) == [Queue("A"), Queue("B")]


# Branches


def test_the_branch_not_taken_is_skipped_and_the_other_runs() -> None:
    snapshot = given_states(FORK, done("if"), not_taken={"if": frozenset({"no"})})

    assert plan(snapshot) == [Skip("no", Reason.BRANCH_NOT_TAKEN), Queue("yes")]


def test_a_branch_target_waits_for_its_condition_even_when_its_rule_is_decided() -> None:
    document = workflow(
        node("A"),
        condition("if", true=["T"]),
        node("T", after=["A", "if"]),
    )
    running = NodeState("if", N.RUNNING, attempt=1)
    leases = frozenset({("if", 1)})

    before = plan(given_states(document, failed("A"), running, leases=leases))
    after = plan(given_states(document, failed("A"), done("if"), not_taken={"if": frozenset({"T"})}))

    assert before == []
    assert after == [Skip("T", Reason.BRANCH_NOT_TAKEN)]


def test_a_target_of_two_conditions_waits_for_both() -> None:
    document = workflow(
        condition("if1", true=["T"]), condition("if2", true=["T"]), node("T", after=["if1", "if2"])
    )
    running = NodeState("if2", N.RUNNING, attempt=1)
    named = {"if1": frozenset({"T"})}

    before = plan(
        given_states(document, done("if1"), running, not_taken=named, leases=frozenset({("if2", 1)}))
    )
    after = plan(given_states(document, done("if1"), done("if2"), not_taken=named))

    assert before == []
    assert after == [Skip("T", Reason.BRANCH_NOT_TAKEN)]


def test_a_failed_condition_leaves_its_targets_to_their_rule() -> None:
    assert plan(given_states(FORK, failed("if"))) == [
        Skip("yes", Reason.UPSTREAM_FAILED),
        Skip("no", Reason.UPSTREAM_FAILED),
    ]


def test_a_join_after_a_branch_runs_with_what_was_taken() -> None:
    snapshot = given_states(
        FORK,
        done("if"),
        done("yes"),
        skipped("no", Reason.BRANCH_NOT_TAKEN),
        not_taken={"if": frozenset({"no"})},
    )

    assert plan(snapshot) == [Queue("join")]


# Cancelling and the end


def test_cancelling_takes_what_has_not_started_and_lets_running_nodes_be() -> None:
    document = workflow(node("A"), node("B"), node("C"), node("D", after=["A"]), node("E"))
    snapshot = given_states(
        document,
        NodeState("A", N.RUNNING, attempt=1),
        NodeState("B", N.QUEUED, attempt=1),
        NodeState("C", N.WAITING, waiting_on=WaitingOn.DELAY, attempt=1),
        done("E"),
        cancelling=Cancelling.USER,
        leases=frozenset({("A", 1)}),
    )

    assert plan(snapshot) == [Cancel("B"), Cancel("C"), Cancel("D")]


def test_finish_stands_alone_when_every_node_is_terminal() -> None:
    snapshot = given_states(CHAIN, done("A"), done("B"), done("C"))

    assert plan(snapshot) == [Finish(ExecutionStatus.COMPLETED)]


def test_a_wrong_count_is_corrected_before_the_finish() -> None:
    snapshot = given_states(workflow(node("A")), done("A"))
    wrong = replace(snapshot.execution, left=1)

    assert plan(replace(snapshot, execution=wrong)) == [RecountLeft(0, 0), Finish(ExecutionStatus.COMPLETED)]


@pytest.mark.parametrize(
    ("status", "critical", "cancelling", "expected"),
    [
        (N.COMPLETED, {"A"}, None, ExecutionStatus.COMPLETED),
        (N.SKIPPED, {"A"}, None, ExecutionStatus.COMPLETED),
        (N.FAILED, {"A"}, None, ExecutionStatus.FAILED),
        (N.FAILED, set(), None, ExecutionStatus.COMPLETED),
        (N.COMPLETED, {"A"}, Cancelling.USER, ExecutionStatus.CANCELLED),
        (N.FAILED, {"A"}, Cancelling.USER, ExecutionStatus.CANCELLED),
        (N.COMPLETED, {"A"}, Cancelling.TIMEOUT, ExecutionStatus.FAILED),
        (N.FAILED, {"A"}, Cancelling.FAIL_FAST, ExecutionStatus.FAILED),
    ],
)
def test_the_end_of_an_execution(
    status: NodeStatus, critical: set[str], cancelling: Cancelling | None, expected: ExecutionStatus
) -> None:
    assert final_status({"A": status}, critical, cancelling) == expected


def test_equal_snapshots_give_equal_plans() -> None:
    snapshot = given_states(DIAMOND, done("A"), failed("B"), NodeState("C", N.QUEUED, attempt=1))

    assert plan(snapshot) == plan(replace(snapshot))


# Paused executions

ASKING = NodeState("A", N.WAITING, waiting_on=WaitingOn.OPERATOR, attempt=2)


def paused(snapshot: Snapshot, *held: str, **fields: Any) -> Snapshot:
    execution = replace(snapshot.execution, status=ExecutionStatus.PAUSED, paused=1)
    return replace(snapshot, execution=execution, held=frozenset(held), **fields)


def test_what_is_ready_is_held_rather_than_queued() -> None:
    ready = given_states(DIAMOND, done("A"))

    assert plan(ready) == [Queue("B"), Queue("C")]
    assert plan(paused(ready)) == [Hold("B"), Hold("C")]
    assert plan(paused(ready, "B")) == [Hold("C")]
    assert plan(paused(ready, "C", "B")) == []


def test_skips_go_on() -> None:
    snapshot = given_states(CHAIN, failed("A"))

    assert Skip("B", Reason.UPSTREAM_FAILED) in plan(paused(snapshot))


def test_a_timer_that_fell_due_is_held_and_one_to_come_is_set_again() -> None:
    waiting = NodeState("A", N.WAITING, waiting_on=WaitingOn.BACK_OFF, attempt=1, due_ms=500)
    snapshot = given_states(CHAIN, waiting)

    assert plan(paused(snapshot, "A", now_ms=600)) == []
    assert plan(paused(snapshot, now_ms=600)) == [Hold("A")]
    assert plan(paused(snapshot, now_ms=400)) == [Retime("A", 1, WaitingOn.BACK_OFF, 500)]
    assert plan(replace(snapshot, now_ms=600)) == [Retime("A", 1, WaitingOn.BACK_OFF, 500)]


def test_a_saved_turn_may_be_about_to_set_the_timer() -> None:
    waiting = NodeState("A", N.WAITING, waiting_on=WaitingOn.BACK_OFF, attempt=1, due_ms=500)
    snapshot = given_states(CHAIN, waiting, worklist=("held 1 1",), has_continue_timer=True)
    resumed = replace(snapshot, nodes={**snapshot.nodes, "A": replace(waiting, held=1)})

    assert plan(resumed) == []
    assert plan(replace(resumed, has_continue_timer=False)) == [Drain()]
    assert plan(snapshot) == [Retime("A", 1, WaitingOn.BACK_OFF, 500)]


def test_who_asks_for_an_operator_is_listed_for_the_resume_or_let_go_after_it() -> None:
    snapshot = given_states(CHAIN, ASKING)

    assert plan(paused(snapshot, "A")) == []
    assert plan(paused(snapshot)) == [Hold("A")]
    assert plan(snapshot) == [Release("A")]
    assert plan(replace(snapshot, worklist=("held 1 1",), has_continue_timer=True)) == []


def test_a_lost_task_is_written_again_and_then_held_by_the_script() -> None:
    queued = NodeState("A", N.QUEUED, attempt=2)

    assert plan(paused(given_states(CHAIN, queued))) == [Requeue("A", 2)]


def mapped(counts: MapCounts, statuses: tuple[N, ...], *live: NodeState) -> Snapshot:
    document = workflow(node("A", map={"items": [1, 2, 3], "max_concurrency": 2}))
    state = NodeState("A", N.WAITING, waiting_on=WaitingOn.MAP, attempt=1)
    sight = MapState(counts, statuses, {each.node_id: each for each in live})
    return given_states(document, state, maps={"A": sight})


def test_a_map_whose_next_item_could_start_is_held() -> None:
    counts = MapCounts(total=3, started=1, live=0, completed=1, failed=0, skipped=0)
    snapshot = mapped(counts, (N.COMPLETED, N.PENDING, N.PENDING))

    assert plan(snapshot) == [Remap("A", 0, 1, 0, 0)]
    assert plan(paused(snapshot)) == [Hold("A")]
    assert plan(paused(snapshot, "A")) == []


def test_a_map_that_is_miscounted_or_at_its_end_is_not_left_for_the_resume() -> None:
    over = MapCounts(total=1, started=1, live=0, completed=1, failed=0, skipped=0)
    wrong = MapCounts(total=3, started=1, live=5, completed=1, failed=0, skipped=0)

    assert plan(paused(mapped(over, (N.COMPLETED,)), "A")) == [Remap("A", 0, 1, 0, 0)]
    statuses = (N.COMPLETED, N.PENDING, N.PENDING)
    assert plan(paused(mapped(wrong, statuses), "A")) == [Remap("A", 0, 1, 0, 0)]


def test_an_item_that_is_held_is_live() -> None:
    counts = MapCounts(total=3, started=2, live=1, completed=1, failed=0, skipped=0)
    snapshot = mapped(counts, (N.COMPLETED, N.PENDING, N.PENDING), NodeState("A[1]", N.PENDING, attempt=1))

    assert plan(paused(snapshot, "A", "A[1]")) == []
    assert plan(paused(snapshot, "A")) == [Hold("A[1]")]
    assert Release("A[1]") in plan(snapshot)


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


def test_a_parked_node_is_left_alone_until_it_has_letters() -> None:
    parked = NodeState("A", N.WAITING, waiting_on=WaitingOn.INBOX, attempt=1)

    assert plan(given_states(CHAIN, parked, inboxes={"A": InboxState()})) == []
    assert plan(given_states(CHAIN, parked, inboxes={"A": InboxState(letters=1)})) == [Deliver("A")]
    held = given_states(CHAIN, parked, inboxes={"A": InboxState(letters=1)})
    assert plan(paused(held, "A")) == []


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
