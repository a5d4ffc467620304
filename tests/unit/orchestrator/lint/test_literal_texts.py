"""Texts that look like references and are none."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.errors import Problem
from orchestrator.lint.lint import lint
from tests.dags import node, workflow
from workers.handlers import Catalogue

CODE = "literal_reference"
FETCH = node("fetch", handler="http", config={"url": "http://x/"})


def warnings(*nodes: dict[str, Any], **extras: Any) -> list[Problem]:
    document = workflow(FETCH, *nodes, **extras)
    return [
        problem
        for problem in lint(compile_definition(document, handlers=Catalogue(frozenset({"mine"}))))
        if problem.code == CODE
    ]


def calculated(text: str) -> dict[str, Any]:
    return node("T", handler="transform", after=["fetch"], config={"expression": text})


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("fetch.body.n", "{{ fetch.body.n }}"),
        ("fetch.output.body", "{{ fetch.body }}"),
        ("fetch", "{{ fetch }}"),
        ("inputs.n + 1", "{{ inputs.n + 1 }}"),
        ("steps.fetch.output.n", "{{ steps.fetch.output.n }}"),
        ("${inputs.n}", "{{ inputs.n }}"),
        ("{inputs.n}", "{{ inputs.n }}"),
        ("$.fetch.body", "{{ fetch.body }}"),
        ("$.n", "{{ inputs.n }}, or {{ NODE.n }}"),
    ],
)
def test_what_stands_where_something_is_calculated_and_has_no_braces_is_named(text: str, meant: str) -> None:
    (found,) = warnings(calculated(text))

    assert found.path == "dag.nodes[1].config.expression"
    assert found.message == f"'T' has the text {text!r}: as it is written it refers to nothing"
    assert found.hint == f"write {meant}"


def test_the_mark_of_another_tool_before_the_braces_is_named() -> None:
    (found,) = warnings(calculated("${{ fetch.body }}"))

    assert found.message == "'T' has the text '${{ fetch.body }}': the '$' stays in front"
    assert found.hint == "write {{ fetch.body }}"


@pytest.mark.parametrize(
    "text",
    [
        "done",
        "All is fetched",
        "a.b",
        "fetch it",
        "3",
        "{{ fetch.body }}",
        "{a: 1}",
        "$5",
        "inputs.n: {{ inputs.n }}",
    ],
)
def test_text_that_may_be_meant_as_it_is_is_fine(text: str) -> None:
    assert warnings(calculated(text)) == []


@pytest.mark.parametrize("text", ["inputs.n", "steps['fetch'].output.body", "fetch.output.body"])
def test_a_whole_text_that_is_a_reference_is_named_wherever_a_template_may_stand(text: str) -> None:
    call = node("C", handler="http", after=["fetch"], config={"url": "http://x/", "body": {"n": [text]}})

    assert [problem.path for problem in warnings(call, output={"n": text})] == [
        "dag.nodes[1].config.body.n[0]",
        "output.n",
    ]


def test_what_two_values_are_compared_by_and_a_switch_goes_by_is_looked_at() -> None:
    compared = node("C", handler="condition", after=["fetch"]) | {
        "config": {"left": "fetch.status_code", "operator": ">", "right": "300"}
    }
    switch = node("S", handler="switch", after=["fetch"]) | {
        "config": {"value": "fetch.body.kind", "cases": {"a": []}, "default": []}
    }

    assert [problem.path for problem in warnings(compared, switch)] == [
        "dag.nodes[1].config.left",
        "dag.nodes[2].config.value",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "fetch.pdf",
        "execution.created",
        "inputs.other",
        "see inputs.n",
        "steps.other.output",
        "${{ inputs.n }}",
    ],
)
def test_names_of_files_and_events_prices_and_sentences_are_fine(text: str) -> None:
    sent = node("C", handler="http", after=["fetch"], config={"url": "http://x/", "body": {"text": text}})

    assert warnings(sent, inputs={"properties": {"n": {}}}) == []


def test_what_code_of_your_own_makes_of_a_text_is_not_known() -> None:
    assert warnings(node("M", handler="mine", after=["fetch"], config={"path": "fetch.output.n"})) == []
