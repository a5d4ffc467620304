"""Shows executions as jobs, and failures as these calls word them. Pure."""

from __future__ import annotations

from typing import Any

from api.detail_failures import problem_details
from api.dialects.dialect import DOOR_LABEL
from api.dialects.jobs.lowering import NO_ORDER, UNRESOLVED
from api.error_shapes import Failure
from api.shown_outputs import ShownOutputs
from orchestrator.execution.model import NodeState
from orchestrator.operations.results import ExecutionView
from orchestrator.states import ExecutionStatus, NodeStatus

NAME = "jobs"
_WORDS = {
    ExecutionStatus.PENDING: "queued",
    ExecutionStatus.COMPLETED: "finished",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.CANCELLED: "failed",
}


def accepted_fields(job_id: str) -> dict[str, Any]:
    """Show a job that was taken."""
    return {"job_id": job_id, "status_url": f"/status/{job_id}"}


def status_fields(outputs: ShownOutputs, result: Any) -> dict[str, Any]:
    """Show an execution as a job, whatever made it. result: what it came to."""
    view = outputs.view
    word = _word_of(view)
    answer: dict[str, Any] = {"status": word, "progress": _progress(view, outputs), "result": None}
    if word == "finished":
        answer["result"] = result
    if word == "failed":
        answer |= failure_of(view)
    return answer


def result_fields(outputs: ShownOutputs) -> dict[str, Any]:
    """Make a result of an execution whose definition has none."""
    execution = outputs.view.execution
    return {
        "run_name": execution.name,
        "inputs": execution.inputs or {},
        "outputs": {node_id: outputs.of(node_id) for node_id, size in outputs.view.sizes.items() if size},
        "stores": {},
    }


def failure_of(view: ExecutionView) -> dict[str, str]:
    """Say why an execution has not finished; nothing for one that has, or is under way.

    A reference to nothing is worded as a need of nothing is, and `detail` says which one it is.
    """
    failure = view.failure
    if failure is None:
        return {}
    if failure.type == UNRESOLVED:
        return {"error": NO_ORDER, "detail": failure.message}
    return {"error": failure.message}


def write_failure(failure: Failure) -> tuple[int, Any]:
    """Word a failure: a sentence, or for a request of another shape what is wrong with it, one by one."""
    if failure.code == "EXECUTION_NOT_FOUND":
        return failure.status, {"detail": "Job not found"}
    if failure.status == 422 and failure.problems:
        return failure.status, {"detail": problem_details(failure.problems)}
    return failure.status, {"detail": failure.detail}


def _word_of(view: ExecutionView) -> str:
    return _WORDS.get(view.execution.status) or ("started" if view.has_begun else "queued")


def _progress(view: ExecutionView, outputs: ShownOutputs) -> list[dict[str, Any]]:
    """List what has happened, in order."""
    execution, ops = view.execution, _ops_of(view)
    lines = [_line(execution.created_ms, "enqueued")]
    begun = [state.started_ms for state in view.nodes if state.started_ms is not None]
    if begun:
        lines.append(_line(min(begun), "started", run=_run_name(view)))
    steps: list[dict[str, Any]] = []
    for state in view.nodes:
        if state.node_id in ops:
            steps += _lines_of(state, ops[state.node_id], outputs.of(state.node_id) or {})
    # In the order of time, and within a millisecond in that of the steps.
    lines += sorted(steps, key=lambda line: float(line["ts"]))
    if execution.status is ExecutionStatus.COMPLETED:
        lines.append(_line(execution.ended_ms, "finished"))
    elif execution.status.is_terminal:
        lines.append(_line(execution.ended_ms, "failed", **failure_of(view)))
    return lines


def _lines_of(state: NodeState, op: str, output: Any) -> list[dict[str, Any]]:
    lines = []
    if state.started_ms is not None:
        lines.append(_line(state.started_ms, "step_start", step=state.node_id, op=op))
    if state.status is NodeStatus.COMPLETED:
        lines.append(_line(state.ended_ms, "step_done", step=state.node_id, outputs=output))
    return lines


def _line(time_ms: int | None, message: str, **more: Any) -> dict[str, Any]:
    return {"ts": (time_ms or 0) / 1000, "msg": message, **more}


def _job_of(view: ExecutionView) -> dict[str, Any] | None:
    """Give the job that an execution was made of; None where it was made otherwise."""
    inputs = view.execution.inputs
    if view.execution.labels.get(DOOR_LABEL) != NAME or not isinstance(inputs, dict):
        return None
    steps = inputs.get("steps")
    is_job = isinstance(steps, list) and all(_is_step(step) for step in steps)
    return inputs if is_job else None


def _is_step(step: Any) -> bool:
    return isinstance(step, dict) and isinstance(step.get("id"), str) and isinstance(step.get("op"), str)


def _ops_of(view: ExecutionView) -> dict[str, str]:
    """Give the op of each step; without a job the nodes are the steps, and their handlers the ops."""
    if (job := _job_of(view)) is not None:
        return {step["id"]: step["op"] for step in job["steps"]}
    return {node.id: node.handler for node in view.definition.nodes}


def _run_name(view: ExecutionView) -> str:
    job = _job_of(view) or {}
    return str(job.get("run_name", view.execution.name))
