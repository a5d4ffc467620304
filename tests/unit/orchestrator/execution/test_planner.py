"""The planner: what ought to be true next, from statuses alone."""

from dataclasses import replace

import pytest

from orchestrator.execution.model import NodeState
from orchestrator.execution.planner import Cancel, Finish, Queue, RecountLeft, Skip, final_status, plan
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
