"""Root causes: which failures are at the origin of what never ran, and how much each of them kept back."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.execution.counters import count_failed, is_handled
from orchestrator.execution.model import NodeState, Snapshot
from orchestrator.execution.root_causes import MOST_CAUSES, MOST_NAMED, Causes, find_causes
from orchestrator.states import NodeStatus, Reason
from tests.dags import ScriptedDag, compiled, node, scripted_dags, workflow
from tests.simulation import Play, fresh
from tests.snapshots import CHAIN, DIAMOND, done, skipped

N = NodeStatus
CONTINUES = {"max_attempts": 1, "on_exhausted": "continue"}


def failed(node_id: str, ended_ms: int = 1, **fields: Any) -> NodeState:
    return NodeState(node_id, N.FAILED, Reason.ERROR, attempt=1, ended_ms=ended_ms, **fields)


def unreached(node_id: str) -> NodeState:
    return skipped(node_id, Reason.UPSTREAM_FAILED)


def causes(document: dict[str, Any], *states: NodeState) -> Causes:
    """Find the causes where these states are given, and all else is PENDING."""
    snapshot = fresh(compiled(document))
    return find_causes(snapshot.definition, {**snapshot.nodes, **{s.node_id: s for s in states}})


def kept(found: Causes) -> dict[str, int]:
    """Say what each listed cause kept back, in order."""
    return {cause.state.node_id: cause.kept for cause in found.listed}


def test_a_chain_has_one_cause() -> None:
    found = causes(CHAIN, failed("A"), unreached("B"), unreached("C"))

    assert kept(found) == {"A": 2}
    assert found.because_of == {"B": ("A",), "C": ("A",)}


def test_a_node_behind_a_diamond_is_counted_once() -> None:
    found = causes(DIAMOND, failed("A"), unreached("B"), unreached("C"), unreached("D"))

    assert kept(found) == {"A": 3}
    assert found.because_of["D"] == ("A",)


def test_a_skip_with_two_causes_counts_for_both_and_names_the_older_one_first() -> None:
    found = causes(DIAMOND, done("A"), failed("B", 20), failed("C", 10), unreached("D"))

    assert list(kept(found).items()) == [("C", 1), ("B", 1)]
    assert found.because_of == {"D": ("C", "B")}


def test_a_failed_node_without_dependants_is_a_cause() -> None:
    assert kept(causes(CHAIN, done("A"), done("B"), failed("C"))) == {"C": 0}


def test_a_failure_that_does_not_count_is_a_cause_only_if_it_kept_something_back() -> None:
    last, first = (
        workflow(node("A", critical=False)),
        workflow(node("A", critical=False), node("B", after=["A"])),
    )

    assert kept(causes(last, failed("A"))) == {}
    assert kept(causes(first, failed("A"), unreached("B"))) == {"A": 1}


def test_what_continues_on_failure_is_no_cause() -> None:
    document = workflow(node("A", retry=CONTINUES), node("X"), node("B", after=["A", "X"]))

    found = causes(document, failed("A"), failed("X"), unreached("B"))

    assert kept(found) == {"X": 1}
    assert found.because_of == {"B": ("X",)}


def test_a_caught_failure_is_a_cause_for_those_that_did_not_take_over() -> None:
    document = workflow(
        node("A", catch=[{"errors": ["*"], "goto": "rescue"}]),
        node("rescue", after=["A"]),
        node("B", after=["A"]),
    )

    assert kept(causes(document, failed("A", caught="rescue"), done("rescue"))) == {}
    assert kept(causes(document, failed("A", caught="rescue"), done("rescue"), unreached("B"))) == {"A": 1}


def test_a_cancelled_node_is_a_cause_where_something_was_skipped_behind_it() -> None:
    cancelled = NodeState("A", N.CANCELLED, Reason.CANCELLED)

    assert kept(causes(CHAIN, cancelled)) == {}
    assert kept(causes(CHAIN, cancelled, unreached("B"), unreached("C"))) == {"A": 2}


def test_a_skip_whose_cause_runs_again_names_none() -> None:
    found = causes(CHAIN, NodeState("A", N.RUNNING, attempt=2), unreached("B"))

    assert (found.listed, found.because_of) == ((), {"B": ()})


def test_other_skips_have_no_causes() -> None:
    found = causes(CHAIN, skipped("A", Reason.CONDITION_FALSE), skipped("B", Reason.UPSTREAM_SKIPPED))

    assert (found.listed, found.because_of) == ((), {})


def test_what_is_listed_is_bounded_and_still_exact() -> None:
    names = [f"n{index}" for index in range(60)]
    document = workflow(*map(node, names), node("Z", after=names), node("end", after=["Z"]))

    found = causes(
        document, *(failed(name, 100 - i) for i, name in enumerate(names)), *map(unreached, ["Z", "end"])
    )

    oldest_first = names[::-1]
    assert kept(found) == dict.fromkeys(oldest_first[:MOST_CAUSES], 2)
    assert found.because_of["end"] == tuple(oldest_first[:MOST_NAMED])


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(dag=scripted_dags(max_nodes=25), seed=st.integers(0, 2**32))
def test_every_skip_of_a_random_dag_has_the_causes_that_a_walk_finds(dag: ScriptedDag, seed: int) -> None:
    snapshot = _played(dag, seed)
    found = find_causes(snapshot.definition, snapshot.nodes)
    walked = {
        node_id: _walked(snapshot, node_id)
        for node_id, state in snapshot.nodes.items()
        if state.reason is Reason.UPSTREAM_FAILED
    }

    assert {node_id: set(named) for node_id, named in found.because_of.items()} == {
        node_id: named if len(named) <= MOST_NAMED else set(found.because_of[node_id])
        for node_id, named in walked.items()
    }
    assert all(walked.values())
    for cause in found.listed:
        assert cause.kept == sum(cause.state.node_id in named for named in walked.values())
    unhandled = {i for i, s in snapshot.nodes.items() if s.status is N.FAILED} & {
        n.id for n in snapshot.definition.nodes if n.critical and not is_handled(n, snapshot.nodes[n.id])
    }
    assert len(unhandled) == count_failed(snapshot)
    assert unhandled | set().union(*walked.values()) == set(kept(found))


def test_ten_thousand_nodes_are_traced_in_milliseconds() -> None:
    random = Random(7)
    names = [f"n{index}" for index in range(10_000)]
    nodes = [node(name) for name in names[:5_000]]
    nodes += [
        node(names[i], after=sorted({names[i - 1], names[random.randrange(i - 1)]})[: 1 + i % 2])
        for i in range(5_000, 10_000)
    ]
    snapshot = fresh(compiled(workflow(*nodes)))
    states = {name: failed(name, i) if i < 5_000 else unreached(name) for i, name in enumerate(names)}

    started = time.process_time()
    found = find_causes(snapshot.definition, states)
    took_s = time.process_time() - started

    assert found.because_of[names[-1]]
    assert took_s < 0.5  # 20 ms on an idle core; quadratic, it would be many seconds


def _played(dag: ScriptedDag, seed: int) -> Snapshot:
    """Play a DAG to its end, in a random order."""
    play, order = Play(fresh(compiled(dag.document))), Random(seed)
    play.settle()
    while queued := play.having(N.QUEUED):
        chosen = order.choice(queued)
        play.end(chosen, dag.outcomes[chosen])
        play.settle()
    snapshot = play.view()
    ended = {i: replace(state, ended_ms=n) for n, (i, state) in enumerate(snapshot.nodes.items())}
    return replace(snapshot, nodes=ended)


def _walked(snapshot: Snapshot, node_id: str) -> set[str]:
    """Walk up from one skipped node, in the plainest way."""
    found: set[str] = set()
    for other in snapshot.definition.node(node_id).dependencies:
        state, its = snapshot.nodes[other], snapshot.definition.node(other)
        if state.reason is Reason.UPSTREAM_FAILED:
            found |= _walked(snapshot, other)
        elif state.status is N.CANCELLED or (
            state.status is N.FAILED
            and not (state.caught == node_id or (state.caught is None and its.continues_on_failure))
        ):
            found.add(other)
    return found
