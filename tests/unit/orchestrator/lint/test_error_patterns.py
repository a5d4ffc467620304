"""Error types of retries and catches that are nearly ones that occur."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers
from orchestrator.errors import Problem
from orchestrator.lint.lint import lint
from tests.dags import node, workflow

HANDLERS = PlainHandlers(frozenset({"http", "mine", "fail", "noop"}))
CODE = "unknown_error_type"


def warnings(*nodes: dict[str, Any], **extras: Any) -> list[Problem]:
    return [
        problem
        for problem in lint(compile_definition(workflow(*nodes, **extras), handlers=HANDLERS))
        if problem.code == CODE
    ]


def retrying(*types: str, handler: str = "mine") -> dict[str, Any]:
    return node("A", handler=handler) | {"retry": {"retry_on": list(types)}}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HTTP.5xx", "Http.5xx"),
        ("http.4XX", "Http.4xx"),
        ("Http.503", "Http.5xx"),
        ("Timeout.StartToClos", "Timeout.StartToClose"),
        ("TimeOut.*", "Timeout.*"),
        ("Timout.*", "Timeout.*"),
        ("Timout", "Timeout.*"),
        ("LLM.*", "Llm.*"),
        ("Htpp.5xx*", "Http.5xx*"),
        ("*.5XX", "Http.5xx"),
        ("Canceled", "Cancelled"),
    ],
)
def test_a_type_that_is_nearly_one_that_occurs_is_named(written: str, meant: str) -> None:
    (found,) = warnings(retrying("Http.*", written))

    assert found.path == "dag.nodes[0].retry.retry_on[1]"
    assert found.message == f"'A' names the error type {written!r}, which nothing built in raises"
    assert found.hint == f"did you mean {meant!r}?"


@pytest.mark.parametrize(
    "written",
    ["*", "Http.*", "*.5xx", "Llm.RateLimited", "Payment.Declined", "Busy", "Mine.*", "Timeout"],
)
def test_types_that_occur_and_those_of_handlers_of_your_own_are_left_alone(written: str) -> None:
    assert warnings(retrying(written)) == []


def test_a_type_that_a_node_of_the_workflow_fails_with_is_known() -> None:
    own = node("F", handler="fail", config={"message": "x", "type": "Http.6xx"})
    caught = node("F2", after=["F"])

    assert warnings(own | {"catch": [{"errors": ["Http.6xx"], "goto": "F2"}]}, caught) == []
    assert len(warnings(retrying("Http.6xx"))) == 1


def test_of_a_built_in_handler_every_type_is_known_for_its_retries() -> None:
    (family,) = warnings(retrying("Http", handler="http"))
    (python,) = warnings(retrying("ValueError", handler="http"))
    by_hand = node("A", handler="http", catch=[{"errors": ["Given.Up"], "goto": "B"}])

    assert family.hint == "did you mean 'Http.*'?"
    assert python.message == "'A' names the error type 'ValueError', which no error of http has"
    assert warnings(by_hand, node("B", after=["A"])) == []  # An operator may fail it with any type.


def test_each_place_that_names_errors_is_looked_at_once() -> None:
    catching = node("A", handler="mine", catch=[{"errors": ["*", "HTTP.5xx"], "goto": "B"}])
    rules = node("B", handler="mine", after=["A"]) | {"retry": [{"errors": ["Poisn"], "max_attempts": 2}]}
    listed = node("C", handler="mine") | {
        "retry": {"rules": [{"errors": ["*"]}, {"errors": ["LeaseLst"]}], "on_exhausted": "continue"}
    }
    barred = node("D", handler="mine") | {"retry": {"non_retryable": ["Operater"]}}

    found = warnings(
        catching, rules, listed, barred, node("E"), node("F"), defaults={"retry": {"retry_on": ["HTTP.*"]}}
    )

    assert [problem.path.removeprefix("dag.") for problem in found] == [
        "nodes[0].catch[0].errors[1]",
        "defaults.retry.retry_on[0]",
        "nodes[1].retry[0].errors[0]",
        "nodes[2].retry.rules[1].errors[0]",
        "nodes[3].retry.non_retryable[0]",
    ]
