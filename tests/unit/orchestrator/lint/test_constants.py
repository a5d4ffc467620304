"""What never runs, or is never there, behind switches and failures that are handled."""

from typing import Any

from orchestrator.definitions.compiler import compile_definition
from orchestrator.errors import Problem
from orchestrator.lint.lint import lint
from tests.dags import HANDLERS, node, workflow


def warnings(*nodes: dict[str, Any]) -> list[Problem]:
    return lint(compile_definition(workflow(*nodes), handlers=HANDLERS))


def switch(value: str = "{{ inputs.kind }}", **answers: Any) -> dict[str, Any]:
    return node("s", handler="switch") | {"config": {"value": value, **answers}}


def catching(*rules: tuple[str, str], **fields: Any) -> dict[str, Any]:
    return node("A", catch=[{"errors": [error], "goto": goto} for error, goto in rules], **fields)


CASES: dict[str, Any] = {"cases": {"small": "X", "big": "Y"}}
TWO = node("X", after=["s"]), node("Y", after=["s"])


def test_a_join_of_two_cases_that_needs_both_never_runs() -> None:
    (found,) = warnings(switch(**CASES), *TWO, node("D", after=["X", "Y"], trigger_rule="all_success"))

    assert (found.path, found.code) == ("dag.nodes[3]", "join_never_runs")
    assert "they need different branches of switch 's'" in found.message
    assert warnings(switch(**CASES), *TWO, node("D", after=["X", "Y"])) == []


def test_a_join_of_two_targets_of_one_case_runs() -> None:
    one: dict[str, Any] = {"cases": {"small": ["X", "Y"], "big": []}}

    assert warnings(switch(**one), *TWO, node("D", after=["X", "Y"], trigger_rule="all_success")) == []


def test_a_constant_value_takes_one_case_only() -> None:
    found = warnings(switch("big", **CASES), *TWO)

    assert [(each.path, each.code) for each in found] == [
        ("dag.nodes[0].config.cases.small", "branch_never_taken"),
        ("dag.nodes[1]", "never_runs"),
    ]
    assert found[0].message == "switch 's' always takes case big, so its cases.small (X) is never taken"
    assert found[1].message == "'X' can never run: it is on a branch that switch 's' never takes"


def test_a_constant_value_without_a_case_always_fails() -> None:
    found = warnings(switch("huge", **CASES), *TWO)

    assert [each.code for each in found] == ["switch_never_decides", "never_runs", "never_runs"]
    assert warnings(switch("huge", **CASES, default="Y"), *TWO)[-1].path == "dag.nodes[1]"


def test_who_takes_over_and_who_goes_on_never_run_both() -> None:
    (found,) = warnings(
        catching(("*", "G")),
        node("G", after=["A"]),
        node("B", after=["A"]),
        node("D", after=["G", "B"], trigger_rule="all_success"),
    )

    assert (found.path, found.code) == ("dag.nodes[3]", "join_never_runs")
    assert "they need different outcomes of 'A'" in found.message


def test_a_rule_behind_one_that_takes_every_error_is_never_used() -> None:
    (found,) = warnings(catching(("*", "G"), ("Http.*", "H")), node("G", after=["A"]), node("H", after=["A"]))

    assert found.path == "dag.nodes[2]"
    assert found.message == (
        "'H' can never run: it takes over from 'A', which has an earlier rule in its catch that takes every "
        "error"
    )
    assert (
        warnings(catching(("Http.*", "H"), ("*", "G")), node("G", after=["A"]), node("H", after=["A"])) == []
    )


def test_who_takes_over_from_a_node_that_never_runs_never_runs() -> None:
    found = warnings(catching(("*", "G"), when="{{ false }}"), node("G", after=["A"]))

    assert "'G' can never run: it takes over from 'A', which never runs" in [each.message for each in found]


def test_what_a_node_that_goes_on_leaves_is_there() -> None:
    goes_on = node("A", retry={"on_exhausted": "continue"})
    reader = node("B", after=["A"], trigger_rule="all_done") | {"config": {"reads": "{{ A }}"}}

    assert warnings(goes_on, reader) == []
    assert [each.code for each in warnings(node("A", when="{{ inputs.on }}"), reader)] == [
        "reference_may_be_missing"
    ]


def test_a_join_behind_a_switch_that_reads_one_case_is_warned_of() -> None:
    reader = node("D", after=["X", "Y"]) | {"config": {"reads": "{{ X }}"}}

    (found,) = warnings(switch(**CASES), *TWO, reader)

    assert (found.path, found.code) == ("dag.nodes[3].config.reads", "reference_may_be_missing")
    assert "'D' also runs when 'X' was skipped (branch_not_taken)" in found.message


def test_a_switch_with_more_answers_than_are_told_apart_is_not_guessed_at() -> None:
    names = [f"n{index}" for index in range(30)]
    many = switch(cases={name: name for name in names})
    targets = [node(name, after=["s"]) for name in names]
    join = node("D", after=["n1", "n2"], trigger_rule="all_success")

    assert warnings(many, *targets, join) == []


def test_what_is_missing_in_two_ways_is_found_by_either() -> None:
    # Passed by for its `when` it keeps D from running, too; behind a switch that fails it does not.
    reader = node("D", after=["s", "X"], trigger_rule="none_skipped") | {"config": {"reads": "{{ X }}"}}
    read = node("X", after=["s"], when="{{ inputs.on }}", retry={"on_exhausted": "continue"})

    (found,) = warnings(switch(cases={"small": ["X", "D"], "big": []}), read, reader)

    assert (found.path, found.code) == ("dag.nodes[2].config.reads", "reference_may_be_missing")
    assert "'D' also runs when 'X' failed (upstream_failed)" in found.message
