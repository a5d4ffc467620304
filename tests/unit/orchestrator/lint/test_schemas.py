"""JSON Schemas that are valid, and say something else than their author meant."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers
from orchestrator.errors import Problem
from orchestrator.lint.budget import LintBudget
from orchestrator.lint.lint import lint
from tests.dags import node, workflow

HANDLERS = PlainHandlers(frozenset({"noop", "llm", "approval", "wait_for_signal"}))
READING = node("A") | {"config": {"x": "{{ inputs }}"}}


def warnings(inputs: Any = None, *nodes: dict[str, Any], **extras: Any) -> list[Problem]:
    document = workflow(READING, *nodes, inputs=inputs, **extras)
    found = lint(compile_definition(document, handlers=HANDLERS))
    return [problem for problem in found if problem.code != "wait_without_timeout"]


def properties(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("propertis", "properties"),
        ("Properties", "properties"),
        ("requird", "required"),
        ("min_length", "minLength"),
        ("additionalproperties", "additionalProperties"),
        ("ref", "$ref"),
        ("tpye", "type"),
        ("defualt", "default"),
    ],
)
def test_a_misspelt_keyword_is_named_with_the_one_that_was_meant(word: str, meant: str) -> None:
    schema = {"type": "object", "properties": {"a": {"items": {word: 1}}}}

    (found,) = warnings(schema)

    path = f"inputs.properties.a.items.{word}"
    assert (found.path, found.code) == (path, "unknown_keyword")
    assert found.message == f"'{path}' checks nothing: {word!r} is no keyword of JSON Schema"
    assert found.hint == f"did you mean {meant!r}?"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "propertyOrder": ["a"], "order": 1, "ui": {"type": "textarea"}},
        properties(propertis={"type": "string"}, requird={}, nullable={"type": "null"}),
        properties(a={"default": {"minimun": 1}, "enum": [{"minimun": 1}], "examples": [{"typ": 1}]}),
        properties(a={"x-minimum": 3, "note": "", "example": 1, "id": "a", "comment": "", "when": "b"}),
        properties(a={"type": ["string", "null"], "nullable": True}),
        {"$comment": "none", "title": "x", "description": "y", "deprecated": True},
        True,
    ],
)
def test_words_of_other_programs_names_of_values_and_values_are_left_alone(schema: Any) -> None:
    assert warnings(schema if isinstance(schema, dict) else {"properties": {"a": schema}}) == []


def test_inputs_in_the_plain_form_of_other_tools_are_named_with_what_to_write() -> None:
    (plain,) = warnings({"name": "string", "age": {"type": "int"}})
    (mixed,) = warnings({"type": "object", "name": "str", "properties": {"a": {}}})
    (inner,) = warnings(properties(address={"street": "string"}))

    assert (plain.path, plain.message) == (
        "inputs",
        "'inputs' checks nothing: name, age are no keywords of JSON Schema",
    )
    assert plain.hint == "write properties: {name: {type: string}, …}"
    assert (mixed.path, mixed.hint) == ("inputs.name", "write properties: {name: {type: string}}")
    assert (inner.path, inner.hint) == (
        "inputs.properties.address",
        "write properties: {street: {type: string}}",
    )


def test_nullable_beside_a_type_without_null_is_named() -> None:
    (found,) = warnings(properties(a={"type": "string", "nullable": True}))

    assert found.hint == "write type: [string, 'null']"


def test_inputs_of_another_type_than_an_object_never_fit() -> None:
    (found,) = warnings({"type": "array", "items": {}})

    assert (found.path, found.code) == ("inputs.type", "inputs_never_fit")
    assert warnings({"type": ["object", "null"]}) == []


def test_each_of_several_types_that_are_no_object_is_named() -> None:
    (found,) = warnings({"type": ["string", "null"]})

    assert found.message.endswith("inputs are an object, and 'inputs.type' wants 'string' or 'null'")


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string", "default": 3}, "must be text, found 3"),
        ({"type": "string", "default": None}, "must be text, found null"),
        ({"enum": ["a", "b"], "default": "c"}, "must be one of"),
        ({"$ref": "#/$defs/small", "default": 9}, "9 is greater than the maximum of 3"),
        ({"properties": {"a": {}}, "required": ["a"], "default": {}}, "'a' is missing"),
    ],
)
def test_a_default_that_its_own_schema_refuses_is_named(schema: dict[str, Any], said: str) -> None:
    (found,) = warnings({**properties(n=schema), "$defs": {"small": {"maximum": 3}}})

    assert (found.path, found.code) == ("inputs.properties.n.default", "default_misfits")
    assert said in found.message
    assert found.hint == "a start that leaves it out is refused"


def test_a_default_fits_once_those_inside_of_it_are_filled_in() -> None:
    inner = {"properties": {"a": {"default": 1}}, "required": ["a"], "default": {}}

    assert warnings(properties(n=inner, m={"type": ["string", "null"], "default": None})) == []


def test_definitions_that_no_default_refers_to_cost_the_defaults_nothing() -> None:
    apart = {f"d{number}": {"type": "object", "properties": {"a": {"minLength": 1}}} for number in range(300)}
    fields = {f"p{number}": {"type": "integer", "default": 1} for number in range(300)}
    schema = properties(**fields, last={"type": "integer", "default": "x"}) | {"$defs": apart}

    found = [(each.code, each.path) for each in warnings(schema)]

    assert found == [("default_misfits", "inputs.properties.last.default")]


def test_no_schema_is_looked_at_for_its_default_once_the_budget_is_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[Any] = []

    def costly(whole: Any) -> int:
        counted.append(whole)
        return 600_000

    monkeypatch.setattr("orchestrator.lint.schemas.compiling_cost", costly)

    warnings(properties(**{f"p{number}": {"type": "integer", "default": "x"} for number in range(9)}))

    assert len(counted) == 2


def test_defaults_are_checked_as_far_as_the_budget_goes() -> None:
    schema = properties(**{f"n{index}": {"type": "string", "default": 3} for index in range(20)})
    definition = compile_definition(workflow(READING, inputs=schema), handlers=HANDLERS)

    assert len(lint(definition)) == 20
    assert len(lint(definition, budget=LintBudget(schema_units=1_000))) < 10


def test_a_required_name_that_nothing_describes_is_named() -> None:
    (found,) = warnings({**properties(amount={}), "required": ["amuont"]})
    (closed,) = warnings({**properties(a={}), "required": ["b"], "additionalProperties": False})

    assert (found.path, found.code) == ("inputs.required[0]", "required_not_described")
    assert found.message == (
        "'inputs.required' names 'amuont', which 'properties' does not describe: any value of it fits"
    )
    assert found.hint == "did you mean 'amount'?"
    assert closed.message.endswith("and nothing else may be sent: nothing fits")


@pytest.mark.parametrize(
    "more",
    [
        {"additionalProperties": {"type": "string"}},
        {"patternProperties": {"^b": {}}},
        {"allOf": [{"properties": {"b": {}}}]},
        {"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"b": {}}}}},
        {"propertyNames": {"enum": ["a", "b"]}},
    ],
)
def test_a_required_name_may_be_described_elsewhere(more: dict[str, Any]) -> None:
    assert warnings({**properties(a={}), "required": ["b"], **more}) == []


def test_what_is_required_in_one_of_several_forms_is_described_beside_them() -> None:
    one = {"properties": {"kind": {"const": 1}}, "required": ["a", "kind"]}

    assert warnings({**properties(a={}, kind={}), "anyOf": [one]}) == []
    assert warnings({"type": "object", "required": ["a"]}) == []


def test_schemas_of_interfaces_and_configs_are_judged_and_those_with_templates_are_not() -> None:
    bad = {"type": "object", "propertis": {}}
    nodes = [
        node("L", handler="llm", config={"prompt": "x", "schema": bad}),
        node("W", handler="wait_for_signal", config={"name": "s", "timeout": "1m", "schema": bad}),
        node("P", handler="approval", config={"prompt": "x", "timeout": "1m", "form": bad}),
        node(
            "T", handler="llm", config={"prompt": "x", "schema": {**bad, "title": "{{ A.x }}"}}, after=["A"]
        ),
    ]
    interface = {"start": bad, "stop": {"schema": bad}, "events": {"X": {"schema": bad}}}

    found = warnings(None, *nodes, interface=interface, output={"a": 1})

    assert [problem.path.removeprefix("dag.") for problem in found if problem.code == "unknown_keyword"] == [
        "interface.start.propertis",
        "interface.stop.schema.propertis",
        "interface.events.X.schema.propertis",
        "nodes[1].config.schema.propertis",
        "nodes[2].config.schema.propertis",
        "nodes[3].config.form.propertis",
    ]
