"""Fields that other systems have are refused with what they are called here."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.documents.other_words import hint_at_ours
from orchestrator.errors import DefinitionInvalid
from tests.makers import node
from tests.unit.orchestrator.definitions.flat import HANDLERS


def hints(document: Any) -> dict[str, str | None]:
    """What is hinted at for each field that is unknown, by its path."""
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(document, handlers=HANDLERS)
    return {each.path: each.hint for each in refused.value.problems if each.code == "unknown_field"}


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("needs", "did you mean 'dependencies'?"),
        ("depends_on", "did you mean 'dependencies'?"),
        ("dependsOn", "did you mean 'dependencies'?"),
        ("if", "did you mean 'when'?"),
        ("timeout", "did you mean 'start_to_close_timeout'?"),
        ("timeout-minutes", "did you mean 'start_to_close_timeout'?"),
        ("on_failure", "did you mean 'catch'?"),
        ("parameters", "did you mean 'config'?"),
        ("for_each", "did you mean 'map'?"),
        ("withItems", "did you mean 'map'?"),
        ("strategy", "did you mean 'map'?"),
        ("execution_timeout", "did you mean 'start_to_close_timeout'?"),
        ("max_retries", "did you mean 'retry'?"),
        ("run", "a program runs by handler 'container', with its image and args in 'config'"),
        ("command", "a program runs by handler 'container', with its image and args in 'config'"),
        ("env", "what a handler is given stands in 'config'; secrets are templates: {{ secrets.NAME }}"),
        ("continue-on-error", "'critical: false' lets the workflow complete though this node fails"),
        ("depnedencies", "did you mean 'dependencies'?"),
        ("zzz", None),
    ],
)
def test_a_field_of_a_node_is_known_by_its_other_names(field: str, hint: str | None) -> None:
    made: dict[str, Any] = {"id": "A", "handler": "noop", field: "x"}

    assert hints({"name": "x", "nodes": [made]}) == {f"nodes[0].{field}": hint}


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("timeout", "did you mean 'execution_timeout'?"),
        ("on", "did you mean 'triggers'?"),
        ("schedule_interval", "did you mean 'triggers'?"),
        ("retry_policy", "did you mean 'defaults'?"),
        ("default_args", "did you mean 'defaults'?"),
        ("env", "values of a whole workflow are 'inputs', which templates read: {{ inputs.NAME }}"),
        ("with", "did you mean 'inputs'?"),
        ("outputs", "did you mean 'output'?"),
    ],
)
def test_a_field_of_a_workflow_is_known_by_its_other_names(field: str, hint: str) -> None:
    assert hints({"name": "x", "nodes": [node("A")], field: "x"}) == {field: hint}


def test_steps_and_handlers_under_other_names_are_said_where_ours_are_missing() -> None:
    assert hints({"name": "x", "steps": [node("A")]}) == {"steps": "did you mean 'nodes'?"}
    assert hints({"name": "x", "nodes": [{"id": "A", "uses": "noop"}]}) == {
        "nodes[0].uses": "did you mean 'handler'?"
    }


def test_inside_of_a_field_only_what_is_allowed_there_is_named() -> None:
    retrying = node("A") | {"retry": {"retries": 3}}

    assert hints({"name": "x", "nodes": [retrying]}) == {
        "nodes[0].retry.retries": "did you mean 'max_attempts'?"
    }
    assert hint_at_ours("needs", ("errors", "goto"), {}) is None
    assert hint_at_ours("next", ("errors", "goto"), {}) == "did you mean 'goto'?"
    assert hint_at_ours("max_parallel", ("items", "max_concurrency"), {}) == "did you mean 'max_concurrency'?"
    assert hint_at_ours("tz", ("cron", "timezone"), {}) == "did you mean 'timezone'?"
