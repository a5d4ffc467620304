"""What a wrong config is told: which node and field, what was found, what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import Terminal
from orchestrator.definitions.compiler import compile_definition
from orchestrator.errors import DefinitionInvalid, Problem
from workers.handlers import Catalogue
from workers.registry import get_handler

URL = "http://x/"
TYPES = "array, boolean, integer, null, number, object, string"


def found(handler: str, config: dict[str, Any], **fields: Any) -> list[Problem]:
    """Every problem of a workflow of a node `a` with this config and a node `b` behind it."""
    nodes = [
        {"id": "a", "handler": handler, "config": config, **fields},
        {"id": "b", "handler": "noop", "dependencies": ["a"]},
    ]
    try:
        compile_definition({"name": "x", "nodes": nodes}, handlers=Catalogue())
    except DefinitionInvalid as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    ("handler", "config", "path", "said"),
    [
        ("http", {"url": URL, "timeout": -1}, "timeout", "'config.timeout': -1 is negative"),
        ("http", {"url": URL, "max_bytes": 0}, "max_bytes", "must be 1 or more, found 0"),
        (
            "http",
            {"url": URL, "method": "a b"},
            "method",
            "must be text that matches ^[A-Za-z]{1,16}$, found",
        ),
        (
            "http",
            {"url": URL, "headers": {"a": {}}},
            "headers.a",
            "must be text or a number or true or false, found an empty object",
        ),
        (
            "llm",
            {"prompt": "x", "max_tokens": 0},
            "max_tokens",
            "'config.max_tokens' must be 1 or more, found 0",
        ),
        ("llm", {"prompt": "x", "cache": "2h"}, "cache", "must be true or false or '5m' or '1h', found '2h'"),
        ("llm", {"messages": []}, "messages", "must be a list with 1 or more entries, found an empty list"),
        (
            "llm",
            {"messages": [{"role": "user", "content": [5]}]},
            "messages[0].content[0]",
            "must be an object, found 5",
        ),
        (
            "llm",
            {"messages": [{"role": "user", "content": "x", "z": 1}]},
            "messages[0].z",
            "no config field 'messages[0].z'; allowed: role, content",
        ),
        (
            "llm",
            {"prompt": "x", "schema": {"type": "strin"}},
            "schema.type",
            f"'config.schema.type' must be one of {TYPES}, found 'strin'",
        ),
        ("switch", {"value": 1, "cases": []}, "cases", "must be an object, found an empty list"),
        (
            "switch",
            {"value": 1, "cases": {"a": 5}},
            "cases.a",
            "a node id or a list of them is expected; found 5",
        ),
        ("switch", {"value": 1, "cases": {"a": ["b", 5]}}, "cases.a[1]", "must be text, found 5"),
        (
            "condition",
            {"expression": "1", "true_branch": 5},
            "true_branch",
            "a list of them is expected; found 5",
        ),
        ("sub_workflow", {"workflow": "Not a name"}, "workflow", "found 'Not a name'"),
        (
            "approval",
            {"prompt": "x", "form": {"type": "x"}},
            "form.type",
            f"'config.form.type' must be one of {TYPES}, found 'x'",
        ),
        ("delay", {"seconds": "1w"}, "seconds", "allowed: seconds, or '250ms', '30s', '5m', '1h30m', '2d'"),
        ("delay", {"seconds": True}, "seconds", "expected a duration, got true or false"),
        # Nothing is taken for what it looks like.
        (
            "http",
            {"url": URL, "follow_redirects": "off"},
            "follow_redirects",
            "must be true or false, found 'off'",
        ),
        ("http", {"url": URL, "max_bytes": "50"}, "max_bytes", "must be a whole number, found '50'"),
        ("sub_workflow", {"workflow": {}, "wait": "no"}, "wait", "must be true or false, found 'no'"),
        ("approval", {"prompt": "x", "quorum": "2"}, "quorum", "must be a whole number, found '2'"),
        ("unreliable", {"failure_rate": "1"}, "failure_rate", "must be a number, found '1'"),
        # What can never work.
        ("http", {"url": "nourl"}, "url", "the URL 'nourl' has no scheme; allowed: http://, https://"),
        ("http", {"url": "ftp://x/"}, "url", "has scheme 'ftp'; allowed: http://, https://"),
        ("call_external_service", {"url": "nourl"}, "url", "the URL 'nourl' has no scheme"),
        ("http", {"url": URL, "headers": {"a\n": "x"}}, "headers", "header name 'a\\n' is not valid"),
    ],
)
def test_a_wrong_value_is_told_once_with_node_field_and_what_is_allowed(
    handler: str, config: dict[str, Any], path: str, said: str
) -> None:
    problems = [each for each in found(handler, config) if each.path == f"nodes[0].config.{path}"]

    assert len(problems) == 1
    assert problems[0].message.startswith("node 'a': ")
    assert path in problems[0].message
    assert said in problems[0].message
    assert "nput should" not in problems[0].message


@pytest.mark.parametrize(
    ("handler", "config"),
    [
        ("switch", {"value": 1, "cases": {"a": 5}}),
        ("switch", {"value": 1, "cases": []}),
        ("llm", {"messages": [{"role": "user", "content": [5]}]}),
    ],
)
def test_one_fault_is_one_problem(handler: str, config: dict[str, Any]) -> None:
    assert len(found(handler, config)) == 1


@pytest.mark.parametrize(
    ("handler", "config"),
    [
        ("http", {"url": "{{ inputs.url }}", "max_bytes": "{{ inputs.most }}", "timeout": "30s"}),
        ("http", {"url": "https://{{ inputs.host }}/", "headers": {"x": "{{ inputs.x }}"}, "timeout": "5"}),
        ("http", {"url": URL, "max_bytes": 50.0, "expect_status": [404, "5xx"]}),
        ("unreliable", {"failure_rate": 1}),
        ("llm", {"messages": [{"role": "user", "content": "x"}], "cache": "1h"}),
        ("container", {"image": "tool:1", "cpus": 1, "args": [1, "x", True]}),
    ],
)
def test_what_can_work_passes(handler: str, config: dict[str, Any]) -> None:
    assert not found(handler, config)


def test_a_template_gives_a_value_with_its_type() -> None:
    spec = get_handler("http")

    assert spec.read_config({"url": URL, "max_bytes": 10 / 2}).max_bytes == 5
    with pytest.raises(Terminal, match=r"'config\.max_bytes' must be a whole number, found '5'"):
        spec.read_config({"url": URL, "max_bytes": "5"})


def test_what_may_be_a_secret_is_not_shown_once_it_is_known() -> None:
    with pytest.raises(Terminal) as refused:
        get_handler("http").read_config({"url": URL, "headers": {"authorization": ["hush"]}})

    assert "'config.headers.authorization' must be text" in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"catch": []}, "'nodes[0].catch' must be a list of 1 to 16 rules {errors, goto}, got a list of 0"),
        ({"catch": [{"errors": [], "goto": "b"}]}, "such as 'Http.*', got an empty list"),
        ({"catch": [{"errors": ["a b"], "goto": "b"}]}, "'-' and, for any text, '*'; got 'a b'"),
        ({"catch": [{"errors": "Http.*", "goto": "b"}]}, "such as 'Http.*', got 'Http.*'"),
        (
            {"map": {"items": "a{{ 1 }}"}},
            "one template that gives one: {{ … }} and nothing around it, got 'a{{ 1 }}'",
        ),
        ({"map": {"items": "{% if 1 %}{{ inputs.a }}{% endif %}"}}, "and nothing around it"),
        ({"retry": 5}, "got 5"),
        ({"start_to_close_timeout": "1w"}, "allowed: seconds, or '250ms', '30s', '5m', '1h30m', '2d'"),
    ],
)
def test_what_a_node_may_have_is_told_as_precisely(fields: dict[str, Any], said: str) -> None:
    (problem,) = found("noop", {}, **fields)

    assert said in problem.message


def test_items_may_be_one_template() -> None:
    assert not found("noop", {}, map={"items": "{{ inputs.rows | list }}"})


def test_every_fault_of_a_schema_in_a_config_has_its_own_place() -> None:
    schema = {"properties": {"n": {"type": "int"}, "m": {"minLength": "x"}}}

    assert [(problem.path, problem.hint) for problem in found("llm", {"prompt": "x", "schema": schema})] == [
        ("nodes[0].config.schema.properties.m.minLength", None),
        ("nodes[0].config.schema.properties.n.type", "did you mean 'integer'?"),
    ]
