"""What a definition starts by name and what starts it: only what is certainly a mistake is warned of."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition
from orchestrator.lint.starts import (
    Known,
    Missing,
    known_beside,
    misfit_schedules,
    misfits,
    names_in,
    of_schedules,
    of_triggers,
    without_inputs,
)
from workers.handlers import Catalogue

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer"}, "note": {"type": "string", "default": "-"}},
}
CHILD: dict[str, Any] = {
    "name": "Billing",
    "inputs": SCHEMA,
    "nodes": [{"id": "A", "handler": "noop", "config": {"v": "{{ inputs.amount }} {{ inputs.note }}"}}],
}


def starting(inputs: Any = None, workflow: Any = "billing", **config: Any) -> dict[str, Any]:
    config |= {"workflow": workflow} | ({} if inputs is None else {"inputs": inputs})
    return {"name": "Parent", "nodes": [{"id": "bill", "handler": "sub_workflow", "config": config}]}


def found(document: dict[str, Any], child: Any = CHILD) -> list[tuple[str, str]]:
    known = {("billing", None): child, ("billing", 3): child}
    return [
        (problem.path.removeprefix("nodes[0].config."), problem.code) for problem in misfits(document, known)
    ]


def compiled(**fields: Any) -> Definition:
    return compile_definition(CHILD | fields, handlers=Catalogue())


def test_a_workflow_that_is_not_registered_is_warned_of_with_the_one_that_was_meant() -> None:
    known: Known = {("biling", None): Missing("did you mean 'billing'?"), ("bill", None): Missing()}

    (near,) = misfits(starting({}, "biling"), known)
    (none,) = misfits(starting({}, "bill"), known)

    assert (near.path, near.code) == ("nodes[0].config.workflow", "unknown_workflow")
    assert near.message == "node 'bill' starts the workflow 'biling', which is not registered"
    assert (near.hint, none.hint) == ("did you mean 'billing'?", "register it before this one starts it")


def test_a_version_that_is_not_there_is_warned_of_with_the_newest() -> None:
    (problem,) = misfits(starting({"amount": 1}, version=9), {("billing", 9): Missing(newest=3)})

    assert problem.path == "nodes[0].config.version"
    assert problem.message == "node 'bill' starts version 9 of 'billing', which has no such version"
    assert problem.hint == "its newest is 3"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (None, [("inputs", "child_inputs")]),
        ({"note": "{{ a }}"}, [("inputs", "child_inputs")]),
        ({"amount": "three"}, [("inputs.amount", "child_inputs")]),
        ({"amount": "{{ a }}", "note": 5}, [("inputs.note", "child_inputs")]),
        ({"amount": 1, "nte": "x"}, [("inputs.nte", "ignored_input")]),
        ({"amount": 1}, []),
        ({"amount": "{{ a.total }}", "note": "for {{ a.who }}"}, []),
    ],
)
def test_inputs_that_a_child_will_refuse_or_does_not_know_are_warned_of(
    inputs: Any, expected: list[tuple[str, str]]
) -> None:
    assert found(starting(inputs)) == expected
    assert found(starting(inputs, version=3)) == expected
    assert found(starting(inputs, CHILD)) == expected


@pytest.mark.parametrize(
    "document",
    [
        starting("{{ order }}"),
        starting({"{{ name }}": 1}),
        starting({}, "{{ which }}"),
        starting({}, version="{{ number }}"),
        starting({}, "0190c0de-0000-7000-8000-000000000000"),
        starting({}, "of-another"),
        {"name": "Parent", "nodes": [{"id": "A", "handler": "noop", "config": {"workflow": "billing"}}]},
    ],
)
def test_what_templates_decide_or_nothing_is_known_of_is_left_alone(document: dict[str, Any]) -> None:
    assert found(document) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"if": {"properties": {"mode": {"const": "x"}}}, "else": {"required": ["amount"]}},
        {"anyOf": [{"required": ["amount"]}, {"required": ["total"]}]},
    ],
)
def test_a_rule_that_a_template_may_yet_meet_is_no_reason_to_warn(rule: dict[str, Any]) -> None:
    child = CHILD | {"inputs": {"type": "object", **rule}}

    assert found(starting({"mode": "{{ a }}"}), child) == []


def test_names_that_a_closed_schema_refuses_are_warned_of_beside_templates_too() -> None:
    child = CHILD | {"inputs": SCHEMA | {"additionalProperties": False}}

    assert found(starting({"amount": "{{ a }}", "nte": "{{ b }}"}), child) == [("inputs", "child_inputs")]


def test_children_of_children_and_what_is_started_at_the_end_are_looked_at_too() -> None:
    inner = starting({}, "biling")
    document = starting(None, inner) | {
        "on_failure": {"workflow": "billing", "inputs": {"amount": "x"}},
        "on_complete": [{"url": "https://example.com"}, {"workflow": "gone"}],
    }
    known: Known = {("biling", None): Missing(), ("gone", None): Missing(), ("billing", None): CHILD}

    assert names_in(document) == [("biling", None), ("gone", None), ("billing", None)]
    assert [problem.path for problem in misfits(document, known)] == [
        "nodes[0].config.workflow.nodes[0].config.workflow",
        "on_complete[1].workflow",
        "on_failure.inputs.amount",
    ]


def test_a_definition_beside_another_is_known_by_the_name_its_title_makes() -> None:
    assert known_beside([CHILD, {"name": 5}, "x", {"name": "!"}]) == {("billing", None): CHILD}


def test_the_schedules_of_a_document_are_compared_with_its_own_schema() -> None:
    schedules = [
        {"name": "a", "cron": "@daily", "inputs": {"amount": 1}},
        {"name": "b", "cron": "@daily", "inputs": {"amount": 1, "amout": 2}},
        {"name": "c", "cron": "*/70 * * * *"},
    ]
    definition = compiled(triggers={"schedules": schedules})

    assert [each.path for each in misfit_schedules(definition)] == ["triggers.schedules[2].inputs"]
    assert [(each.path, each.code) for each in of_schedules(definition)] == [
        ("triggers.schedules[1].inputs.amout", "ignored_input"),
        ("triggers.schedules[2].cron", "cron_step"),
    ]


def test_webhooks_and_paths_without_inputs_are_warned_of_where_some_are_required() -> None:
    triggers: dict[str, Any] = {
        "webhooks": [
            {"path": "a", "scheme": "hub256"},
            {"path": "b", "scheme": "hub256", "inputs": "payload"},
        ],
        "paths": [{"path": "c"}],
    }
    needing, free = compiled(triggers=triggers), compiled(triggers=triggers, inputs={"type": "object"})

    problems = list(of_triggers(needing.inputs_schema, needing.triggers))

    assert [problem.path for problem in problems] == ["triggers.webhooks[0]", "triggers.paths[0]"]
    assert "gives the workflow no inputs, and 'inputs': 'amount' is missing" in problems[0].message
    assert "'inputs: payload'" in (problems[0].hint or "")
    assert "payload'" not in (problems[1].hint or "")
    assert list(of_triggers(free.inputs_schema, free.triggers)) == []
    assert without_inputs(None, "webhook", "inputs") is None
