"""Shows workflows, runs and their steps, whatever made them, and failures as these calls word them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from api.detail_failures import problem_details
from api.dialects.yaml_runs.lowering import TRIGGERS
from api.error_shapes import Failure
from api.schemas.times import rfc3339
from api.shown_outputs import ShownOutputs
from orchestrator.definitions.definition import Node
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.documents import exact_json
from orchestrator.execution.model import NodeState
from orchestrator.operations.results import ExecutionView
from orchestrator.states import ExecutionStatus, NodeStatus

NAME = "yaml_runs"
#: What a run is called in each state; one that is under way is queued until a step has begun.
_RUN_WORDS = {
    ExecutionStatus.PENDING: "pending",
    ExecutionStatus.COMPLETED: "completed",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.CANCELLED: "failed",
}
_STEP_WORDS = {
    NodeStatus.QUEUED: "queued",
    NodeStatus.RUNNING: "running",
    NodeStatus.WAITING: "running",
    NodeStatus.COMPLETED: "completed",
    NodeStatus.FAILED: "failed",
    NodeStatus.SKIPPED: "skipped",
}
#: Types of steps that the handler `output` plays, by the fields of its config.
_OUTPUT_TYPES = {
    frozenset({"body", "headers"}): "trigger",
    frozenset({"result", "next_step", "condition"}): "condition",
}
#: Failures whose words are these calls' own.
_DETAILS = {
    "WORKFLOW_NOT_FOUND": "Workflow not found",
    "EXECUTION_NOT_FOUND": "Run not found",
    "WEBHOOK_NOT_FOUND": "No workflow has this trigger path",
}
#: Mistakes of a document that a failure spells out; the rest is in its `errors`.
_MOST_NAMED = 3


def workflow_row(record: WorkflowRecord) -> dict[str, Any]:
    """Show a workflow without its document."""
    paths = (name.removeprefix("path:") for name in record.hooks if name.startswith("path:"))
    path = next(paths, None)
    return {
        "id": record.workflow_id,
        "name": record.title,
        "description": record.description,
        "trigger_path": None if path is None else TRIGGERS + path,
        "created_at": rfc3339(record.created_ms),
        "updated_at": rfc3339(record.updated_ms),
    }


def steps_shown(document: Any, definition: bytes) -> list[dict[str, Any]]:
    """Show the steps of a workflow as they are written; of one of another kind its nodes."""
    steps = document.get("steps") if isinstance(document, dict) else None
    if isinstance(steps, list) and all(isinstance(step, dict) for step in steps):
        return steps
    document = orjson.loads(definition)
    nodes = document["nodes"] if "nodes" in document else document["dag"]["nodes"]
    return [{"id": node["id"], "type": node["handler"]} for node in nodes]


def run_row(view: ExecutionView) -> dict[str, Any]:
    """Show a run without its steps."""
    execution = view.execution
    return {
        "id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "status": status_of(view),
        "steps_completed": steps_completed(view),
        "total_steps": len(view.nodes),
        "error_message": view.failure and view.failure.message,
        "started_at": rfc3339(execution.started_ms),
        "completed_at": rfc3339(execution.ended_ms),
        "created_at": rfc3339(execution.created_ms),
    }


def run_detail(outputs: ShownOutputs) -> dict[str, Any]:
    """Show a run with its steps."""
    view = outputs.view
    steps = [
        _step(view, node, state, outputs)
        for node, state in zip(view.definition.nodes, view.nodes, strict=True)
    ]
    return run_row(view) | {"trigger_data": _trigger_data(view.trigger), "steps": steps}


def triggered_fields(view: ExecutionView) -> dict[str, Any]:
    """Show a run that a trigger path has started."""
    row = run_row(view)
    names = ("workflow_id", "status", "steps_completed", "total_steps")
    return {"run_id": row["id"], "workflow_name": view.execution.name} | {name: row[name] for name in names}


def queued_fields(run_id: str, workflow_id: str) -> dict[str, Any]:
    """Show a run that has just been started."""
    return {"id": run_id, "run_id": run_id, "workflow_id": workflow_id, "status": "queued"}


def status_of(view: ExecutionView) -> str:
    """Give the word for the state of a run."""
    return word_of(view.execution.status) or ("running" if view.has_begun else "queued")


def word_of(status: ExecutionStatus) -> str | None:
    """Give the word for a status; None where it depends on whether a step has begun."""
    return _RUN_WORDS.get(status)


def steps_completed(view: ExecutionView) -> int:
    """Count the steps that are behind a run: those it has skipped too."""
    return sum(state.status in (NodeStatus.COMPLETED, NodeStatus.SKIPPED) for state in view.nodes)


def type_of(node: Node) -> str:
    """Give the type of a step; of a node that is none its handler."""
    if node.handler == "output":
        return _OUTPUT_TYPES.get(frozenset(node.config), node.handler)
    return node.handler


def write_failure(failure: Failure) -> tuple[int, Any]:
    """Word a failure: a sentence, the mistakes of a document with their lines, or those of a request."""
    if failure.code == "DEFINITION_INVALID":
        status = failure.status if failure.status == 413 else 400
        problems = list(failure.problems)
        lines = [_with_line(problem) for problem in problems[:_MOST_NAMED]]
        if (rest := len(problems) - _MOST_NAMED) > 0:
            lines.append(f"and {rest} more, see errors")
        return status, {"detail": "; ".join(lines) or failure.detail, "errors": problems}
    if failure.status == 422 and failure.problems:
        return failure.status, {"detail": problem_details(failure.problems)}
    return failure.status, {"detail": _DETAILS.get(failure.code, failure.detail)}


def _with_line(problem: Mapping[str, Any]) -> str:
    line, message = problem.get("line"), str(problem["message"])
    return message if line is None else f"line {line}: {message}"


def _step(view: ExecutionView, node: Node, state: NodeState, outputs: ShownOutputs) -> dict[str, Any]:
    has_failed = state.status is NodeStatus.FAILED and state.error
    return {
        "id": f"{view.execution.execution_id}:{node.id}",
        "step_id": node.id,
        "node_type": type_of(node),
        # What was cancelled before it began is where it was.
        "status": _STEP_WORDS.get(state.status, "pending"),
        "output_data": _output_data(node, outputs),
        "error_message": str(state.error["message"]) if has_failed and state.error else None,
    }


def _output_data(node: Node, outputs: ShownOutputs) -> Any:
    """Show the output of a step; that of a notice as its data and its message."""
    text = outputs.text(node.id) if node.handler == "notify" else None
    output = exact_json.loads(text) if text is not None else None
    if isinstance(output, dict) and isinstance(output.get("data"), dict) and "sent" in output["data"]:
        return output["data"] | {"message": output.get("message")}
    return outputs.of(node.id)


def _trigger_data(trigger: bytes | None) -> dict[str, Any]:
    """Show what started a run, as its templates see it: body and headers."""
    document = exact_json.loads(trigger) if trigger is not None else {}
    if not isinstance(document, dict):
        return {}
    body = document.get("body", document.get("payload", {}))
    return {"body": body, "headers": document.get("headers", {})}
