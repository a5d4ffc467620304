"""Values of the client have the fields of the API, by the names and kinds of its own document."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import pytest

from docs import generate
from headrace import records, values
from headrace.values import Value

KINDS = {
    "string": ("str",), "integer": ("int",), "number": ("float",), "boolean": ("bool",), "array": ("tuple[",),
    "object": ("Mapping[", "dict["), "null": ("None",),
}  # fmt: skip


@cache
def schemas() -> dict[str, Any]:
    document: dict[str, Any] = generate.openapi()
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def kinds_of(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a schema allows; `any` where it says nothing."""
    if "$ref" in schema:
        return kinds_of(schemas()[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return {kind for each in schema["anyOf"] for kind in kinds_of(each)}
    return {schema["type"]} if isinstance(schema.get("type"), str) else {"any"}


def all_values() -> list[type[Value]]:
    found = [*vars(values).values(), *vars(records).values()]
    kinds = {
        each for each in found if isinstance(each, type) and issubclass(each, Value) and each is not Value
    }
    return sorted(kinds, key=lambda each: each.__name__)


@pytest.mark.parametrize("kind", all_values(), ids=lambda kind: kind.__name__)
def test_every_field_is_one_of_the_api(kind: type[Value]) -> None:
    known = schemas()[kind.schema]["properties"]
    other = {"outcome"} if kind is records.Workflow else set()

    for field in dataclasses.fields(kind):
        if field.name == "document" or field.name in other:
            continue
        name = kind.renamed.get(field.name, field.name)
        assert name in known, f"{kind.schema} has no {name}"
        allowed = kinds_of(known[name])
        if "any" in allowed or field.type == "Any":
            continue
        for json_type in allowed:
            assert any(word in str(field.type) for word in KINDS[json_type]), (
                f"{name}: {field.type}, {allowed}"
            )


def test_a_value_is_read_with_its_parts_and_keeps_the_whole() -> None:
    document = {
        "execution_id": "e1", "name": "demo", "status": "RUNNING", "invented_later": 1,
        "nodes": [{"node_id": "A", "status": "COMPLETED", "try": 2, "dependencies": ["B"]}],
    }  # fmt: skip

    execution = values.Execution.from_dict(document)

    assert execution.nodes[0].try_number == 2
    assert execution.nodes[0].dependencies == ("B",)
    assert execution.document["invented_later"] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        execution.name = "other"  # type: ignore[misc]
