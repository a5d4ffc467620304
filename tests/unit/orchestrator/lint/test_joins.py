"""Joins of the ordinary path with the one that a catch takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dags import node
from tests.unit.orchestrator.lint.cases import catching, codes, warnings

CAUGHT = (catching(("Http.*", "C")), node("B", after=["A"]), node("C", after=["A"]))
CODE = "join_skipped_after_catch"


def join(*after: str, **fields: Any) -> dict[str, Any]:
    return node("J", after=list(after), **fields)


def test_a_join_that_is_skipped_whenever_a_catch_takes_over_is_named_with_the_rule_that_works() -> None:
    (found,) = warnings(*CAUGHT, join("B", "C"))

    assert (found.path, found.code) == ("dag.nodes[3]", CODE)
    assert found.message == (
        "'J' is skipped whenever 'C' takes over from 'A': it also depends on 'B', which is skipped as "
        "upstream_failed then, and its trigger rule is none_failed_min_one_success"
    )
    assert found.hint == "trigger_rule all_done_min_one_success runs it behind either path"


@pytest.mark.parametrize("rule", ["all_done_min_one_success", "all_done", "one_success"])
def test_a_rule_that_runs_it_behind_either_path_is_fine(rule: str) -> None:
    assert codes(*CAUGHT, join("B", "C", trigger_rule=rule)) == []


def test_a_join_further_behind_is_found_and_what_follows_from_it_is_not() -> None:
    further = (
        node("B2", after=["B"]),
        node("C2", after=["C"]),
        join("B2", "C2"),
        node("K", after=["J", "C"]),
    )

    assert codes(*CAUGHT, *further) == [("[5]", CODE)]


def test_a_join_with_the_node_itself_is_found() -> None:
    nodes = (catching(("*", "C")), node("C", after=["A"]))

    (found,) = warnings(*nodes, join("A", "C"))

    assert found.code == CODE
    assert "it also depends on 'A', which has failed then" in found.message


def test_what_does_not_wait_for_who_takes_over_or_may_run_all_the_same_is_fine() -> None:
    recovers = node("B", after=["A"], trigger_rule="all_done")

    assert codes(*CAUGHT, join("B")) == []
    assert codes(*CAUGHT, join("C")) == []
    assert codes(CAUGHT[0], recovers, CAUGHT[2], join("B", "C")) == []
    assert codes(*CAUGHT, node("X"), join("X", "C")) == []
