"""Whole executions played by plan() alone: random DAGs, every order of completion, the same ends."""

from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus
from tests.dags import ScriptedDag, compiled, scripted_dags
from tests.examples import examples
from tests.interpreter import interpret
from tests.simulation import Play, fresh, simulate

N = NodeStatus
PROPERTY = settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
# Shrinking a large DAG takes minutes; the test of small ones gives the small examples.
UNSHRUNK = settings(PROPERTY, max_examples=examples(6), phases=[Phase.explicit, Phase.reuse, Phase.generate])


@PROPERTY
@given(dag=scripted_dags(max_nodes=7), seed=st.integers(0, 2**32))
def test_small_dags_end_as_the_semantics_say_under_every_order(dag: ScriptedDag, seed: int) -> None:
    assert_every_order_agrees(dag, seed)


@UNSHRUNK
@given(dag=scripted_dags(max_nodes=60, with_maps=True), seed=st.integers(0, 2**32))
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
