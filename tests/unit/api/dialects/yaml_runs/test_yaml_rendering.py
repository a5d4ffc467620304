"""Executions are shown as runs, and failures as these calls word them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from api.dialects.yaml_runs.rendering import (
    run_detail,
    run_row,
    status_of,
    steps_shown,
    type_of,
    word_of,
    workflow_row,
    write_failure,
)
from api.error_shapes import Failure
from api.shown_outputs import ShownOutputs
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.execution.model import NodeState
from orchestrator.operations.results import ExecutionView
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.dags import compiled, node, workflow
from tests.unit.api.dialects import shown_executions


def view(*states: NodeState, **fields: Any) -> ExecutionView:
    """An execution that was started when it was made."""
    return shown_executions.view(*states, **{"started_ms": 1_000, **fields})


@pytest.mark.parametrize(
    ("status", "has_begun", "word"),
    [
        (ExecutionStatus.PENDING, False, "pending"),
        (ExecutionStatus.RUNNING, False, "queued"),
        (ExecutionStatus.RUNNING, True, "running"),
        (ExecutionStatus.PAUSED, True, "running"),
        (ExecutionStatus.COMPLETED, True, "completed"),
        (ExecutionStatus.FAILED, True, "failed"),
        (ExecutionStatus.CANCELLED, False, "failed"),
    ],
)
def test_every_status_has_a_word(status: ExecutionStatus, has_begun: bool, word: str) -> None:
    state = NodeState("A", NodeStatus.RUNNING, started_ms=2_000 if has_begun else None)

    assert status_of(view(state, status=status)) == word
    # Without its steps it is known of none that is under way.
    assert word_of(status) == (word if word not in ("queued", "running") else None)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (NodeStatus.PENDING, "pending"),
        (NodeStatus.QUEUED, "queued"),
        (NodeStatus.RUNNING, "running"),
        (NodeStatus.WAITING, "running"),
        (NodeStatus.COMPLETED, "completed"),
        (NodeStatus.FAILED, "failed"),
        (NodeStatus.SKIPPED, "skipped"),
        (NodeStatus.CANCELLED, "pending"),
    ],
)
def test_every_status_of_a_step_has_a_word(status: NodeStatus, word: str) -> None:
    shown = run_detail(ShownOutputs(view(NodeState("A", status))))

    assert shown["steps"][0]["status"] == word


def test_steps_that_were_skipped_count() -> None:
    done = view(NodeState("A", NodeStatus.COMPLETED), NodeState("B", NodeStatus.SKIPPED))

    assert (run_row(done)["steps_completed"], run_row(done)["total_steps"]) == (2, 2)


def test_an_error_is_shown_of_what_failed_and_of_nothing_else() -> None:
    error = {"message": "it broke"}
    failed = view(NodeState("A", NodeStatus.FAILED, error=error), status=ExecutionStatus.FAILED)
    retried = view(NodeState("A", NodeStatus.COMPLETED, error=error), status=ExecutionStatus.COMPLETED)

    for found, message in ((failed, "it broke"), (retried, None)):
        shown = run_detail(ShownOutputs(found))
        assert shown["error_message"] == message
        assert [step["error_message"] for step in shown["steps"]] == [message, None]


def test_the_error_is_what_failed_the_run_and_no_failure_that_was_caught() -> None:
    caught = NodeState("A", NodeStatus.FAILED, ended_ms=4_000, error={"message": "caught"}, caught="B")
    decisive = NodeState("B", NodeStatus.FAILED, ended_ms=5_000, error={"message": "decisive"})
    late, failed = {"message": "too late"}, ExecutionStatus.FAILED
    cancelled = view(status=ExecutionStatus.CANCELLED, reason="no more")

    assert run_row(view(caught, decisive, status=failed))["error_message"] == "decisive"
    assert run_row(view(caught, status=failed, error=late))["error_message"] == "too late"
    assert run_row(cancelled)["error_message"] == "no more"


@pytest.mark.parametrize(
    ("trigger", "data"),
    [
        (None, {"body": {}, "headers": {}}),
        (b'{"source":"manual"}', {"body": {}, "headers": {}}),
        (b'{"payload":{"a":1},"headers":{"h":"x"}}', {"body": {"a": 1}, "headers": {"h": "x"}}),
        (b'{"payload":{},"body":"text"}', {"body": "text", "headers": {}}),
    ],
)
def test_what_started_a_run_is_shown_as_its_templates_see_it(trigger: bytes | None, data: Any) -> None:
    assert run_detail(ShownOutputs(replace(view(), trigger=trigger)))["trigger_data"] == data


@pytest.mark.parametrize(
    ("handler", "config", "kind"),
    [
        ("http", {}, "http"),
        ("noop", {}, "noop"),
        ("output", {}, "output"),
        ("output", {"body": 1, "headers": 2}, "trigger"),
        ("output", {"result": 1, "next_step": 2, "condition": 3}, "condition"),
        ("output", {"result": 1}, "output"),
    ],
)
def test_the_type_of_a_step_is_known_by_its_handler_and_config(handler: str, config: Any, kind: str) -> None:
    made = replace(compiled(workflow(node("A"))).nodes[0], handler=handler, config=config)

    assert type_of(made) == kind


def test_what_is_too_large_for_one_answer_is_named_by_its_place() -> None:
    found = replace(view(NodeState("A", NodeStatus.COMPLETED)), sizes={"A": 70_000, "B": 0})

    shown = run_detail(ShownOutputs(found))["steps"]

    href = "/v1/executions/x1/nodes/A/output"
    assert shown[0]["output_data"] == {"truncated": True, "bytes": 70_000, "href": href}
    assert shown[1]["output_data"] is None


def record(*hooks: str) -> WorkflowRecord:
    return WorkflowRecord(
        "wf_a",
        "default",
        "a",
        "A",
        "What it is.",
        {},
        True,
        1,
        "h",
        "application/yaml",
        "",
        1,
        0,
        1_000,
        hooks,
    )


@pytest.mark.parametrize(
    ("hooks", "path"),
    [((), None), (("webhook:x",), None), (("webhook:x", "path:a/b"), "/triggers/a/b")],
)
def test_a_workflow_is_shown_with_its_trigger_path(hooks: tuple[str, ...], path: str | None) -> None:
    assert workflow_row(record(*hooks)) == {
        "id": "wf_a",
        "name": "A",
        "description": "What it is.",
        "trigger_path": path,
        "created_at": "1970-01-01T00:00:00.000Z",
        "updated_at": "1970-01-01T00:00:01.000Z",
    }


def test_steps_are_shown_as_they_are_written_and_nodes_where_there_are_none() -> None:
    definition = orjson.dumps(workflow(node("A")))
    flat = orjson.dumps({"name": "x", "nodes": [node("A")]})

    assert steps_shown({"steps": [{"id": "a"}]}, definition) == [{"id": "a"}]
    for document in (None, {"steps": 1}, {"steps": [1]}, {}):
        assert steps_shown(document, definition) == [{"id": "A", "type": "noop"}]
        assert steps_shown(document, flat) == [{"id": "A", "type": "noop"}]


def failure(status: int, code: str = "X", **fields: Any) -> Failure:
    return Failure(status, "Title", "a sentence", code, "/api/v1/x", "r1", **fields)


def test_a_document_that_is_refused_is_400_whatever_is_wrong_unless_it_is_too_large() -> None:
    problems = [{"path": "steps", "code": "missing", "message": "no steps", "line": 3}]

    for status, answered in ((422, 400), (400, 400), (413, 413)):
        found = write_failure(failure(status, "DEFINITION_INVALID", problems=problems))
        assert found == (answered, {"detail": "line 3: no steps", "errors": problems})


def test_other_failures_are_a_sentence_or_a_list_of_mistakes() -> None:
    problems = [{"path": "query.page", "code": "wrong_value", "message": "no"}]

    assert write_failure(failure(503)) == (503, {"detail": "a sentence"})
    assert write_failure(failure(404, "EXECUTION_NOT_FOUND")) == (404, {"detail": "Run not found"})
    assert write_failure(failure(422, problems=problems)) == (
        422,
        {"detail": [{"loc": ["query", "page"], "msg": "no", "type": "wrong_value"}]},
    )
