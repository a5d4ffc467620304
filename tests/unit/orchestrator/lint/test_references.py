"""References, in nodes and in the output, to nodes that may not have completed."""

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.lint.lint import lint
from tests.dags import condition, node, workflow
from tests.unit.orchestrator.lint.cases import BRANCHES, CASES, TWO, codes, reading, switch, warnings
from workers.handlers import Catalogue


def test_a_reference_to_the_branch_that_may_not_be_taken_may_be_missing() -> None:
    (found,) = warnings(*BRANCHES, reading("D", "Got {{ A.text }}", after=["A", "B"]))

    assert (found.path, found.code) == ("dag.nodes[3].config.text", "reference_may_be_missing")
    assert found.message == (
        "'D' also runs when 'A' was skipped (branch_not_taken); 'Got {{ A.text }}' then fails it"
    )
    assert found.hint == "use default(…) where 'A' may be missing"


@pytest.mark.parametrize(
    "text",
    [
        "{{ A.text | default('none') }}",
        "{{ A.text if steps['A'].status == 'COMPLETED' else 'none' }}",
        "{% if A is defined %}{{ A.text }}{% endif %}",
        "{{ steps['A'].status }}",
        "{{ B is defined or A.text }}",
    ],
)
def test_a_reference_that_bears_a_missing_node_is_fine(text: str) -> None:
    assert codes(*BRANCHES, reading("D", text, after=["A", "B"])) == []


def test_a_reference_to_what_must_have_completed_is_fine() -> None:
    nodes = *BRANCHES, node("A2", after=["A"])

    assert codes(*nodes, reading("D", "{{ A.text }} {{ c.result }}", after=["A2"])) == []


def test_a_node_switched_off_by_when_may_be_missing() -> None:
    optional = node("A", when="{{ inputs.wanted }}")

    assert codes(optional, node("B"), reading("D", "{{ A.text }}", after=["A", "B"])) == [
        ("[2].config.text", "reference_may_be_missing")
    ]


def test_a_failed_node_may_be_missing_where_the_rule_allows_it() -> None:
    assert codes(node("A"), reading("D", "{{ A.text }}", after=["A"], trigger_rule="all_done")) == [
        ("[1].config.text", "reference_may_be_missing")
    ]
    assert codes(node("A"), reading("D", "{{ A.text }}", after=["A"], trigger_rule="all_failed")) == [
        ("[1].config.text", "reference_never_there")
    ]


def test_nothing_is_said_where_what_runs_depends_on_what_is_read() -> None:
    asked = node("A", when="{{ inputs.big }}")
    same = reading("D", "{{ A.text }}", after=["A", "B"], when="{{ inputs.big }}")
    checked = reading("D", "{{ A.text }}", after=["A", "B"], when="{{ steps['A'].status == 'COMPLETED' }}")

    assert codes(asked, node("B"), same) == []
    assert codes(asked, node("B"), checked) == []


def test_a_node_that_may_run_early_may_not_see_what_has_not_ended() -> None:
    first = reading("D", "{{ A.text }}", after=["A", "B"], trigger_rule="one_success")

    assert codes(node("A"), node("B"), first) == [("[2].config.text", "reference_may_be_early")]
    assert codes(node("A"), node("B", after=["A"]), first | {"dependencies": ["B"]}) == []


def test_what_a_node_that_goes_on_leaves_is_there() -> None:
    goes_on = node("A", retry={"on_exhausted": "continue"})
    reader = node("B", after=["A"], trigger_rule="all_done") | {"config": {"reads": "{{ A }}"}}

    assert warnings(goes_on, reader) == []
    assert [each.code for each in warnings(node("A", when="{{ inputs.on }}"), reader)] == [
        "reference_may_be_missing"
    ]


def test_a_key_of_a_node_that_may_have_left_its_error_only_may_be_missing() -> None:
    goes_on = node("A", retry={"on_exhausted": "continue"})
    reader = node("B", after=["A"]) | {"config": {"reads": "{{ A.body }}"}}

    (found,) = warnings(goes_on, reader)

    assert (found.path, found.code) == ("dag.nodes[1].config.reads", "reference_may_be_missing")
    assert found.message == (
        "'B' also runs when 'A' failed, whose output is {\"error\": …} then; '{{ A.body }}' then fails it"
    )
    assert warnings(goes_on, reader | {"when": "{{ A.error is not defined }}"}) == []


def test_who_takes_over_from_a_failure_reads_an_error_and_nothing_else() -> None:
    caught = node("A", catch=[{"errors": ["*"], "goto": "C"}])

    (found,) = warnings(caught, reading("C", "{{ A.body.n }}", after=["A"]))

    assert (found.path, found.code) == ("dag.nodes[1].config.text", "reference_never_there")
    assert found.message.startswith("'C' reads 'body' of 'A', which has failed when 'C' runs")
    assert found.hint == "read {{ A.error.message }}, or .type, or .details"
    assert warnings(caught, reading("C", "{{ A.error.message }}", after=["A"])) == []
    assert warnings(caught, reading("C", "{{ A.body | default('') }}", after=["A"])) == []


def test_a_join_behind_a_switch_that_reads_one_case_is_warned_of() -> None:
    reader = node("D", after=["X", "Y"]) | {"config": {"reads": "{{ X }}"}}

    (found,) = warnings(switch(**CASES), *TWO, reader)

    assert (found.path, found.code) == ("dag.nodes[3].config.reads", "reference_may_be_missing")
    assert "'D' also runs when 'X' was skipped (branch_not_taken)" in found.message


# The output

MISSING = [("output.b", "reference_may_be_missing")]
CAUGHT = [node("A", catch=[{"errors": ["*"], "goto": "C"}]), node("C", after=["A"])]
GOES_ON = node("B", retry={"on_exhausted": "continue"})


@pytest.mark.parametrize(
    ("nodes", "template", "expected"),
    [
        ([node("A"), node("B", after=["A"])], "{{ B.n }}", []),
        ([node("A"), node("B", when="{{ inputs.b }}")], "{{ B.n }}", MISSING),
        ([node("A"), node("B", when="{{ inputs.b }}")], "{{ B.n | default(0) }}", []),
        ([node("A"), node("B", when="{{ inputs.b }}")], '{{ steps["B"].status }}', []),
        (
            [condition("A", true=["B"], false=["C"], expression="inputs.b"), node("B", after=["A"]),
             node("C", after=["A"])],
            "{{ B.n }}",
            MISSING,
        ),
        ([node("A"), node("B", critical=False)], "{{ B.n }}", MISSING),
        ([node("A", critical=False), node("B", after=["A"])], "{{ B.n }}", MISSING),
        ([*CAUGHT, node("B", after=["A"])], "{{ B.n }}", MISSING),
        (CAUGHT, "{{ C.n }}", MISSING),
        (CAUGHT, "{{ A.n }}", MISSING),
        (CAUGHT, "{{ A }}", []),
        (CAUGHT, "{{ A.n | default(0) }}", []),
        (CAUGHT, "{{ A.n if A.error is not defined else 0 }}", []),
        ([GOES_ON], "{{ B.n }}", MISSING),
        ([GOES_ON], "{{ B.error.message | default(none) }}", []),
        ([node("B", retry={"on_exhausted": "pause"})], "{{ B.n }}", []),
        ([node("B", when="false")], "{{ B.n }}", [("output.b", "reference_never_there")]),
    ],
)  # fmt: skip
def test_what_the_output_may_lack_is_reported(
    nodes: list[dict[str, Any]], template: str, expected: list[tuple[str, str]]
) -> None:
    document = workflow(*nodes, output={"b": template}, inputs={"type": "object"})

    warnings = lint(compile_definition(document, handlers=Catalogue()))

    found = [(each.path, each.code) for each in warnings if each.path.startswith("output")]
    assert found == expected
    assert not any("$output" in each.message for each in warnings)
