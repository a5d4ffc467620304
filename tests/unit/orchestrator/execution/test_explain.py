"""Explanations: every unfinished node says what it waits for and what will wake it."""

import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.execution import explain as explain_module
from orchestrator.execution.explain import explain, explain_unit
from orchestrator.execution.explanation import Explanation
from orchestrator.execution.inventory import WorkerInfo
from orchestrator.execution.letters import InboxState
from orchestrator.execution.model import MapCounts, MapState, NodeState, Snapshot
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, Reason, WaitingOn
from tests.dags import ScriptedDag, compiled, condition, node, scripted_dags, workflow
from tests.simulation import Play, fresh

N = NodeStatus
WORKER = WorkerInfo("w1", "worker-1", "host", 7, frozenset({"noop"}), ("default",), 8, 3, 0, 9_000)
SAVED = ("items A",)
#: All items have ended, and the node has not gone on yet.
DONE = MapState(MapCounts(total=2, started=2, live=0, completed=2, failed=0, skipped=0), (N.COMPLETED,) * 2)


def having(document: dict[str, Any], *states: NodeState, **fields: Any) -> Snapshot:
    """Make a snapshot of a triggered execution with the given node states."""
    snapshot = fresh(compiled(document))
    return replace(snapshot, nodes={**snapshot.nodes, **{s.node_id: s for s in states}}, **fields)


def only(
    snapshot: Snapshot, workers: tuple[WorkerInfo, ...] = (WORKER,), positions: dict[str, int] | None = None
) -> Explanation:
    """Explain a snapshot in which one node is unfinished."""
    (explanation,) = explain(snapshot, workers, positions or {})
    return explanation


def test_a_pending_node_names_the_dependencies_it_waits_for() -> None:
    document = workflow(node("A"), node("B"), node("C", after=["A", "B"]))
    snapshot = having(document, NodeState("A", N.COMPLETED), NodeState("B", N.RUNNING, attempt=1))

    explanation = explain(snapshot, [WORKER], {})[1]

    assert explanation.node_id == "C"
    assert explanation.waiting_for == (
        "B (RUNNING) (1 of 2 dependencies done); trigger rule none_failed_min_one_success"
    )
    assert explanation.wakes == "the end of B"
    assert explanation.details["dependencies"] == {"B": "RUNNING"}


def test_a_branch_target_names_the_condition_that_decides_it() -> None:
    document = workflow(node("A"), condition("if", true=["T"]), node("T", after=["A", "if"]))
    snapshot = having(document, NodeState("A", N.FAILED, Reason.ERROR), NodeState("if", N.RUNNING, attempt=1))

    explanation = explain(snapshot, [WORKER], {})[1]

    assert explanation.waiting_for.startswith("if (RUNNING) to say whether this branch is taken")


def test_a_long_list_of_dependencies_is_cut_short() -> None:
    names = [f"n{i}" for i in range(100)]
    document = workflow(*(node(name) for name in names), node("Z", after=names))

    explanation = explain(having(document), [WORKER], {})[-1]

    assert explanation.waiting_for.startswith("n0 (PENDING), n1 (PENDING), n2")
    assert "and 95 more" in explanation.waiting_for


def test_an_untriggered_execution_waits_for_its_trigger() -> None:
    snapshot = having(workflow(node("A")))
    pending = replace(snapshot, execution=replace(snapshot.execution, status=ExecutionStatus.PENDING))

    explanation = only(pending)

    assert explanation.waiting_for == "the start of the execution, which has not been triggered"
    assert explanation.wakes == "a trigger of the execution"
    assert explanation.details["actions"] == ["trigger"]


def test_a_ready_node_that_is_not_queued_is_for_the_sweep() -> None:
    explanation = only(having(workflow(node("A"))))

    assert explanation.details["repair"] is True
    assert "should be queued" in explanation.waiting_for


def test_a_ready_node_behind_a_worklist_waits_for_its_turn() -> None:
    explanation = only(having(workflow(node("A")), worklist=("start 0",)))

    assert explanation.waiting_for.startswith("the worklist (1 entry)")
    assert "repair" not in explanation.details


def test_a_queued_node_tells_its_place_and_how_busy_the_workers_are() -> None:
    queued = NodeState("A", N.QUEUED, attempt=1, queued_ms=9_000)
    snapshot = having(workflow(node("A")), queued, live_messages=frozenset({"A"}))

    explanation = only(snapshot, positions={"A": 4})

    assert explanation.waiting_for == (
        "a free slot: 1 live worker with handler 'noop' on queue 'default', 3 of 8 slots busy;"
        " 4 tasks are ahead of it"
    )
    assert explanation.details["position"] == 4


@pytest.mark.parametrize(
    "workers",
    [
        (),
        (replace(WORKER, handlers=frozenset({"http"})),),
        (replace(WORKER, queues=("gpu",)),),
        (replace(WORKER, beat_ms=10_000 - 60_000),),
    ],
)
def test_a_queued_node_says_when_no_live_worker_can_take_it(workers: tuple[WorkerInfo, ...]) -> None:
    snapshot = having(
        workflow(node("A")), NodeState("A", N.QUEUED, attempt=1), live_messages=frozenset({"A"})
    )

    explanation = only(snapshot, workers)

    assert "no live worker offers handler 'noop' on queue 'default'" in explanation.waiting_for


def test_a_queued_node_without_a_message_is_for_the_sweep() -> None:
    explanation = only(having(workflow(node("A")), NodeState("A", N.QUEUED, attempt=1)))

    assert explanation.waiting_for == "its task, which is missing from the queue"
    assert explanation.details["repair"] is True


def test_a_running_node_tells_its_worker_try_and_limit() -> None:
    document = workflow(node("A", start_to_close_timeout=30, retry={"max_attempts": 3}))
    running = NodeState("A", N.RUNNING, attempt=2, tries=2, worker="w1", started_ms=9_000)

    explanation = only(having(document, running, leases=frozenset({("A", 2)})))

    assert explanation.waiting_for == (
        "handler 'noop', running on worker w1 since 1970-01-01T00:00:09.000Z, try 2 of 3"
    )
    assert explanation.until_ms == 39_000


def test_a_running_node_without_a_lease_is_for_the_sweep() -> None:
    explanation = only(having(workflow(node("A")), NodeState("A", N.RUNNING, attempt=1, worker="w1")))

    assert explanation.details["repair"] is True


def test_a_node_in_back_off_tells_when_and_after_which_error() -> None:
    waiting = NodeState(
        "A",
        N.WAITING,
        waiting_on=WaitingOn.BACK_OFF,
        attempt=1,
        tries=1,
        due_ms=12_000,
        error={"type": "Http.5xx", "message": "503 from example.org"},
    )
    document = workflow(node("A", retry={"max_attempts": 3}))

    explanation = only(having(document, waiting, timers=frozenset({("back_off", "A", 1)})))

    assert explanation.waiting_for == (
        "its next try at 1970-01-01T00:00:12.000Z, try 1 of 3 failed with Http.5xx: 503 from example.org"
    )
    assert explanation.until_ms == 12_000


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (WaitingOn.DELAY, "the end of its delay at"),
        (WaitingOn.WORKER, "a worker with handler 'noop'"),
        (WaitingOn.HOLD, "its worker was lost 2 times"),
    ],
)
def test_each_kind_of_waiting_has_its_sentence(kind: WaitingOn, words: str) -> None:
    waiting = NodeState("A", N.WAITING, waiting_on=kind, attempt=1, crashes=2, due_ms=12_000)

    explanation = only(having(workflow(node("A")), waiting, timers=frozenset({(str(kind), "A", 1)})))

    assert words in explanation.waiting_for


def test_a_waiting_node_without_a_timer_is_for_the_sweep() -> None:
    waiting = NodeState("A", N.WAITING, waiting_on=WaitingOn.DELAY, attempt=1, due_ms=12_000)

    assert only(having(workflow(node("A")), waiting)).details["repair"] is True


def test_a_cancelling_execution_explains_what_is_about_to_be_cancelled() -> None:
    document = workflow(node("A"), node("B"))
    running = NodeState("B", N.RUNNING, attempt=1, worker="w1", started_ms=9_000)
    snapshot = having(document, running, leases=frozenset({("B", 1)}))
    ending = replace(snapshot, execution=replace(snapshot.execution, cancelling=Cancelling.USER))

    pending, working = explain(ending, [WORKER], {})

    assert pending.waiting_for == "its cancellation: the execution is ending (cause: user)"
    assert working.waiting_for.endswith("it is being cancelled: it was asked to stop (cause: user)")
    assert working.details["cause"] == "user"


def test_an_execution_with_nothing_left_explains_itself() -> None:
    snapshot = having(workflow(node("A")), NodeState("A", N.COMPLETED))

    explanation = only(snapshot)

    assert explanation.node_id is None
    assert explanation.details["repair"] is True


def test_a_terminal_execution_waits_for_nothing() -> None:
    snapshot = having(workflow(node("A")), NodeState("A", N.COMPLETED))
    ended = replace(snapshot, execution=replace(snapshot.execution, status=ExecutionStatus.COMPLETED))

    assert only(ended).waiting_for == "nothing: the execution is COMPLETED"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(dag=scripted_dags(max_nodes=25), seed=st.integers(0, 2**32), ends=st.integers(0, 20))
def test_no_node_of_a_random_dag_is_without_a_reason(dag: ScriptedDag, seed: int, ends: int) -> None:
    snapshot = _played(dag, seed, ends)
    explanations = explain(snapshot, [WORKER], {})

    unfinished: list[str | None] = [i for i, s in snapshot.nodes.items() if not s.status.is_terminal]
    assert [e.node_id for e in explanations] == (unfinished or [None])
    assert all(e.waiting_for and e.wakes for e in explanations)
    assert not any(e.details.get("repair") for e in explanations)


# With a saved worklist


@pytest.mark.parametrize("worklist", [SAVED, ()])
def test_a_map_whose_items_are_done_goes_on_by_the_worklist_or_a_repair(worklist: tuple[str, ...]) -> None:
    waiting = NodeState("A", N.WAITING, waiting_on=WaitingOn.MAP)
    document = workflow(node("A", map={"items": [1, 2]}))

    explanation = only(having(document, waiting, maps={"A": DONE}, worklist=worklist))

    assert explanation.details.get("repair", False) is not bool(worklist)


@pytest.mark.parametrize("worklist", [SAVED, ()])
def test_an_execution_that_is_done_ends_by_the_worklist_or_a_repair(
    worklist: tuple[str, ...],
) -> None:
    explanation = only(having(workflow(node("A")), NodeState("A", N.COMPLETED), worklist=worklist))

    assert explanation.waiting_for.startswith("its end: all 1 nodes are done")
    assert explanation.details.get("repair", False) is not bool(worklist)
    assert ("worklist" in explanation.wakes) is bool(worklist)


# One node or item


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(dag=scripted_dags(max_nodes=25), seed=st.integers(0, 2**32), ends=st.integers(0, 20))
def test_every_node_of_a_random_dag_is_explained_by_itself(dag: ScriptedDag, seed: int, ends: int) -> None:
    snapshot = _played(dag, seed, ends)
    together = {e.node_id: e for e in explain(snapshot, [WORKER], {})}

    for node_id, state in snapshot.nodes.items():
        alone = explain_unit(snapshot, state, [WORKER], {})

        assert alone.node_id == node_id
        assert alone.waiting_for and alone.wakes
        assert alone == together.get(node_id, alone)
        assert alone.waiting_for.startswith("nothing: ") is state.status.is_terminal


def test_a_running_item_is_explained_like_a_node() -> None:
    running = NodeState("A[1]", N.RUNNING, attempt=1, tries=1, worker="w1", started_ms=9_000)
    counts = MapCounts(total=2, started=2, live=1, completed=1, failed=0, skipped=0)
    snapshot = having(
        workflow(node("A", map={"items": [1, 2]})),
        NodeState("A", N.WAITING, waiting_on=WaitingOn.MAP),
        maps={"A": MapState(counts, live={"A[1]": running})},
        leases=frozenset({("A[1]", 1)}),
    )

    found = explain_unit(snapshot, running, [WORKER], {}, names_workers=False)

    assert found.node_id == "A[1]"
    assert found.waiting_for == (
        "handler 'noop', running on its worker since 1970-01-01T00:00:09.000Z, try 1 of 1"
    )
    assert found.details["worker"] is None


def test_no_sentence_names_a_route() -> None:
    root = Path(explain_module.__file__).parent

    for path in root.glob("expla*.py"):
        assert not re.search(r"/v1/|/workflow|\b(GET|POST|PUT|PATCH|DELETE) /", path.read_text()), path.name


def _played(dag: ScriptedDag, seed: int, ends: int) -> Snapshot:
    """Play a DAG until some of its nodes have ended, in a random order."""
    play, order = Play(fresh(compiled(dag.document))), Random(seed)
    play.settle()
    for _ in range(ends):
        if queued := play.having(N.QUEUED):
            chosen = order.choice(queued)
            play.end(chosen, dag.outcomes[chosen])
            play.settle()
    return play.view()


def parked(letters: int = 0, due_ms: int | None = None, **fields: Any) -> Explanation:
    state = NodeState("A", N.WAITING, attempt=2, waiting_on=WaitingOn.INBOX, due_ms=due_ms)
    inboxes = {"A": InboxState(("the bill", "a reply"), letters)}
    return only(having(workflow(node("A")), state, inboxes=inboxes, **fields))


def test_a_parked_handler_names_what_it_waits_for() -> None:
    explanation = parked()

    assert explanation.waiting_for == "a letter (for 'the bill', 'a reply')"
    assert explanation.wakes == "a letter to its inbox"
    assert explanation.until_ms is None
    assert explanation.details["waits_for"] == ["the bill", "a reply"]


def test_a_parked_handler_with_a_timer_names_both() -> None:
    timers = frozenset({("inbox", "A", 2)})

    explanation = parked(due_ms=60_000, timers=timers)

    assert explanation.until_ms == 60_000
    assert explanation.waiting_for.startswith("a letter (for 'the bill', 'a reply') until ")
    assert explanation.wakes == "a letter to its inbox, or its timer"


def test_a_parked_handler_that_nothing_would_wake_is_left_to_the_sweep() -> None:
    assert parked(letters=2).details["repair"] is True
    assert parked(due_ms=60_000).details["repair"] is True
