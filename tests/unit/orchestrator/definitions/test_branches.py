"""Branches: which successors belong to which answer, and which an output does not take."""

from typing import Any

import pytest

from orchestrator.definitions.branches import (
    catch_words,
    not_taken_for,
    read_catch,
    read_catch_words,
    read_choices,
    taker_of,
)
from orchestrator.definitions.definition import Catch, Node
from orchestrator.definitions.trigger_rules import EARLY_RULES
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.errors import OutputRefused
from tests.unit.orchestrator.definitions.flat import build, condition, node, problems, switch, workflow


def deciding(handler: str, **config: Any) -> Node:
    findings = Findings(Limits())
    return Node("D", handler, config=config, choices=read_choices(handler, config, "n", findings))


@pytest.mark.parametrize(
    ("output", "aside"),
    [({"result": True}, ("F", "G")), ({"result": False}, ("T",)), ({"result": True, "more": 1}, ("F", "G"))],
)
def test_a_condition_leaves_the_other_branch_aside(output: Any, aside: tuple[str, ...]) -> None:
    decision = deciding("condition", expression="x", true_branch=["T"], false_branch=["F", "G"])

    assert not_taken_for(decision, output) == aside


def test_a_condition_without_branches_needs_a_result_all_the_same() -> None:
    decision = deciding("condition", expression="x")

    assert not_taken_for(decision, {"result": False}) == ()
    with pytest.raises(OutputRefused):
        not_taken_for(decision, {"ok": 1})


@pytest.mark.parametrize(
    ("case", "aside"),
    [("a", ("Y", "Z")), ("b", ("X", "Z")), ("none", ("X", "Y", "Z")), ("default", ("X", "Y"))],
)
def test_a_switch_leaves_all_other_cases_aside(case: str, aside: tuple[str, ...]) -> None:
    decision = deciding("switch", value="v", cases={"a": ["X"], "b": "Y", "none": []}, default=["Z"])

    assert not_taken_for(decision, {"case": case}) == aside


def test_a_target_of_two_cases_is_taken_by_either() -> None:
    decision = deciding("switch", value="v", cases={"a": ["X", "Y"], "b": ["Y"]})

    assert not_taken_for(decision, {"case": "a"}) == ()
    assert not_taken_for(decision, {"case": "b"}) == ("X",)


@pytest.mark.parametrize("output", [None, [], "a", {"case": "c"}, {"case": "default"}, {"case": 1}])
def test_a_switch_needs_a_case_of_its_own(output: Any) -> None:
    decision = deciding("switch", value="v", cases={"a": ["X"], "b": ["Y"]})

    with pytest.raises(OutputRefused, match="one of 'a', 'b'"):
        not_taken_for(decision, output)


def test_a_wait_with_branches_says_whether_it_was_in_time() -> None:
    decision = deciding("wait_for_signal", name="go", received_branch=["R"], timeout_branch=["T"])

    assert not_taken_for(decision, {"timed_out": True}) == ("R",)
    assert not_taken_for(decision, {"timed_out": "yes"}) == not_taken_for(decision, 7) == ("T",)
    assert not_taken_for(deciding("wait_for_signal", name="go"), 7) == ()


def test_any_other_node_decides_nothing() -> None:
    assert not_taken_for(deciding("noop"), None) == ()


def test_branches_are_read_and_gates_counted() -> None:
    definition = build(
        condition("c", true_branch=["x"], false_branch="y"),
        condition("d", true_branch="x"),
        node("x", ["c", "d"]),
        node("y", ["c"]),
        node("z", ["c"]),
    )

    assert definition.node("c").branches == ("x", "y")
    assert definition.gates == {"x": 2, "y": 1}


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        ({"true_branch": ["nope"]}, "unknown_branch", "nodes[0].config.true_branch"),
        ({"true_branch": ["far"]}, "not_successor", "nodes[0].config.true_branch"),
        ({"true_branch": ["x"], "false_branch": ["x"]}, "in_both_branches", "nodes[0].config"),
        ({"true_branch": 3}, "wrong_type", "nodes[0].config.true_branch"),
        ({"true_branch": [["x"]]}, "wrong_type", "nodes[0].config.true_branch"),
        ({"true_branch": "{{ inputs.b }}"}, "unknown_branch", "nodes[0].config.true_branch"),
    ],
)
def test_branches_name_direct_successors_once(config: dict[str, Any], code: str, path: str) -> None:
    (problem,) = problems(workflow(condition("c", **config), node("x", ["c"]), node("far", ["x"])))

    assert (problem.code, problem.path) == (code, path)


def test_cases_are_read_and_gates_counted() -> None:
    definition = build(
        switch("s", cases={"a": "x", "b": ["x", "y"]}, default="z"),
        node("x", ["s"]),
        node("y", ["s"]),
        node("z", ["s"]),
        node("free", ["s"]),
    )

    assert definition.node("s").branches == ("x", "y", "z")
    assert definition.gates == {"x": 1, "y": 1, "z": 1}


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        ({"cases": {"a": ["nope"]}}, "unknown_branch", "nodes[0].config.cases.a"),
        ({"cases": {"a": ["far"]}}, "not_successor", "nodes[0].config.cases.a"),
        ({"cases": {"a": "x"}, "default": ["nope"]}, "unknown_branch", "nodes[0].config.default"),
        ({"cases": {"a": 3}}, "wrong_type", "nodes[0].config.cases.a"),
    ],
)
def test_cases_name_direct_successors(config: dict[str, Any], code: str, path: str) -> None:
    (problem,) = problems(workflow(switch("s", **config), node("x", ["s"]), node("far", ["x"])))

    assert (problem.code, problem.path) == (code, path)


@pytest.mark.parametrize("rule", sorted(EARLY_RULES))
def test_a_branch_target_may_not_run_early(rule: str) -> None:
    (problem,) = problems(workflow(condition("c", true_branch="x"), node("x", ["c"], trigger_rule=rule)))

    assert problem.code == "early_rule"


CATCH = (Catch(("Http.4*", "Timeout.*"), "refund"), Catch(("*",), "report"))


@pytest.mark.parametrize(
    ("error_type", "taker"),
    [("Http.4xx", "refund"), ("Timeout.Signal", "refund"), ("Http.5xx", "report"), ("", "report")],
)
def test_the_first_rule_for_an_error_says_who_takes_over(error_type: str, taker: str) -> None:
    assert taker_of(CATCH, error_type) == taker


def test_an_error_that_no_rule_is_for_has_no_taker() -> None:
    assert taker_of(CATCH[:1], "Http.5xx") == taker_of((), "Http.5xx") == ""


def test_a_catch_is_read_as_it_was_written() -> None:
    words = catch_words(CATCH)

    assert words == "Http.4*>refund,Timeout.*>refund,*>report"
    assert catch_words(read_catch_words(words)) == words
    assert read_catch_words("") == ()
    for error_type in ("Http.4xx", "Timeout.Signal", "Mine"):
        assert taker_of(read_catch_words(words), error_type) == taker_of(CATCH, error_type)


def test_a_catch_that_was_stored_before_stars_were_counted_still_counts() -> None:
    raw = [{"errors": ["*" * 60 + "z"], "goto": "B"}]
    today, stored = Findings(Limits()), Findings(Limits(), is_stored=True)

    assert read_catch(raw, "n.catch", today) == ()
    assert [(problem.path, problem.code) for problem in today.problems] == [
        ("n.catch[0].errors", "bad_value")
    ]
    assert read_catch(raw, "n.catch", stored) == (Catch(("*" * 60 + "z",), "B"),)
    assert stored.problems == []
