"""Which successors an output given by hand leaves aside."""

from typing import Any

import pytest

from orchestrator.definitions.branches import not_taken_for, read_choices
from orchestrator.definitions.definition import Node
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.errors import OutputRefused


def deciding(handler: str, **config: Any) -> Node:
    findings = Findings(Limits())
    return Node("D", handler, config=config, choices=read_choices(handler, config, "n", findings))


@pytest.mark.parametrize(
    ("output", "aside"),
    [({"result": True}, ("F", "G")), ({"result": False}, ("T",)), ({"result": True, "more": 1}, ("F", "G"))],
)
def test_a_condition_leaves_the_other_branch_aside(output: Any, aside: tuple[str, ...]) -> None:
    node = deciding("condition", expression="x", true_branch=["T"], false_branch=["F", "G"])

    assert not_taken_for(node, output) == aside


def test_a_condition_without_branches_needs_a_result_all_the_same() -> None:
    node = deciding("condition", expression="x")

    assert not_taken_for(node, {"result": False}) == ()
    with pytest.raises(OutputRefused):
        not_taken_for(node, {"ok": 1})


@pytest.mark.parametrize(
    ("case", "aside"),
    [("a", ("Y", "Z")), ("b", ("X", "Z")), ("none", ("X", "Y", "Z")), ("default", ("X", "Y"))],
)
def test_a_switch_leaves_all_other_cases_aside(case: str, aside: tuple[str, ...]) -> None:
    node = deciding("switch", value="v", cases={"a": ["X"], "b": "Y", "none": []}, default=["Z"])

    assert not_taken_for(node, {"case": case}) == aside


def test_a_target_of_two_cases_is_taken_by_either() -> None:
    node = deciding("switch", value="v", cases={"a": ["X", "Y"], "b": ["Y"]})

    assert not_taken_for(node, {"case": "a"}) == ()
    assert not_taken_for(node, {"case": "b"}) == ("X",)


@pytest.mark.parametrize("output", [None, [], "a", {"case": "c"}, {"case": "default"}, {"case": 1}])
def test_a_switch_needs_a_case_of_its_own(output: Any) -> None:
    node = deciding("switch", value="v", cases={"a": ["X"], "b": ["Y"]})

    with pytest.raises(OutputRefused, match="one of 'a', 'b'"):
        not_taken_for(node, output)


def test_a_wait_with_branches_says_whether_it_was_in_time() -> None:
    node = deciding("wait_for_signal", name="go", received_branch=["R"], timeout_branch=["T"])

    assert not_taken_for(node, {"timed_out": True}) == ("R",)
    assert not_taken_for(node, {"timed_out": "yes"}) == not_taken_for(node, 7) == ("T",)
    assert not_taken_for(deciding("wait_for_signal", name="go"), 7) == ()


def test_any_other_node_decides_nothing() -> None:
    assert not_taken_for(deciding("noop"), None) == ()
