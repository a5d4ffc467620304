"""The planner: what ought to be true next, from statuses alone."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrator.execution import NodeState, Snapshot
from orchestrator.planner import (
    Cancel,
    Drain,
    Finish,
    Queue,
    Recount,
    RecountLeft,
    Relet,
    Requeue,
    Retime,
    Skip,
    expected_counters,
    final_status,
    plan,
)
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, Reason, WaitingOn
from tests.dags import ScriptedDag, compiled, condition, node, scripted_dags, workflow
from tests.interpreter import interpret
from tests.simulation import Play, fresh, simulate

N = NodeStatus
CHAIN = workflow(node("A"), node("B", after=["A"]), node("C", after=["B"]))
DIAMOND = workflow(node("A"), node("B", after=["A"]), node("C", after=["A"]), node("D", after=["B", "C"]))
FORK = workflow(
    condition("if", true=["yes"], false=["no"]),
    node("yes", after=["if"]),
    node("no", after=["if"]),
    node("join", after=["yes", "no"]),
)


def given_states(document: dict[str, Any], *states: NodeState, **fields: Any) -> Snapshot:
    """Make a snapshot with these states; what is not given is PENDING. Counters and totals are right."""
    snapshot = fresh(compiled(document))
    nodes = {**snapshot.nodes, **{state.node_id: state for state in states}}
    snapshot = replace(snapshot, nodes=nodes)
    not_taken = fields.pop("not_taken", {})
    execution = replace(
        snapshot.execution,
        left=sum(not s.status.is_terminal for s in nodes.values()),
        failed=sum(nodes[n.id].status == N.FAILED and n.critical for n in snapshot.definition.nodes),
        **{key: fields.pop(key) for key in ("status", "cancelling") if key in fields},
    )
    counters = expected_counters(
        snapshot.definition,
        {i: s.status for i, s in nodes.items()},
        {i: s.reason for i, s in nodes.items()},
        not_taken,
    )
    right = {
        i: replace(
            s,
            ok=counters[i].ok,
            bad=counters[i].bad,
            skip=counters[i].skip,
            gates_done=counters[i].gates_done,
            not_taken=counters[i].not_taken,
        )
        for i, s in nodes.items()
    }
    return replace(snapshot, execution=execution, nodes=right, not_taken=not_taken, **fields)


def done(node_id: str) -> NodeState:
    return NodeState(node_id, N.COMPLETED, attempt=1)


def failed(node_id: str) -> NodeState:
    return NodeState(node_id, N.FAILED, Reason.ERROR, attempt=1)


def skipped(node_id: str, reason: Reason) -> NodeState:
    return NodeState(node_id, N.SKIPPED, reason)


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


@pytest.mark.parametrize("kind", list(WaitingOn))
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


# Whole executions

PROPERTY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
# Shrinking a large DAG takes minutes; the test of small ones gives the small examples.
UNSHRUNK = settings(PROPERTY, max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@PROPERTY
@given(dag=scripted_dags(max_nodes=7), seed=st.integers(0, 2**32))
def test_small_dags_end_as_the_semantics_say_under_every_order(dag: ScriptedDag, seed: int) -> None:
    assert_every_order_agrees(dag, seed)


@UNSHRUNK
@given(dag=scripted_dags(max_nodes=60), seed=st.integers(0, 2**32))
def test_large_dags_end_as_the_semantics_say_under_every_order(dag: ScriptedDag, seed: int) -> None:
    assert_every_order_agrees(dag, seed)


def assert_every_order_agrees(dag: ScriptedDag, seed: int) -> None:
    definition = compiled(dag.document)
    ends, execution_status = interpret(dag.document, dag.outcome)

    for offset in range(20):
        statuses, reasons, status = simulate(definition, dag.outcomes, Random(seed + offset))

        assert {i: (str(statuses[i]), reasons[i]) for i in statuses} == ends
        assert status == execution_status


@PROPERTY
@given(dag=scripted_dags(max_nodes=15), seed=st.integers(0, 2**32), after=st.integers(0, 10))
def test_a_cancelled_execution_ends_cancelled_and_starts_nothing_more(
    dag: ScriptedDag, seed: int, after: int
) -> None:
    play, order = Play(fresh(compiled(dag.document))), Random(seed)
    play.settle()
    for _ in range(after):
        if queued := play.having(N.QUEUED):
            chosen = order.choice(queued)
            play.end(chosen, dag.outcomes[chosen])
            play.settle()
    if play.snapshot.execution.status.is_terminal:
        return

    play.snapshot = replace(
        play.snapshot, execution=replace(play.snapshot.execution, cancelling=Cancelling.USER)
    )
    play.settle()

    assert play.snapshot.execution.status == ExecutionStatus.CANCELLED
    assert all(state.status.is_terminal for state in play.snapshot.nodes.values())


def test_equal_snapshots_give_equal_plans() -> None:
    snapshot = given_states(DIAMOND, done("A"), failed("B"), NodeState("C", N.QUEUED, attempt=1))

    assert plan(snapshot) == plan(replace(snapshot))
