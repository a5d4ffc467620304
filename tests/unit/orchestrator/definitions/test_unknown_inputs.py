"""Inputs that a workflow does not know: warned of where nothing can read them, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.unknown_inputs import MOST_BYTES, MOST_NAMED, unknown_inputs

LISTED = {"type": "object", "properties": {"customer": {"type": "integer"}, "amount": {"default": 1}}}
READS_ONE = {"v": "{{ inputs.customer }}"}


def workflow(config: Any = READS_ONE, handler: str = "noop", **schema: Any) -> dict[str, Any]:
    nodes = [{"id": "a", "handler": handler, "config": config}]
    return {"name": "w", "inputs": LISTED | schema, "nodes": nodes}


def said(document: dict[str, Any], **given: Any) -> list[tuple[str, str | None]]:
    return [(problem.path, problem.hint) for problem in unknown_inputs(document, given)]


def test_a_name_that_is_nearly_one_of_its_inputs_is_warned_of_with_that_one() -> None:
    (problem,) = unknown_inputs(workflow(), {"custmer": 3})

    assert (problem.path, problem.code) == ("inputs.custmer", "ignored_input")
    assert problem.message == "the workflow has no input 'custmer', and nothing in it reads one"
    assert problem.hint == "did you mean 'customer'?"


def test_one_that_is_like_none_of_those_not_given_is_warned_of_with_all_of_them() -> None:
    assert said(workflow(), verbose=True) == [("inputs.verbose", "inputs: customer, amount")]
    assert said(workflow(), customer=1, custmer=2) == [("inputs.custmer", "inputs: customer, amount")]


def test_it_is_said_too_of_the_documented_form_of_a_definition() -> None:
    document = {"name": "w", "inputs": LISTED, "dag": {"nodes": workflow()["nodes"]}}

    assert said(document, custmer=3) == [("inputs.custmer", "did you mean 'customer'?")]


def test_of_many_only_the_first_are_named() -> None:
    found = unknown_inputs(workflow(), {f"zz{number}": 1 for number in range(MOST_NAMED + 3)})

    assert len(found) == MOST_NAMED + 1
    assert found[-1].message == "and 3 more inputs that the workflow does not know"


def test_a_definition_that_takes_long_to_search_is_not_searched() -> None:
    assert said(workflow({"v": "x" * MOST_BYTES}), custmer=3) == []


@pytest.mark.parametrize(
    "document",
    [
        workflow(additionalProperties=True),
        workflow(additionalProperties={"type": "integer"}),
        workflow(patternProperties={"^x": {}}),
        workflow(allOf=[{"properties": {"custmer": {}}}]),
        workflow(properties={}),
        {"name": "w", "nodes": []},
        workflow({"v": "{{ inputs.custmer }}"}),
        workflow({"v": '{{ inputs["custmer"] }}'}),
        workflow({"v": "{{ inputs['custmer'] | default(1) }}"}),
    ],
)
def test_a_name_that_is_taken_by_a_rule_or_read_by_a_template_is_no_mistake(
    document: dict[str, Any],
) -> None:
    assert said(document, custmer=3) == []


@pytest.mark.parametrize(
    "document",
    [
        workflow({"v": "{{ inputs }}"}),
        workflow({"v": "{{ inputs | tojson }}"}),
        workflow({"v": "{{ inputs[item] }}"}),
        workflow({"v": "{{ inputs.get('verbose') }}"}),
        workflow({"v": "{{ inputs['ver' ~ 'bose'] }}"}),
        workflow({"v": "{{ inputs['customer' if now() else 'verbose'] }}"}),
        workflow(handler="input"),
        workflow(handler="my_own_code"),
    ],
)
def test_where_any_may_be_read_only_what_is_nearly_an_input_is_warned_of(document: dict[str, Any]) -> None:
    assert said(document, verbose=True, account=2) == []
    assert said(document, custmer=3) == [("inputs.custmer", "did you mean 'customer'?")]


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{{ inputs['größe'] }}", "größe"),
        ("{{ inputs.größe }}", "größe"),
        ('{{ inputs["it\'s"] }}', "it's"),
        ("{{ inputs['a\\\\b'] }}", "a\\b"),
        ("{{ inputs['a b'] }}", "a b"),
    ],
)
def test_a_name_of_any_letters_and_marks_is_found_where_a_template_reads_it(template: str, name: str) -> None:
    assert said(workflow({"v": template}), **{name: 1}) == []
