"""Inputs that nothing reads, and reads of inputs that the schema does not have."""

from __future__ import annotations

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers
from orchestrator.lint.lint import lint
from tests.dags import node, workflow
from tests.unit.orchestrator.lint.cases import codes, reading, warnings

SCHEMA = {"type": "object", "properties": {"big": {}, "name": {}}, "additionalProperties": False}


def test_an_input_that_nothing_reads_is_reported() -> None:
    unused = [("inputs.properties.big", "unused_input")]
    assert codes(reading("A", "{{ inputs.name }}"), inputs=SCHEMA) == unused
    assert codes(reading("A", "{{ inputs['name'] }}", when="{{ inputs.big }}"), inputs=SCHEMA) == []
    assert codes(reading("A", "{{ inputs }}"), inputs=SCHEMA) == []


@pytest.mark.parametrize("handler", ["input", "of_the_user"])
def test_of_inputs_that_a_node_may_read_without_naming_them_none_is_reported(handler: str) -> None:
    handlers = PlainHandlers(frozenset({"noop", handler}))
    nodes = reading("A", "{{ inputs.name }}"), node("B", handler=handler)

    assert lint(compile_definition(workflow(*nodes, inputs=SCHEMA), handlers=handlers)) == []


def test_an_input_that_the_schema_does_not_allow_is_told_with_the_nearest() -> None:
    text = "{{ inputs.nam }} {{ inputs.big }} {{ inputs.name }} {{ inputs.more | default(1) }}"

    (found,) = warnings(reading("A", text), inputs=SCHEMA)

    assert (found.path, found.code) == ("dag.nodes[0].config.text", "unknown_input")
    assert found.hint == "did you mean 'name'?"
    assert codes(reading("A", text), inputs=SCHEMA | {"additionalProperties": True}) == []


OPEN = {"type": "object", "properties": {"limit": {}, "name": {}, "file1": {}, "row": {}}}
ALL = "{{ inputs.limit }} {{ inputs.name }} {{ inputs.file1 }} {{ inputs.row }}"


def test_a_slip_in_the_name_of_an_input_is_reported_once() -> None:
    (found,) = warnings(reading("A", ALL.replace("limit", "limt")), inputs=OPEN)
    (beside,) = warnings(reading("A", ALL + "{{ inputs.nmae }}"), inputs=OPEN)
    (last,) = warnings(reading("A", ALL), inputs=OPEN, output={"x": "{{ inputs.nmae }}"})

    assert (found.code, found.hint) == ("unknown_input", "did you mean 'limit'?")
    assert (beside.code, beside.hint) == ("unknown_input", "did you mean 'name'?")
    assert (last.path, last.hint) == ("output.x", "did you mean 'name'?")


@pytest.mark.parametrize(
    "text",
    ["{{ inputs.file2 }}", "{{ inputs.rows }}", "{{ inputs.other }}", "{{ inputs.nmae | default(1) }}"],
)
def test_an_input_that_an_open_schema_may_have_is_left_alone(text: str) -> None:
    assert codes(reading("A", ALL + text), inputs=OPEN) == []
    asked = OPEN | {"required": ["nmae"]}
    assert [code for _, code in codes(reading("A", ALL + "{{ inputs.nmae }}"), inputs=asked)] == [
        "required_not_described"
    ]


def test_an_input_that_only_a_key_reads_is_not_reported() -> None:
    keyed = node("A") | {"config": {"rows": [{"{{ inputs.big }}": "{{ inputs.name }}"}]}}

    assert codes(keyed, inputs=SCHEMA) == []
