"""Which nodes a retry in place runs again."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.execution.counters import count_failed
from orchestrator.execution.model import NodeState, Snapshot
from orchestrator.execution.rerun import (
    counters_after_reset,
    made_anew,
    refused_nodes,
    rerun_of,
    rerun_set,
    runs_again,
)
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.repair_words import retry_words
from tests.dags import compiled, condition, node, workflow
from tests.simulation import fresh
from tests.snapshots import ENDS


def ended(*nodes: dict[str, object], not_taken: dict[str, list[str]] | None = None, **ends: str) -> Snapshot:
    """Give an ended execution whose nodes ended as named."""
    snapshot = fresh(compiled(workflow(*nodes)), status=ExecutionStatus.FAILED)
    states = {each: NodeState(each, *ENDS[word]) for each, word in ends.items()}
    not_taken_for = {each: frozenset(ids) for each, ids in (not_taken or {}).items()}
    return replace(snapshot, nodes=states, not_taken=not_taken_for)


LINE = (node("A"), node("B", after=["A"]), node("C", after=["B"]))


def test_what_failed_runs_again_with_all_it_kept_from_running() -> None:
    snapshot = ended(*LINE, A="ok", B="failed", C="upstream")

    assert rerun_set(snapshot) == ["B", "C"]


def test_cancelled_nodes_run_again() -> None:
    snapshot = ended(*LINE, A="ok", B="cancelled", C="cancelled")

    assert rerun_set(snapshot) == ["B", "C"]


def test_completed_nodes_stay_even_behind_a_failure() -> None:
    snapshot = ended(
        node("A"), node("B", after=["A"], trigger_rule="all_done"), node("C", after=["B"]),
        A="failed", B="ok", C="ok",
    )  # fmt: skip

    assert rerun_set(snapshot) == ["A"]


def test_a_skip_that_has_nothing_to_do_with_the_failure_stays() -> None:
    snapshot = ended(node("A"), node("B"), node("C", after=["B"]), A="failed", B="when", C="unwanted")

    assert rerun_set(snapshot) == ["A"]


def test_skips_run_again_down_the_whole_chain() -> None:
    chain = [node("n0"), *(node(f"n{i}", after=[f"n{i - 1}"]) for i in range(1, 3_000))]
    ends = {"n0": "failed", **{f"n{i}": "upstream" for i in range(1, 3_000)}}

    assert rerun_set(ended(*chain, not_taken=None, **ends)) == [f"n{i}" for i in range(3_000)]


BRANCHED = (
    node("first"),
    condition("choice", after=["first"], true=["yes"], false=["no"]),
    node("yes", after=["choice"]),
    node("no", after=["choice"]),
    node("end", after=["yes", "no"]),
)


def test_what_a_condition_that_stays_left_aside_stays_aside() -> None:
    snapshot = ended(
        *BRANCHED,
        not_taken={"choice": ["no"]},
        first="ok",
        choice="ok",
        yes="failed",
        no="aside",
        end="upstream",
    )

    assert rerun_set(snapshot) == ["yes", "end"]


def test_a_condition_that_runs_again_decides_again() -> None:
    snapshot = ended(
        *BRANCHED, first="failed", choice="upstream", yes="upstream", no="upstream", end="upstream"
    )

    assert rerun_set(snapshot) == ["first", "choice", "yes", "no", "end"]


def test_every_reset_comes_before_every_decision() -> None:
    snapshot = ended(*LINE, A="ok", B="failed", C="upstream")

    items = retry_words(counters_after_reset(snapshot, ["B", "C"]))

    assert items == ["reset B 1 0 0 0 0", "reset C 0 0 0 0 0", "decide B", "decide C"]


def test_counters_are_those_of_the_dependencies_that_stay() -> None:
    snapshot = ended(
        *BRANCHED,
        not_taken={"choice": ["no"]},
        first="ok",
        choice="ok",
        yes="failed",
        no="aside",
        end="upstream",
    )

    resets = [
        item
        for item in retry_words(counters_after_reset(snapshot, ["yes", "end"]))
        if item.startswith("reset")
    ]

    assert resets == ["reset yes 1 0 0 1 0", "reset end 0 0 1 0 0"]


def test_a_preview_leaves_out_what_is_skipped_again_at_once() -> None:
    snapshot = ended(
        condition("one", true=["both"], false=[]),
        condition("two", true=["other"], false=["both"]),
        node("both", after=["one", "two"]),
        node("other", after=["two"]),
        not_taken={"two": ["both"]},
        one="ok",
        two="ok",
        both="cancelled",
        other="cancelled",
    )

    chosen = rerun_set(snapshot)

    assert chosen == ["both", "other"]
    assert runs_again(snapshot, chosen) == ["other"]


def test_a_preview_names_what_only_the_outcome_of_others_can_skip() -> None:
    snapshot = ended(*LINE, A="ok", B="failed", C="upstream")

    assert runs_again(snapshot, rerun_set(snapshot)) == ["B", "C"]


# Chosen nodes


def test_what_is_behind_a_named_node_runs_again_completed_or_not() -> None:
    snapshot = ended(
        node("A"), node("B", after=["A"]), node("R", after=["A"], trigger_rule="all_done"),
        node("S", after=["R"]), node("T", after=["S", "X"]), node("X"), node("Y", after=["X"]),
        A="failed", B="upstream", R="ok", S="failed", T="cancelled", X="failed", Y="upstream",
    )  # fmt: skip

    assert rerun_of(snapshot, ["A"]) == ["A", "B", "R", "S", "T"]
    assert rerun_of(snapshot, ["X", "S"]) == ["S", "T", "X", "Y"]


def test_only_what_is_behind_others_is_made_anew() -> None:
    snapshot = ended(*LINE, A="failed", B="upstream", C="upstream")

    assert made_anew(snapshot, rerun_of(snapshot, ["A"])) == {"B", "C"}
    assert made_anew(snapshot, ["A", "C"]) == frozenset()


def test_nothing_is_behind_a_branch_that_a_condition_outside_did_not_take() -> None:
    snapshot = ended(
        condition("if", true=["yes"], false=["no"]), node("other"), node("yes", after=["if"]),
        node("no", after=["if", "other"]), node("end", after=["no"], trigger_rule="all_done"),
        not_taken={"if": ["no"]}, other="failed", yes="ok", no="aside", end="ok", **{"if": "ok"},
    )  # fmt: skip

    assert rerun_of(snapshot, ["other"]) == ["other"]


def test_a_condition_behind_a_named_node_decides_again() -> None:
    snapshot = ended(
        *BRANCHED, not_taken={"choice": ["no"]}, first="failed", choice="ok", yes="ok", no="aside", end="ok"
    )

    chosen = rerun_of(snapshot, ["first"])

    assert chosen == ["first", "choice", "yes", "no", "end"]
    assert set(retry_words(counters_after_reset(snapshot, chosen))[:5]) == {
        f"reset {node_id} 0 0 0 0 0" for node_id in chosen
    }


CAUGHT = (
    node("A"),
    node("C", after=["A"], trigger_rule="all_done", catch=[{"errors": ["*"], "goto": "instead"}]),
    node("instead", after=["C"]),
    node("on", after=["C"]),
)


def test_what_would_have_taken_over_is_behind_what_completed() -> None:
    snapshot = ended(*CAUGHT, A="failed", C="ok", instead="aside", on="ok")

    assert rerun_of(snapshot, ["A"]) == ["A", "C", "instead", "on"]


def test_what_took_over_counts_nothing_once_the_failure_is_to_be_repeated() -> None:
    snapshot = ended(*CAUGHT, A="failed", C="failed", instead="ok", on="upstream")
    caught = {**snapshot.nodes, "C": replace(snapshot.nodes["C"], caught="instead")}
    snapshot = replace(snapshot, nodes=caught)

    counters = counters_after_reset(snapshot, rerun_of(snapshot, ["C"]))

    assert [(found.ok, found.bad) for found in counters.values()] == [(0, 1), (0, 0), (0, 0)]


def test_words_tell_what_is_made_anew() -> None:
    snapshot = ended(*LINE, A="ok", B="failed", C="ok")
    chosen = rerun_of(snapshot, ["B"])

    words = retry_words(counters_after_reset(snapshot, chosen), made_anew(snapshot, chosen))

    assert words == ["reset B 1 0 0 0 0", "renew C 0 0 0 0 0", "decide B", "decide C"]


def test_what_stays_cancelled_is_failed_for_those_that_run_again() -> None:
    snapshot = ended(
        node("A"), node("B"), node("J", after=["A", "B"]), A="cancelled", B="cancelled", J="cancelled"
    )

    chosen = rerun_of(snapshot, ["A"])

    assert chosen == ["A", "J"]
    assert runs_again(snapshot, chosen) == ["A"]
    assert count_failed(snapshot, without=chosen) == 1


def test_failed_and_cancelled_nodes_and_maps_with_failed_items_may_be_named() -> None:
    snapshot = ended(
        node("A"), node("B"), node("M"), node("N"), node("S"),
        A="failed", B="cancelled", M="ok", N="ok", S="when",
    )  # fmt: skip

    assert refused_nodes(snapshot, ["A", "B", "M"], {"M"}) == []
    assert refused_nodes(snapshot, ["N", "S"], {"M", "S"}) == [
        ("N", NodeStatus.COMPLETED),
        ("S", NodeStatus.SKIPPED),
    ]


def test_of_what_completed_only_maps_with_failed_items_may_be_named() -> None:
    snapshot = ended(node("A", critical=False), node("M"), A="failed", M="ok")
    completed = replace(snapshot, execution=replace(snapshot.execution, status=ExecutionStatus.COMPLETED))

    assert refused_nodes(completed, ["A", "M"], {"M"}) == [("A", NodeStatus.FAILED)]
