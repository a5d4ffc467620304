"""What a definition is warned of, rule by rule, and what it is not."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.documents.limits import Limits
from orchestrator.documents.yaml import load_yaml
from orchestrator.errors import Problem
from orchestrator.lint.lint import lint
from tests.dags import HANDLERS, condition, node, workflow
from workers.handlers import Catalogue

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"


def warnings(*nodes: dict[str, Any], **extras: Any) -> list[Problem]:
    return lint(compile_definition(workflow(*nodes, **extras), handlers=HANDLERS))


def told(*nodes: dict[str, Any], **extras: Any) -> list[tuple[str, str]]:
    """The path, relative to the nodes, and the code of each warning."""
    return [(problem.path.removeprefix("dag.nodes"), problem.code) for problem in warnings(*nodes, **extras)]


def choice(**sides: list[str]) -> dict[str, Any]:
    """A condition `c` whose answer depends on the inputs."""
    return condition("c", expression="inputs.big", **sides)


BRANCHES = (choice(true=["A"], false=["B"]), node("A", after=["c"]), node("B", after=["c"]))


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")) + sorted(EXAMPLES.glob("*.yaml")), ids=str)
def test_the_examples_are_without_warnings(file: Path) -> None:
    text = file.read_bytes()
    document = orjson.loads(text) if file.suffix == ".json" else load_yaml(text)[0]

    assert lint(compile_definition(document, handlers=Catalogue())) == []


# What never runs


def test_a_join_of_both_branches_that_needs_all_of_them_never_runs() -> None:
    (found,) = warnings(*BRANCHES, node("D", after=["A", "B"], trigger_rule="all_success"))

    assert (found.path, found.code) == ("dag.nodes[3]", "join_never_runs")
    assert found.message == (
        "'D' can never run: its dependencies 'A' and 'B' never complete both: they need different branches "
        "of condition 'c'"
    )
    assert found.hint == "trigger_rule none_failed_min_one_success runs it with what was taken"


def test_the_same_join_far_behind_the_branches_never_runs_either() -> None:
    behind = node("A2", after=["A"]), node("B2", after=["B"]), node("A3", after=["A2"])

    assert told(*BRANCHES, *behind, node("D", after=["A3", "B2"], trigger_rule="all_success")) == [
        ("[6]", "join_never_runs")
    ]


@pytest.mark.parametrize("rule", ["none_failed_min_one_success", "all_done", "one_success", "none_failed"])
def test_a_join_that_is_content_with_one_branch_is_fine(rule: str) -> None:
    assert told(*BRANCHES, node("D", after=["A", "B"], trigger_rule=rule)) == []


def test_a_join_of_one_branch_with_what_runs_in_any_case_is_fine() -> None:
    nodes = choice(true=["A"]), node("A", after=["c"]), node("B", after=["c"])

    assert told(*nodes, node("D", after=["A", "B"], trigger_rule="all_success")) == []


def test_success_and_failure_of_one_node_exclude_each_other() -> None:
    rescue = node("rescue", after=["A"], trigger_rule="all_failed")

    (found,) = warnings(node("A"), rescue, node("D", after=["A", "rescue"], trigger_rule="all_success"))

    assert found.code == "join_never_runs"
    assert "they need different outcomes of 'A'" in found.message


def test_a_rule_that_nothing_upstream_can_meet_never_runs() -> None:
    off = node("A", when=False)

    assert told(off, node("B", after=["A"], trigger_rule="one_failed")) == [
        ("[0].when", "never_runs"),
        ("[1]", "never_runs"),
    ]
    assert told(off, node("B", after=["A"], trigger_rule="all_skipped")) == [("[0].when", "never_runs")]


def test_what_is_behind_a_node_that_never_runs_is_named_with_the_cause() -> None:
    found = warnings(node("A", when="{{ 1 > 2 }}"), node("B", after=["A"]), node("C", after=["B"]))

    assert [problem.message for problem in found] == [
        "'when' of 'A' is always false: the node never runs",
        "'B' can never run: A can never complete, and its trigger rule is none_failed_min_one_success",
        "'C' can never run: B can never complete, and its trigger rule is none_failed_min_one_success",
    ]


def test_the_branch_of_a_constant_condition_is_never_taken() -> None:
    constant = condition("c", expression="1 + 1 == 2", true=["A"], false=["B"])

    found = warnings(constant, node("A", after=["c"]), node("B", after=["c"]))

    assert [(problem.path, problem.code) for problem in found] == [
        ("dag.nodes[0].config.false_branch", "branch_never_taken"),
        ("dag.nodes[2]", "never_runs"),
    ]
    assert found[0].message == "condition 'c' is always true, so its false_branch (B) is never taken"
    assert found[1].message == "'B' can never run: it is on a branch that condition 'c' never takes"


def test_a_constant_condition_without_the_other_branch_and_a_true_when_are_idle() -> None:
    constant = condition("c", expression="{{ true }}", true=["A"])

    assert told(constant, node("A", after=["c"], when="{{ true }}")) == [
        ("[0].config.expression", "constant_condition"),
        ("[1].when", "when_always_true"),
    ]


def test_a_condition_that_decides_nothing_is_idle_unless_its_result_is_read() -> None:
    idle = condition("c", expression="inputs.big")

    assert told(idle, node("A", after=["c"])) == [("[0].config", "condition_without_branches")]
    assert told(idle, node("A", after=["c"], when="{{ c.result }}")) == []


# References


def reading(node_id: str, text: str, **fields: Any) -> dict[str, Any]:
    return node(node_id, **fields) | {"config": {"text": text}}


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
    assert told(*BRANCHES, reading("D", text, after=["A", "B"])) == []


def test_a_reference_to_what_must_have_completed_is_fine() -> None:
    nodes = *BRANCHES, node("A2", after=["A"])

    assert told(*nodes, reading("D", "{{ A.text }} {{ c.result }}", after=["A2"])) == []


def test_a_node_switched_off_by_when_may_be_missing() -> None:
    optional = node("A", when="{{ inputs.wanted }}")

    assert told(optional, node("B"), reading("D", "{{ A.text }}", after=["A", "B"])) == [
        ("[2].config.text", "reference_may_be_missing")
    ]


def test_a_failed_node_may_be_missing_where_the_rule_allows_it() -> None:
    assert told(node("A"), reading("D", "{{ A.text }}", after=["A"], trigger_rule="all_done")) == [
        ("[1].config.text", "reference_may_be_missing")
    ]
    assert told(node("A"), reading("D", "{{ A.text }}", after=["A"], trigger_rule="all_failed")) == [
        ("[1].config.text", "reference_never_there")
    ]


def test_nothing_is_said_where_what_runs_depends_on_what_is_read() -> None:
    asked = node("A", when="{{ inputs.big }}")
    same = reading("D", "{{ A.text }}", after=["A", "B"], when="{{ inputs.big }}")
    checked = reading("D", "{{ A.text }}", after=["A", "B"], when="{{ steps['A'].status == 'COMPLETED' }}")

    assert told(asked, node("B"), same) == []
    assert told(asked, node("B"), checked) == []


def test_a_node_that_may_run_early_may_not_see_what_has_not_ended() -> None:
    first = reading("D", "{{ A.text }}", after=["A", "B"], trigger_rule="one_success")

    assert told(node("A"), node("B"), first) == [("[2].config.text", "reference_may_be_early")]
    assert told(node("A"), node("B", after=["A"]), first | {"dependencies": ["B"]}) == []


# Time


def test_waits_between_tries_that_outlast_the_execution() -> None:
    retry = {"max_attempts": 5, "initial_interval": "10s", "maximum_interval": "30s"}

    (found,) = warnings(node("A", retry=retry), execution_timeout="1m")

    assert (found.path, found.code) == ("dag.nodes[0].retry", "retries_outlast_execution")
    assert found.message == (
        "the waits between 5 tries can add up to 1m30s, more than the execution_timeout of 1m"
    )
    assert told(node("A", retry=retry), execution_timeout="90s") == []


def test_a_policy_from_the_defaults_is_told_once() -> None:
    defaults = {"retry": {"max_attempts": 9, "initial_interval": "1m"}, "start_to_close_timeout": "1h"}

    found = warnings(node("A"), node("B"), defaults=defaults, execution_timeout="5m")

    assert [(problem.path, problem.code) for problem in found] == [
        ("defaults.start_to_close_timeout", "timeout_never_passes"),
        ("defaults.retry", "retries_outlast_execution"),
    ]


def test_intervals_and_error_lists_that_undo_each_other() -> None:
    cut = {"max_attempts": 2, "initial_interval": "5m"}
    never = {"max_attempts": 2, "retry_on": ["Http.5xx"], "non_retryable": ["Http.5xx", "Llm.*"]}

    assert told(node("A", retry=cut), node("B", retry=never)) == [
        ("[0].retry", "interval_cut"),
        ("[1].retry", "never_retried"),
    ]
    assert told(node("A", retry=never | {"max_attempts": 1})) == []


def delay(node_id: str, seconds: Any, **fields: Any) -> dict[str, Any]:
    return node(node_id, handler="delay", **fields) | {"config": {"seconds": seconds}}


def test_a_delay_longer_than_the_execution_can_never_complete() -> None:
    (found,) = warnings(delay("A", "2h"), execution_timeout="1h")

    assert (found.path, found.code) == ("dag.nodes[0].config.seconds", "delay_outlasts_execution")
    assert found.message == "'A' can never complete: it waits 2h, and the execution ends after 1h"
    assert told(delay("A", "1h"), execution_timeout="1h") == []
    assert told(delay("A", "{{ inputs.wait }}"), execution_timeout="1h") == []


def test_delays_one_after_the_other_add_up() -> None:
    chain = delay("A", 40), node("B", after=["A"]), delay("C", 40, after=["B"])

    assert told(*chain, execution_timeout=60) == [("[2].config.seconds", "delay_outlasts_execution")]
    assert told(*chain[:2], delay("X", 1), delay("C", 40, after=["B", "X"]), execution_timeout=60) == []


# Inputs, and the end

SCHEMA = {"type": "object", "properties": {"big": {}, "name": {}}, "additionalProperties": False}


def test_an_input_that_nothing_reads_is_told() -> None:
    unused = [("inputs.properties.big", "unused_input")]
    assert told(reading("A", "{{ inputs.name }}"), inputs=SCHEMA) == unused
    assert told(reading("A", "{{ inputs['name'] }}", when="{{ inputs.big }}"), inputs=SCHEMA) == []
    assert told(reading("A", "{{ inputs }}"), inputs=SCHEMA) == []


def test_an_input_that_the_schema_does_not_allow_is_told_with_the_nearest() -> None:
    text = "{{ inputs.nam }} {{ inputs.big }} {{ inputs.name }} {{ inputs.more | default(1) }}"

    (found,) = warnings(reading("A", text), inputs=SCHEMA)

    assert (found.path, found.code) == ("dag.nodes[0].config.text", "unknown_input")
    assert found.hint == "did you mean 'name'?"
    assert told(reading("A", text), inputs=SCHEMA | {"additionalProperties": True}) == []


def test_a_workflow_in_which_nothing_is_critical_cannot_fail() -> None:
    (found,) = warnings(node("A", critical=False), fail_fast=True)

    assert (found.path, found.code) == ("dag.nodes", "nothing_critical")
    assert found.message.endswith("fail_fast never applies")
    assert told(node("A", critical=False), node("B")) == []


def test_warnings_are_bounded_and_the_rest_counted() -> None:
    nodes = [node(f"n{i}", when=False) for i in range(8)]

    found = lint(compile_definition(workflow(*nodes), handlers=HANDLERS), Limits(max_problems=5))

    assert len(found) == 6
    assert found[-1].message == "and 3 more warnings"


def test_paths_are_those_of_the_flat_form_too() -> None:
    document = {"name": "flat", "nodes": [node("A", when=False)]}

    assert [problem.path for problem in lint(compile_definition(document, handlers=HANDLERS))] == [
        "nodes[0].when"
    ]


def test_a_node_may_catch_as_many_errors_as_are_allowed() -> None:
    names = [f"n{index}" for index in range(16)]
    rules = [{"errors": [f"E.{name}"], "goto": name} for name in names]

    assert warnings(node("A", catch=rules), *(node(name, after=["A"]) for name in names)) == []
