"""The OpenAPI document: it takes every definition the engine takes, and promises the failures really sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from jsonschema_rs import Draft202012Validator, meta

from api.dialects import DIALECTS
from api.dialects.dialect import Dialect
from api.openapi import share_schemas
from api.owners import OWNERS
from docs import generate
from orchestrator.definitions import budgets, compiler, maps, node_compiler, retention
from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers

#: Beside them are stubs for their simulation.
EXAMPLES = sorted(
    path
    for path in (generate.ROOT / "examples").iterdir()
    if path.suffix in (".json", ".yaml") and not path.name.endswith(".stubs.yaml")
)
HANDLERS = PlainHandlers(frozenset({"noop", "condition", "http", "llm"}))
DURATION = "1h30m"

#: Every field there is, once.
WHOLE: dict[str, Any] = {
    "name": "whole",
    "description": "all of it",
    "inputs": {"type": "object", "properties": {"rows": {"type": "array"}}},
    "defaults": {
        "retry": {"max_attempts": 2},
        "start_to_close_timeout": 30,
        "schedule_to_start_timeout": "5m",
        "schedule_to_close_timeout": DURATION,
        "queue": "slow",
    },
    "execution_timeout": "2d",
    "fail_fast": True,
    "output": {"all": "{{ each }}"},
    "budget": {"max_tokens": 9, "max_cost_usd": 1.5, "daily": {"max_tokens": 90}, "on_budget": "fail"},
    "retention": {"completed": "1d", "failed": "never", "cancelled": 3600, "unstarted": "1h"},
    "nodes": [
        {
            "id": "each",
            "handler": "http",
            "dependencies": [],
            "config": {"url": "{{ row }}"},
            "when": True,
            "trigger_rule": "all_done",
            "retry": [{"errors": ["Http.*"], "max_attempts": 3}],
            "start_to_close_timeout": 1.5,
            "schedule_to_start_timeout": "1s",
            "schedule_to_close_timeout": "250ms",
            "heartbeat_timeout": "2s",
            "critical": False,
            "queue": "fast",
            "map": {
                "items": "{{ inputs.rows }}",
                "item_name": "row",
                "max_concurrency": 5,
                "tolerated_failure_count": 1,
                "tolerated_failure_percentage": 2.5,
                "on_item_failure": "stop",
                "max_items": 100,
            },
            "catch": [{"errors": ["ItemsFailed"], "goto": "mend"}, {"goto": "mend"}],
        },
        {"id": "mend", "handler": "noop", "dependencies": ["each"]},
    ],
}


def schema() -> dict[str, Any]:
    """What the body of a submission is said to be."""
    operation = generate.openapi()["paths"]["/workflow"]["post"]
    return whole(operation["requestBody"]["content"]["application/json"]["schema"])


def whole(found: dict[str, Any]) -> dict[str, Any]:
    """A schema of the document, with what it refers to."""
    return {**found, "components": generate.openapi()["components"]}


def resolved(found: dict[str, Any]) -> dict[str, Any]:
    reference = found.get("$ref", "")
    return generate.openapi()["components"]["schemas"][reference.rpartition("/")[2]] if reference else found


def wrong(document: Any) -> list[str]:
    found = Draft202012Validator(schema()).iter_errors(document)
    return [f"{error.instance_path}: {error.message}" for error in found]


def below(found: dict[str, Any], *path: str) -> Iterator[dict[str, Any]]:
    """Every schema of an object at this path of properties."""
    found = resolved(found)
    for choice in found.get("anyOf", ()):
        yield from below(choice, *path)
    if "items" in found:
        yield from below(found["items"], *path)
    properties = found.get("properties", {})
    if properties and not path:
        yield found
    elif path and path[0] in properties:
        yield from below(properties[path[0]], *path[1:])


def test_the_schema_is_a_schema() -> None:
    meta.validate(schema())


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ((), compiler._TOP_FIELDS),
        (("defaults",), compiler._DEFAULT_FIELDS),
        (("budget",), budgets._FIELDS),
        (("budget", "daily"), budgets._CAPS),
        (("retention",), retention.KINDS),
        (("nodes",), node_compiler._FIELDS),
        (("dag", "nodes"), node_compiler._FIELDS),
        (("nodes", "map"), maps._FIELDS),
    ],
)
def test_the_schema_has_every_field_that_compiles(path: tuple[str, ...], fields: tuple[str, ...]) -> None:
    (found,) = below(schema(), *path)

    assert set(found["properties"]) == set(fields)


def test_a_definition_with_every_field_compiles_and_fits_the_schema() -> None:
    assert compile_definition(WHOLE, handlers=HANDLERS).name == "whole"
    assert set(WHOLE["nodes"][0]) == set(node_compiler._FIELDS)
    assert not wrong(WHOLE)


def test_null_stands_for_absent() -> None:
    document = {
        "name": "nulls",
        "dag": None,
        "budget": None,
        "nodes": [
            {"id": "A", "handler": "noop", **dict.fromkeys(("dependencies", "map", "critical", "retry"))}
        ],
    }

    assert compile_definition(document, handlers=HANDLERS).nodes[0].critical
    assert not wrong(document)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_fit_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not wrong(json.loads(text) if path.suffix == ".json" else yaml.safe_load(text))


@pytest.mark.parametrize(
    "document",
    [
        {"name": "a"},
        {"name": "a", "nodes": []},
        {"name": "", "nodes": [{"id": "A", "handler": "noop"}]},
        {"name": "a", "nodes": [{"id": "A", "handler": "noop", "depends": []}]},
        {"name": "a", "nodes": [{"id": "A", "handler": "noop", "map": {"item": []}}]},
    ],
)
def test_what_is_refused_does_not_fit(document: dict[str, Any]) -> None:
    assert wrong(document)


def test_every_failure_is_promised_as_a_problem_document() -> None:
    found = {
        (path, method, status): list(answer["content"])
        for path, operations in generate.openapi()["paths"].items()
        for method, operation in operations.items()
        if operation["operationId"] in OWNERS
        for status, answer in operation["responses"].items()
        if status == "default" or (status[0] in "45" and path != "/readyz")
    }

    assert len(found) > 100
    assert set(map(tuple, found.values())) == {("application/problem+json",)}
    assert "HTTPValidationError" not in json.dumps(generate.openapi())


def test_routes_with_query_fields_promise_to_refuse_wrong_ones() -> None:
    silent = [
        (path, method)
        for path, operations in generate.openapi()["paths"].items()
        for method, operation in operations.items()
        if any(each["in"] == "query" and each["schema"] != {} for each in operation.get("parameters", ()))
        and "422" not in operation["responses"]
    ]

    assert not silent


def test_every_route_promises_what_is_refused_before_it_is_reached() -> None:
    promised = {
        (path, method): set(operation["responses"])
        for path, operations in generate.openapi()["paths"].items()
        for method, operation in operations.items()
    }

    assert not [route for route, found in promised.items() if not {"421", "422", "431"} <= found]
    assert not [
        (path, method)
        for (path, method), found in promised.items()
        if (method in ("post", "put", "patch", "delete")) != ({"403", "408", "415"} <= found)
    ]


async def test_a_refused_query_gets_the_document_that_was_promised(client: httpx2.AsyncClient) -> None:
    promised = generate.openapi()["paths"]["/v1/executions"]["get"]["responses"]["422"]["content"]

    answer = await client.get("/v1/executions?limit=0")

    assert answer.status_code == 422
    assert answer.json()["code"] == "REQUEST_INVALID"
    Draft202012Validator(whole(promised[answer.headers["content-type"]]["schema"])).validate(answer.json())


def test_each_schema_stands_once() -> None:
    found = Counter(_titled_objects(generate.openapi()["paths"]))

    assert found
    assert max(found.values()) == 1
    assert set(found).isdisjoint(map(_text, generate.openapi()["components"]["schemas"].values()))


def test_what_only_looks_alike_is_not_shared() -> None:
    def path(kind: str) -> dict[str, Any]:
        thing = {"title": "Thing", "type": "object", "properties": {"a": {"type": kind}}}
        return {"get": {"responses": {"default": {"content": {"x": {"schema": thing}}, "description": ""}}}}

    made = share_schemas({"paths": {"/1": path("string"), "/2": path("string"), "/3": path("null")}})

    assert list(made["components"]["schemas"]) == ["Thing"]
    schemas = [
        found["get"]["responses"]["default"]["content"]["x"]["schema"] for found in made["paths"].values()
    ]
    assert [set(found) for found in schemas] == [{"$ref"}, {"$ref"}, {"title", "type", "properties"}]


def test_values_are_no_schemas() -> None:
    thing = {"title": "Thing", "type": "object", "properties": {}}
    document = {"paths": {"/1": {"example": thing}, "/2": {"default": [thing]}, "/3": {"enum": [thing]}}}

    assert share_schemas(document)["paths"] == document["paths"]


def _titled_objects(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _titled_objects(each)
    elif isinstance(value, dict):
        if value.get("type") == "object" and isinstance(value.get("title"), str) and "properties" in value:
            yield _text(value)
        for each in value.values():
            yield from _titled_objects(each)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_calls_of_dialects_that_count_once_name_the_header(dialect: Dialect) -> None:
    found = {
        operation["operationId"]
        for operations in generate.openapi()["paths"].values()
        for operation in operations.values()
        if "Idempotency-Key" in [each["name"] for each in operation.get("parameters", ())]
    }

    assert dialect.once
    assert dialect.once <= dialect.owners.keys()
    assert dialect.once == found & dialect.owners.keys()
