"""Warnings as a list, and those about time and the end."""

from pathlib import Path

import orjson
import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.documents.limits import Limits
from orchestrator.documents.yaml import load_yaml
from orchestrator.lint.lint import lint
from tests.dags import HANDLERS, node, workflow
from tests.own_handlers import loaded
from tests.unit.orchestrator.lint.cases import codes, delay, warnings
from workers.handlers import Catalogue

FOLDER = Path(__file__).resolve().parents[4] / "examples"
#: Beside them are stubs for their simulation.
EXAMPLES = [
    *sorted(FOLDER.glob("*.json")),
    *(path for path in sorted(FOLDER.glob("*.yaml")) if not path.name.endswith(".stubs.yaml")),
]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_without_warnings(file: Path) -> None:
    text = file.read_bytes()
    document = orjson.loads(text) if file.suffix == ".json" else load_yaml(text)[0]

    with loaded("examples.handlers"):
        assert lint(compile_definition(document, handlers=Catalogue())) == []


# Time


def test_waits_between_tries_that_outlast_the_execution() -> None:
    retry = {"max_attempts": 5, "initial_interval": "10s", "maximum_interval": "30s"}

    (found,) = warnings(node("A", retry=retry), execution_timeout="1m")

    assert (found.path, found.code) == ("dag.nodes[0].retry", "retries_outlast_execution")
    assert found.message == (
        "the waits between 5 tries can add up to 1m30s, more than the execution_timeout of 1m"
    )
    assert codes(node("A", retry=retry), execution_timeout="90s") == []


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

    assert codes(node("A", retry=cut), node("B", retry=never)) == [
        ("[0].retry", "interval_cut"),
        ("[1].retry", "never_retried"),
    ]
    assert codes(node("A", retry=never | {"max_attempts": 1})) == []


def test_a_delay_longer_than_the_execution_can_never_complete() -> None:
    (found,) = warnings(delay("A", "2h"), execution_timeout="1h")

    assert (found.path, found.code) == ("dag.nodes[0].config.seconds", "delay_outlasts_execution")
    assert found.message == "'A' can never complete: it waits 2h, and the execution ends after 1h"
    assert codes(delay("A", "1h"), execution_timeout="1h") == []
    assert codes(delay("A", "{{ inputs.wait }}"), execution_timeout="1h") == []


def test_delays_one_after_the_other_add_up() -> None:
    chain = delay("A", 40), node("B", after=["A"]), delay("C", 40, after=["B"])

    assert codes(*chain, execution_timeout=60) == [("[2].config.seconds", "delay_outlasts_execution")]
    assert codes(*chain[:2], delay("X", 1), delay("C", 40, after=["B", "X"]), execution_timeout=60) == []


# The end


def test_a_workflow_in_which_nothing_is_critical_cannot_fail() -> None:
    (found,) = warnings(node("A", critical=False), fail_fast=True)

    assert (found.path, found.code) == ("dag.nodes", "nothing_critical")
    assert found.message.endswith("fail_fast never applies")
    assert codes(node("A", critical=False), node("B")) == []


def test_warnings_are_bounded_and_the_rest_counted() -> None:
    nodes = [node(f"n{i}", when=False) for i in range(8)]

    found = lint(compile_definition(workflow(*nodes), handlers=HANDLERS), Limits(max_problems=5))

    assert len(found) == 6
    assert found[-1].message == "and 3 more warnings"
