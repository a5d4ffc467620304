"""Worlds: which outcomes of nodes can come together."""

from __future__ import annotations

from typing import Any

from orchestrator.lint.outcomes import BAD, MISSING, SKIP, KnownAnswers
from orchestrator.lint.reachability import Reachability
from tests.dags import node
from tests.unit.orchestrator.lint.cases import BRANCHES, definition


def reach(*nodes: dict[str, Any], known: KnownAnswers | None = None, **options: Any) -> Reachability:
    return Reachability(definition(*nodes), known or KnownAnswers(), **options)


def test_without_knowledge_every_node_may_run_and_end_in_any_way() -> None:
    plain = reach(node("A"), node("B", after=["A"]))

    assert plain.can_run("B")
    assert plain.can_succeed("A", "B")
    assert all(plain.is_possible(world) for world in plain.worlds["A"])


def test_a_node_runs_only_in_worlds_its_rule_allows() -> None:
    plain = reach(node("A"), node("B", after=["A"], trigger_rule="all_success"), node("C", after=["A"]))

    assert not plain.may_meet("B", "A", MISSING)
    assert plain.may_meet("B", "A", plain.present("A"))


def test_both_branches_of_a_condition_never_complete_in_one_world() -> None:
    branches = reach(*BRANCHES)
    both = branches.success("A", "D") & branches.success("B", "D")

    assert not branches.is_possible(both)
    assert branches.dispute(both) == "c"


def test_a_known_when_leaves_one_outcome() -> None:
    off = reach(node("A", when=False), node("B", after=["A"]), known=KnownAnswers(when={"A": False}))

    assert not off.can_run("A")
    assert not off.can_succeed("A", "B")
    assert off.world_of("A", [SKIP])
    assert not off.world_of("A", [BAD])


def test_only_watched_nodes_and_forks_are_tracked() -> None:
    chain = node("A"), node("B", after=["A"]), node("C", after=["B"])

    assert list(reach(*chain).places) == []
    assert list(reach(*chain, watched={"B"}).places) == ["B"]
    assert list(reach(*BRANCHES).places) == ["c"]
