"""Words of this door for our workflows, executions, statistics and tenants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from api.dialects.automation.lowering import STEP_TYPES, branch_of
from api.shown_outputs import ShownOutputs
from orchestrator.definitions.definition import Node
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.documents import exact_json
from orchestrator.documents.times import rfc3339
from orchestrator.execution.access import Tenant
from orchestrator.execution.model import Execution, NodeState
from orchestrator.execution.rendered_config import RenderedConfig
from orchestrator.execution.statistics import NodeCounts, Statistics
from orchestrator.operations.results import ExecutionFailure
from orchestrator.states import ExecutionStatus, NodeStatus

STATUSES = {
    ExecutionStatus.PENDING: "pending",
    ExecutionStatus.RUNNING: "running",
    ExecutionStatus.PAUSED: "running",
    ExecutionStatus.COMPLETED: "completed",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.CANCELLED: "cancelled",
}
STEP_STATUSES = {
    NodeStatus.PENDING: "pending",
    NodeStatus.QUEUED: "queued",
    NodeStatus.RUNNING: "running",
    # It waits without a worker: for the end of its delay, its next attempt, a sub-workflow.
    NodeStatus.WAITING: "running",
    NodeStatus.COMPLETED: "completed",
    NodeStatus.FAILED: "failed",
    NodeStatus.SKIPPED: "skipped",
    NodeStatus.CANCELLED: "skipped",
}
#: Handlers whose steps have another type here.
_TYPES = {"call_external_service": "http"}
WEBHOOK = "webhook:"


def tenant_fields(tenant: Tenant) -> dict[str, Any]:
    """Show a tenant; never its key."""
    return {
        "id": tenant.name,
        "name": tenant.title or tenant.name,
        "is_active": tenant.is_active,
        "created_at": None if tenant.created_ms is None else rfc3339(tenant.created_ms),
    }


def workflow_fields(record: WorkflowRecord, document: Mapping[str, Any]) -> dict[str, Any]:
    """Show a workflow. document: its own, or that of one made elsewhere."""
    hooks = [name.removeprefix(WEBHOOK) for name in record.hooks if name.startswith(WEBHOOK)]
    return {
        "id": record.workflow_id,
        "name": record.title,
        "description": document.get("description"),
        "trigger_type": document["trigger_type"],
        "trigger_config": document.get("trigger_config") or {},
        "steps": document["steps"],
        "is_active": record.is_active,
        "webhook_path": hooks[0] if hooks else None,
        "created_at": rfc3339(record.created_ms),
        "updated_at": rfc3339(record.updated_ms),
    }


def own_document(source: bytes) -> dict[str, Any] | None:
    """Read the document of a workflow that was sent to this door; None for another one."""
    try:
        found = exact_json.loads(source)
    except ValueError:
        return None
    is_own = isinstance(found, dict) and "trigger_type" in found and isinstance(found.get("steps"), list)
    return found if is_own else None


def is_signed(definition: bytes) -> bool:
    """Say whether deliveries to the webhook of a definition are signed."""
    webhooks = (exact_json.loads(definition).get("triggers") or {}).get("webhooks") or []
    return any(hook.get("scheme") != "none" for hook in webhooks)


def foreign_document(text: bytes) -> dict[str, Any]:
    """Make a document, as this door shows it, of the definition of a workflow that was made elsewhere."""
    definition = exact_json.loads(text)
    triggers = definition.get("triggers") or {}
    schedules = triggers.get("schedules") or []
    nodes = definition.get("nodes") or (definition.get("dag") or {}).get("nodes") or []
    return {
        "description": definition.get("description"),
        "trigger_type": "cron" if schedules else "webhook" if triggers.get("webhooks") else "manual",
        "trigger_config": {"cron_expression": schedules[0].get("cron")} if schedules else {},
        "steps": [
            {
                "id": node.get("id"),
                "type": step_type(str(node.get("handler"))),
                "config": node.get("config") or {},
                "depends_on": node.get("dependencies") or [],
            }
            for node in nodes
        ],
    }


def step_type(handler: str) -> str:
    """Give the type of a step; of a handler that none of the types stands for its name."""
    return handler if handler in STEP_TYPES else _TYPES.get(handler, handler)


def execution_fields(
    execution: Execution, trigger: bytes | None, failure: ExecutionFailure | None = None
) -> dict[str, Any]:
    """Show an execution without its steps. trigger: its document; failure: where its steps were read."""
    started_ms, ended_ms = execution.started_ms, execution.ended_ms
    is_over = execution.status.is_terminal
    return {
        "id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "status": STATUSES[execution.status],
        "trigger_data": trigger_data(None if trigger is None else exact_json.loads(trigger)),
        "error": _error_of(execution, failure),
        "started_at": None if started_ms is None else rfc3339(started_ms),
        "completed_at": rfc3339(ended_ms) if is_over and ended_ms is not None else None,
        "duration_ms": _between(started_ms, ended_ms) if is_over else None,
        "created_at": rfc3339(execution.created_ms),
        "replayed_from": execution.replay_of,
    }


def trigger_data(trigger: Mapping[str, Any] | None) -> dict[str, Any]:
    """Show what started an execution, by the names that its templates can use."""
    found = dict(trigger or {})
    payload = found.get("payload", found.get("data", {}))
    match found.get("source", "manual"):
        case "webhook":
            return {"payload": payload, "headers": found.get("headers", {})}
        case "schedule":
            return {"triggered_by": "cron", "scheduled_time": found.get("scheduled_time")}
        case "parent":
            return {"source": "sub_workflow", "data": payload, "payload": payload}
        case "replay" if "headers" in found:
            return {"source": "replay", "data": payload, "payload": payload, "headers": found["headers"]}
        case source:
            return {"source": source, "data": payload, "payload": payload}


def detail_fields(outputs: ShownOutputs, configs: Mapping[str, RenderedConfig]) -> dict[str, Any]:
    """Show an execution with every step. configs: of the steps that have begun."""
    view = outputs.view
    nodes = view.definition.by_id
    return {
        "execution": execution_fields(view.execution, view.trigger, view.failure),
        "steps": [
            _step_fields(outputs, nodes[state.node_id], state, configs.get(state.node_id))
            for state in view.nodes
        ],
    }


def _step_fields(
    outputs: ShownOutputs, node: Node, state: NodeState, config: RenderedConfig | None
) -> dict[str, Any]:
    execution = outputs.view.execution
    status = STEP_STATUSES[state.status]
    if execution.status is ExecutionStatus.CANCELLED and not state.status.is_terminal:
        status = "skipped"
    is_over = state.status in (NodeStatus.COMPLETED, NodeStatus.FAILED)
    return {
        "id": f"{execution.execution_id}:{node.id}",
        "step_id": node.id,
        "step_type": step_type(node.handler),
        "status": status,
        "input_data": {} if config is None else _input(node.handler, config.config),
        # Read after the status: of a step that ends meanwhile it may be there already.
        "output_data": _output(node, outputs) if is_over else None,
        "error": None if state.status is NodeStatus.COMPLETED or state.error is None else _message(state),
        "attempt": state.tries,
        "max_attempts": node.policy.max_attempts,
        "started_at": None if state.started_ms is None else rfc3339(state.started_ms),
        "completed_at": rfc3339(state.ended_ms) if is_over and state.ended_ms is not None else None,
        "duration_ms": _between(state.started_ms, state.ended_ms) if is_over else None,
        "created_at": rfc3339(execution.created_ms),
    }


def _input(handler: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Show a config as its step has it here."""
    found = dict(config)
    if handler == "http" and "timeout" in found:
        found["timeout_seconds"] = found.pop("timeout")
    elif handler == "transform":
        found.pop("as", None)
    elif handler == "sub_workflow" and found.pop("inputs_as_payload", False):
        found.pop("as", None)
        found = {"workflow_id": found.get("workflow"), "input_mapping": found.get("inputs", {})}
    return found


def _output(node: Node, outputs: ShownOutputs) -> Any:
    """Show an output as it is; that of a condition also says which steps its branch has."""
    text = outputs.text(node.id) if node.handler == "condition" else None
    found = None if text is None else exact_json.loads(text)
    if not isinstance(found, dict):
        return outputs.of(node.id)
    if found.get("branch") in ("true", "false"):
        found["branch_steps"] = branch_of(node.config, f"{found['branch']}_branch")
    return found


def metric_fields(
    statistics: Statistics, records: Mapping[str, WorkflowRecord], under_way: int
) -> dict[str, Any]:
    """Show statistics. under_way: executions that have not ended."""
    ends = statistics.executions
    by_status = {STATUSES[status]: count for status, count in sorted(ends.counts.items()) if count}
    if under_way:
        by_status["running"] = under_way
    deliveries = statistics.deliveries
    return {
        "total": ends.total + under_way,
        "by_status": by_status,
        "avg_duration_ms": round(ends.average_ms or 0),
        "by_workflow": [
            {
                "workflow_id": workflow_id,
                "workflow_name": records[workflow_id].title if workflow_id in records else None,
                "count": each.total,
                "avg_duration_ms": round(each.average_ms or 0),
            }
            for workflow_id, each in statistics.workflows.items()
            if workflow_id is not None
        ],
        "step_failure_rates": _step_rates(statistics.handlers),
        "webhook_delivery_stats": {
            "total": deliveries.get("received", 0),
            **{name: deliveries.get(name, 0) for name in ("accepted", "rejected", "error")},
        },
    }


def _step_rates(handlers: Mapping[str, NodeCounts]) -> list[dict[str, Any]]:
    total: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for handler, counts in handlers.items():
        total[step_type(handler)] += counts.total
        failed[step_type(handler)] += counts.failed
    return [
        {"step_type": kind, "total": count, "failed": failed[kind], "rate": round(failed[kind] / count, 3)}
        for kind, count in total.items()
        if count
    ]


def _error_of(execution: Execution, failure: ExecutionFailure | None) -> str | None:
    """Say why an execution failed; in a list, where its steps are not read, only of its time limit."""
    if execution.status is not ExecutionStatus.FAILED:
        return None
    if failure is None:
        return None if execution.error is None else str(execution.error.get("message", ""))
    return (
        failure.message if failure.node_id is None else f"Step '{failure.node_id}' failed: {failure.message}"
    )


def _message(state: NodeState) -> str:
    return str((state.error or {}).get("message", ""))


def _between(started_ms: int | None, ended_ms: int | None) -> int | None:
    return None if started_ms is None or ended_ms is None else max(0, ended_ms - started_ms)
