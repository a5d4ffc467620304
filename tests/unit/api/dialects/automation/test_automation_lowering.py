"""Workflows of the door become definitions, and what is wrong with them has a code and a place."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import orjson
import pytest

from api.dialects.automation.lowering import AutomationDocument, Terms, lower
from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid


def step(step_id: str, kind: str = "transform", after: tuple[str, ...] = (), **config: Any) -> dict[str, Any]:
    if kind == "transform" and not config:
        config = {"expression": "x"}
    return {"id": step_id, "type": kind, "config": config, "depends_on": list(after)}


def lowered(*steps: Any, kind: str = "manual", **fields: Any) -> dict[str, Any]:
    terms = fields.pop("terms", Terms())
    return lower(AutomationDocument("Flow", kind, list(steps), **fields), terms)


def codes(*steps: Any, **fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionInvalid) as raised:
        lowered(*steps, **fields)
    return [(problem.code, problem.path) for problem in raised.value.problems]


def test_a_workflow_is_a_definition_with_a_time_limit() -> None:
    found = lowered(step("a"), description="d", terms=Terms(execution_timeout_s=7))

    assert found == {
        "name": "Flow",
        "description": "d",
        "execution_timeout": 7,
        "nodes": [
            {
                "id": "a",
                "handler": "transform",
                "dependencies": [],
                "config": {"expression": "x", "as": "text"},
                "retry": {
                    "max_attempts": 3,
                    "initial_interval": 5,
                    "maximum_interval": 5,
                    "backoff_coefficient": 1,
                    "jitter": "none",
                    "respect_retry_after": False,
                },
            }
        ],
    }


def test_each_type_has_the_config_of_its_handler() -> None:
    nodes = lowered(
        step("h", "http", url="https://x.example", timeout_seconds=9, expect_status=[404], body=None),
        step("c", "condition", expression="{{ true }}", true_branch="t"),
        step("t"),
        step("d", "delay", seconds=1.5),
        step("s", "sub_workflow", workflow_id="wf_x", input_mapping={"n": 1}),
        step("default", "http", url="https://x.example"),
        terms=Terms(http_timeout_s=12),
    )["nodes"]

    assert {node["id"]: node["config"] for node in nodes} == {
        "h": {"url": "https://x.example", "expect_status": [404], "timeout": 9},
        "c": {"expression": "{{ true }}", "true_branch": ["t"], "false_branch": []},
        "t": {"expression": "x", "as": "text"},
        "d": {"seconds": 1.5},
        "s": {"workflow": "wf_x", "inputs": {"n": 1}, "inputs_as_payload": True, "as": "context"},
        "default": {"url": "https://x.example", "timeout": 12},
    }


def test_retries_are_as_many_and_as_slow_as_the_step_says() -> None:
    own = {"retry": {"max_attempts": 7, "delay_seconds": 0}}
    nodes = lowered(
        step("h", "http", url="https://x.example") | own,
        step("s", "sub_workflow", workflow_id="wf_x"),
        step("r", "sub_workflow", workflow_id="wf_x") | own,
    )["nodes"]

    retries = {node["id"]: node.get("retry") for node in nodes}
    assert retries["h"]["max_attempts"] == 7
    assert (retries["h"]["initial_interval"], retries["h"]["non_retryable"]) == (0, ["Http.4xx"])
    # A server that asks for another delay is not heard.
    assert retries["h"]["respect_retry_after"] is False
    # A sub-workflow retries its own steps.
    assert retries["s"] is None
    assert retries["r"]["max_attempts"] == 7


def test_a_branch_waits_for_its_condition_whatever_else_it_waits_for() -> None:
    nodes = lowered(
        step("a"),
        step("c", "condition", expression="true", true_branch=["t", "u"], false_branch=["f"]),
        step("t", after=("c", "c")),
        step("u", after=("a",)),
        step("f"),
    )["nodes"]

    assert {node["id"]: node["dependencies"] for node in nodes} == {
        "a": [],
        "c": [],
        "t": ["c"],
        "u": ["a", "c"],
        "f": ["c"],
    }


@pytest.mark.parametrize(
    ("kind", "fields", "triggers"),
    [
        ("manual", {}, None),
        ("manual", {"is_signed": True}, None),
        ("webhook", {}, {"webhooks": [{"scheme": "none"}]}),
        ("webhook", {"is_signed": True}, {"webhooks": [{"scheme": "hub256"}]}),
        (
            "cron",
            {
                "trigger_config": {"cron_expression": "*/5 * * * *"},
                "terms": Terms(cron_timezone="Europe/Berlin"),
            },
            {"schedules": [{"cron": "*/5 * * * *", "timezone": "Europe/Berlin"}]},
        ),
    ],
)
def test_triggers_stand_in_the_definition(kind: str, fields: dict[str, Any], triggers: Any) -> None:
    assert lowered(step("a"), kind=kind, **fields).get("triggers") == triggers


def test_everything_wrong_with_the_steps_is_told_at_once() -> None:
    found = codes(
        {"id": "a", "type": "email"},
        {"id": "a", "type": "delay", "config": {"seconds": "5"}, "depends_on": "b"},
        {"type": "transform", "config": {"expression": 7, "other": 1}, "retry": {"attempts": 1}},
        "x",
    )

    assert found == [
        ("UNKNOWN_STEP_TYPE", "steps[0].type"),
        ("VALIDATION_ERROR", "steps[1].depends_on"),
        ("STEP_CONFIG_ERROR", "steps[1].config.seconds"),
        ("DUPLICATE_STEP_ID", "steps[1].id"),
        ("VALIDATION_ERROR", "steps[2].id"),
        ("VALIDATION_ERROR", "steps[2].retry.attempts"),
        ("STEP_CONFIG_ERROR", "steps[2].config.other"),
        ("STEP_CONFIG_ERROR", "steps[2].config.expression"),
        ("VALIDATION_ERROR", "steps[3]"),
    ]


@pytest.mark.parametrize(
    ("steps", "cycle"),
    [
        ([step("a", after=("a",))], "a -> a"),
        ([step("a", after=("b",)), step("b", after=("a",)), step("c", after=("a",))], "-> "),
        ([step("c", "condition", ("t",), expression="x", true_branch=["t"]), step("t")], "-> "),
    ],
)
def test_a_cycle_is_named(steps: list[dict[str, Any]], cycle: str) -> None:
    with pytest.raises(DefinitionInvalid) as raised:
        lowered(*steps)

    (problem,) = raised.value.problems
    assert problem.code == "CYCLE_DETECTED"
    assert cycle in problem.message
    named = problem.message.rpartition(": ")[2].split(" -> ")
    assert named[0] == named[-1]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"url": ""}, "url"),
        ({"url": 7}, "url"),
        ({"url": "https://x.example", "timeout_seconds": 0}, "timeout_seconds"),
        ({"url": "https://x.example", "timeout_seconds": True}, "timeout_seconds"),
        ({"url": "https://x.example", "query": {}}, "query"),
    ],
)
def test_what_a_call_cannot_be_is_refused(config: dict[str, Any], path: str) -> None:
    assert codes(step("h", "http", **config)) == [("STEP_CONFIG_ERROR", f"steps[0].config.{path}")]


def test_a_config_beyond_the_limit_is_refused_before_its_templates_are_read() -> None:
    large = step("a", expression="{{ " + "trigger " * 20 + "triggered_by }}")
    size = len(orjson.dumps(large["config"]))

    assert lowered(large, terms=Terms(limits=Limits(max_config_bytes=size)))
    with (
        patch("api.dialects.automation.lowering.compile_templates") as compiled,
        pytest.raises(DefinitionInvalid) as raised,
    ):
        lowered(large, terms=Terms(limits=Limits(max_config_bytes=size - 1)))

    (problem,) = raised.value.problems
    assert (problem.code, problem.path, problem.kind) == ("STEP_CONFIG_ERROR", "steps[0].config", "size")
    assert problem.message == (
        f"'steps[0].config' has {size} bytes; allowed are {size - 1} (max_config_bytes)"
    )
    compiled.assert_not_called()


@pytest.mark.parametrize(
    "wrong",
    [
        step("a", after=tuple(f"b{place}" for place in range(1_000))),
        step("a") | {f"field_{place}": 1 for place in range(1_000)},
        step("a") | {"config": {"expression": "x"} | {f"field_{place}": 1 for place in range(1_000)}},
        step("a") | {"retry": {f"field_{place}": 1 for place in range(1_000)}},
    ],
    ids=["dependencies", "fields", "fields of a config", "fields of a retry"],
)
def test_of_many_problems_the_first_are_named_and_the_others_counted(wrong: dict[str, Any]) -> None:
    with pytest.raises(DefinitionInvalid) as raised:
        lowered(wrong, terms=Terms(limits=Limits(max_problems=3)))

    *named, last = raised.value.problems
    assert len(named) == 3
    assert (last.path, last.message) == ("", "and 997 more problems")


def test_a_document_keeps_no_secret() -> None:
    document = AutomationDocument("Flow", "webhook", [step("a")], trigger_config={"k": 1}, is_signed=True)

    assert document.to_json() == (
        b'{"name":"Flow","trigger_type":"webhook","steps":[{"id":"a","type":"transform",'
        b'"config":{"expression":"x"},"depends_on":[]}],"description":null,"trigger_config":{"k":1},"is_signed":true}'
    )
