"""The planner on paused executions: what is ready belongs on the held list, and nothing is queued."""

from dataclasses import replace
from typing import Any

from orchestrator.execution.model import MapCounts, MapState, NodeState, Snapshot
from orchestrator.execution.planner import Drain, Hold, Queue, Release, Remap, Requeue, Retime, Skip, plan
from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from tests.dags import node, workflow
from tests.snapshots import CHAIN, DIAMOND, done, failed, given_states

N = NodeStatus
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
