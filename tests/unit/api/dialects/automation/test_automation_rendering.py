"""Our words in those of the door: statuses, triggers, logs, frames, failures, statistics."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import orjson
import pytest

from api.dialects.automation import DIALECT
from api.dialects.automation.events import Updates, connected_frame, log_fields
from api.dialects.automation.failures import write_failure
from api.dialects.automation.rendering import (
    STATUSES,
    STEP_STATUSES,
    detail_fields,
    execution_fields,
    foreign_document,
    is_signed,
    metric_fields,
    own_document,
    trigger_data,
)
from api.error_shapes import Failure
from api.shown_outputs import ShownOutputs
from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers
from orchestrator.execution.model import Event, Execution, NodeState
from orchestrator.execution.statistics import Ends, NodeCounts, Statistics
from orchestrator.operations.results import ExecutionFailure, ExecutionView
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import node, workflow

HANDLERS = PlainHandlers(frozenset({"noop", "call_external_service"}), lambda name: None)


def test_every_status_has_a_word() -> None:
    assert STATUSES.keys() == set(ExecutionStatus)
    assert STEP_STATUSES.keys() == set(NodeStatus)


@pytest.mark.parametrize(
    ("trigger", "shown"),
    [
        (None, {"source": "manual", "data": {}, "payload": {}}),
        (
            {"source": "manual", "payload": {"x": 1}},
            {"source": "manual", "data": {"x": 1}, "payload": {"x": 1}},
        ),
        (
            {"source": "webhook", "payload": 1, "headers": {"a": "b"}, "path": "wh_x"},
            {"payload": 1, "headers": {"a": "b"}},
        ),
        (
            {"source": "schedule", "schedule": "s", "scheduled_time": "t"},
            {"triggered_by": "cron", "scheduled_time": "t"},
        ),
        (
            {"source": "parent", "node_id": "n", "payload": {"x": 1}},
            {"source": "sub_workflow", "data": {"x": 1}, "payload": {"x": 1}},
        ),
        (
            {"source": "replay", "payload": 1, "headers": {}},
            {"source": "replay", "data": 1, "payload": 1, "headers": {}},
        ),
        ({"source": "parent", "data": {"status": "COMPLETED"}}, None),
    ],
)
def test_what_started_it_is_shown_by_the_names_of_its_templates(trigger: Any, shown: Any) -> None:
    wanted = shown or {"source": "sub_workflow", "data": trigger["data"], "payload": trigger["data"]}

    assert trigger_data(trigger) == wanted


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (ExecutionFailure("b", "Http.5xx", "it broke"), "Step 'b' failed: it broke"),
        (ExecutionFailure(None, "TemplateError", "no such key"), "no such key"),
        (None, "in a list"),
    ],
)
def test_an_error_names_the_step_where_it_was_one(failure: ExecutionFailure | None, error: str) -> None:
    failed = Execution("x", "n", "v", ExecutionStatus.FAILED, 0, created_ms=1, error={"message": "in a list"})
    running = replace(failed, status=ExecutionStatus.RUNNING)

    assert execution_fields(failed, None, failure)["error"] == error
    assert execution_fields(running, None)["error"] is None
    assert execution_fields(replace(failed, error=None), None)["error"] is None


def test_an_output_that_is_too_large_is_shown_by_its_size_and_place() -> None:
    made = compile_definition(workflow(node("A"), node("B"), node("C")), handlers=HANDLERS)
    nodes = [NodeState(each, NodeStatus.COMPLETED) for each in "ABC"]
    execution = Execution("x1", "n", "v", ExecutionStatus.COMPLETED, 0, created_ms=1)
    found = ExecutionView(
        execution, made, nodes, {"A": b'{"a":1}'}, {}, False, sizes={"A": 7, "B": 70_000, "C": 0}
    )

    steps = orjson.loads(orjson.dumps(detail_fields(ShownOutputs(found), {})))["steps"]

    href = "/v1/executions/x1/nodes/B/output"
    assert [each["output_data"] for each in steps] == [
        {"a": 1},
        {"truncated": True, "bytes": 70_000, "href": href},
        None,
    ]


def test_a_document_of_another_door_is_made_of_its_definition() -> None:
    definition = orjson.dumps(
        {
            "name": "n",
            "dag": {"nodes": [{"id": "A", "handler": "call_external_service", "config": {"url": "u"}}]},
            "triggers": {"schedules": [{"cron": "@daily"}], "webhooks": [{"scheme": "none"}]},
        }
    )

    found = foreign_document(definition)

    assert found["steps"] == [{"id": "A", "type": "http", "config": {"url": "u"}, "depends_on": []}]
    assert (found["trigger_type"], found["trigger_config"]) == ("cron", {"cron_expression": "@daily"})
    assert not is_signed(definition)
    own = b'{"name": "n", "trigger_type": "manual", "steps": [7]}'
    assert own_document(own) == orjson.loads(own)
    for other in (b"name: n", b"[]", b'{"name": "n", "steps": [], "trigger": {}}', definition):
        assert own_document(other) is None


def event(kind: str, data: Any = None, **fields: Any) -> Event:
    given: dict[str, Any] = {"seq": 7, "execution_id": "x", "node_id": "A", "attempt": 2, "ts_ms": 0} | fields
    return Event(type=kind, data=orjson.dumps(data or {}), **given)


@pytest.mark.parametrize(
    ("kind", "data", "level", "message", "shown"),
    [
        ("node.queued", {}, "debug", "Step queued", {"attempt": 2}),
        ("node.completed", {}, "info", "Step completed", {"attempt": 2}),
        (
            "node.retrying",
            {"delay_ms": 5},
            "warn",
            "Step failed; another attempt follows",
            {"attempt": 2, "delay_ms": 5},
        ),
        (
            "node.failed",
            {"error": {"message": "no"}},
            "error",
            "Step failed",
            {"attempt": 2, "message": "no"},
        ),
        ("node.log", {"level": "warning", "message": "hm", "data": {"a": 1}}, "warn", "hm", {"a": 1}),
        ("node.log", {"level": "odd", "message": "hm", "data": [1]}, "info", "hm", {"value": [1]}),
    ],
)
def test_a_log_has_a_line_for_what_happens(
    kind: str, data: Any, level: str, message: str, shown: Any
) -> None:
    assert log_fields(event(kind, data)) == {
        "id": "x:7",
        "step_id": "A",
        "level": level,
        "message": message,
        "data": shown,
        "created_at": "1970-01-01T00:00:00.000Z",
    }


def test_pieces_of_streamed_text_are_no_log() -> None:
    assert log_fields(event("node.token", {"text": "x"})) is None


def test_a_stream_has_a_frame_for_each_change() -> None:
    updates = Updates(compile_definition(workflow(node("A")), handlers=HANDLERS))
    line = {"seq": 3, "execution_id": "x", "ts": "t", "data": {}}
    failed = {"type": "Http.5xx", "message": "down", "retryable": True}

    started = updates.render(line | {"type": "node.started", "node_id": "A", "attempt": 1})
    retrying = updates.render(line | {"type": "node.retrying", "node_id": "A", "data": {"error": failed}})

    assert started.startswith(b"id: 3\ndata: {") and started.endswith(b"}\n\n")
    assert orjson.loads(started.split(b"data: ")[1]) == {
        "type": "step_update",
        "step_id": "A",
        "step_type": "noop",
        "status": "running",
        "attempt": 1,
        "execution_id": "x",
        "timestamp": "t",
    }
    assert orjson.loads(retrying.split(b"data: ")[1])["error"] == "down"
    for quiet in ("node.log", "node.token", "execution.paused", "gap"):
        assert updates.render(line | {"type": quiet}) == b""
    assert updates.render(line | {"type": "node.started", "node_id": "A", "item": 0}) == b""
    assert connected_frame("x", "running").startswith(b'data: {"type":"connected"')


def failure(code: str, status: int = 400, path: str = "/api/workflows", **fields: Any) -> Failure:
    return Failure(status, "title", fields.pop("detail", "detail"), code, path, "r", **fields)


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        (failure("KEY_REQUIRED", 401), 401, "INVALID_API_KEY"),
        (failure("API_KEY_INVALID", 401), 401, "INVALID_API_KEY"),
        (failure("OPERATOR_ONLY", 403, "/api/tenants/register"), 403, "REGISTRATION_DISABLED"),
        (failure("KEY_REQUIRED", 401, "/api/tenants/register"), 403, "REGISTRATION_DISABLED"),
        (failure("WORKFLOW_NOT_FOUND", 404), 404, "NOT_FOUND"),
        (failure("REQUEST_INVALID", 422), 422, "VALIDATION_ERROR"),
        (failure("RATE_LIMITED", 429), 429, "RATE_LIMIT_EXCEEDED"),
        (failure("INVALID_TRANSITION", 409), 409, "INVALID_TRANSITION"),
        (failure("INTERNAL", 500), 500, "INTERNAL_ERROR"),
        (failure("DEFINITION_INVALID", 413, problems=[{"path": "", "code": "x", "message": "m"}]), 413, None),
        (failure("DEFINITION_INVALID", 422), 400, "VALIDATION_ERROR"),
    ],
)
def test_a_failure_has_the_status_and_code_of_its_contract(given: Failure, status: int, code: str) -> None:
    found_status, body = write_failure(given)

    assert found_status == status
    assert body.keys() == {"error"} and body["error"].keys() == {"code", "message", "details"}
    assert code in (None, body["error"]["code"])


def test_what_is_wrong_is_told_in_the_words_of_what_was_sent() -> None:
    problem = {"path": "nodes[3].config.x", "code": "bad_template", "message": "node 'a': no"}

    _, body = write_failure(failure("DEFINITION_INVALID", problems=[problem], detail="node 'a': no"))

    assert body["error"] == {
        "code": "EXPRESSION_ERROR",
        "message": "step 'a': no",
        "details": [{"path": "steps[3].config.x", "code": "EXPRESSION_ERROR", "message": "step 'a': no"}],
    }


@pytest.mark.parametrize(
    ("path", "is_own"),
    [("/api", True), ("/api/", True), ("/api/x/y", True), ("/api/v1", False), ("/api/v1/runs", False),
     ("/apis", False), ("/v1/executions", False), ("/webhooks/x", False)],
)  # fmt: skip
def test_its_paths_are_below_api_but_for_those_of_a_version(path: str, is_own: bool) -> None:
    assert DIALECT.is_path(path) is is_own


def test_statistics_of_one_type_are_added_up() -> None:
    failed, completed = ExecutionStatus.FAILED, ExecutionStatus.COMPLETED
    statistics = Statistics(
        workflows={
            None: Ends(Counter({failed: 1}), Counter({failed: 30})),
            "wf_gone": Ends(Counter({completed: 2}), Counter({completed: 60})),
        },
        handlers={"http": NodeCounts(3, 1), "call_external_service": NodeCounts(1, 1)},
        deliveries={"received": 4, "accepted": 3, "rejected": 1, "error": 0},
    )

    found = metric_fields(statistics, {}, under_way=2)

    assert found == {
        "total": 5,
        "by_status": {"completed": 2, "failed": 1, "running": 2},
        "avg_duration_ms": 30,
        "by_workflow": [{"workflow_id": "wf_gone", "workflow_name": None, "count": 2, "avg_duration_ms": 30}],
        "step_failure_rates": [{"step_type": "http", "total": 4, "failed": 2, "rate": 0.5}],
        "webhook_delivery_stats": {"total": 4, "accepted": 3, "rejected": 1, "error": 0},
    }
