"""What is counted before a schema is compiled or a value is checked."""

from typing import Any

import pytest

from orchestrator.documents.json_schema import IN_A_LOOP
from orchestrator.documents.schema_costs import (
    MAX_COMPILING,
    TooMuch,
    checking_cost,
    compiling_cost,
    wording_cost,
)
from tests.security.schemas import ENDLESS, HUGE, nested, of_items

ADDRESS = {
    "type": "object",
    "required": ["city"],
    "properties": {"city": {"type": "string", "maxLength": 80}},
}
ORDINARY: list[tuple[dict[str, Any], Any]] = [
    ({}, {"anything": [1, 2, 3]}),
    (
        {"properties": {"to": {"$ref": "#/$defs/address"}}, "$defs": {"address": ADDRESS}},
        {"to": {"city": "x"}},
    ),
    ({"items": {"$ref": "#a"}, "$defs": {"a": {"$anchor": "a", **ADDRESS}}}, [{"city": "x"}] * 5_000),
    ({"items": {"properties": {f"p{i}": {"type": "number"} for i in range(10)}}}, [{"p1": 1}] * 5_000),
    ({"enum": [f"country {i}" for i in range(250)]}, "country 249"),
    ({"items": {"enum": [f"v{i}" for i in range(3_000)]}}, ["v2999"] * 3_000),
    ({"$defs": {"t": {"items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"}, nested(60)),
    ({"pattern": r"^[^@]+@[^@]+\.[a-z]{2,8}$"}, "somebody@example.com"),
    ({"$id": "http://x/y", "$defs": {"a": {"$id": "z", "$ref": "#/$defs/b", "$defs": {"b": {}}}}}, 1),
    ({"minimum": 0.5, "multipleOf": 0.01}, 19.99),
]


@pytest.mark.parametrize(("schema", "value"), ORDINARY)
def test_ordinary_schemas_and_values_are_far_within_the_bounds(schema: dict[str, Any], value: Any) -> None:
    assert compiling_cost(schema) < MAX_COMPILING
    assert checking_cost(schema, value, IN_A_LOOP.checking) <= IN_A_LOOP.checking


@pytest.mark.parametrize(("schema", "value"), ENDLESS.values(), ids=ENDLESS.keys())
def test_a_check_that_would_take_long_is_known_before(schema: dict[str, Any], value: Any) -> None:
    assert compiling_cost(schema) <= MAX_COMPILING, "only its checks are long"
    with pytest.raises(TooMuch):
        checking_cost(schema, value, IN_A_LOOP.checking)


@pytest.mark.parametrize("schema", HUGE.values(), ids=HUGE.keys())
def test_a_schema_that_takes_long_to_compile_is_known_before(schema: dict[str, Any]) -> None:
    assert compiling_cost(schema) > MAX_COMPILING


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        of_items({"anyOf": [{"type": "string"}] * 100}, 1, 100),
        ({"required": [f"r{i}" for i in range(1_000)]}, {f"p{i}": 1 for i in range(1_000)}),
        ({"allOf": [{"contains": {"const": i}} for i in range(50)]}, [-1] * 500),
        of_items({"enum": [{"a": i} for i in range(50)]}, 7, 3_000),
        ({"allOf": [False] * 3_000}, 1),
    ],
)
def test_problems_that_would_take_long_to_list_are_known_before(schema: dict[str, Any], value: Any) -> None:
    assert checking_cost(schema, value, IN_A_LOOP.checking)
    with pytest.raises(TooMuch):
        wording_cost(schema, value, IN_A_LOOP.wording)


def test_what_reaches_no_value_costs_nothing() -> None:
    schema = {"properties": {"a": ENDLESS["enum of lists"][0]}}

    assert checking_cost(schema, {"b": 1}, 10_000) < 1_000


def test_too_many_references_are_too_many_anywhere() -> None:
    schema, value = ENDLESS["doubling references"]

    with pytest.raises(TooMuch) as found:
        checking_cost(schema, value, 10**12)

    assert found.value.is_final
