"""Engine values as the fields clients see. Outputs are spliced in as stored, never parsed."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson

from api.schemas.times import rfc3339
from orchestrator.definitions.budgets import NOTHING_USED, Usage
from orchestrator.definitions.definition import Node
from orchestrator.definitions.registry import WorkflowRecord, WorkflowVersion
from orchestrator.documents.yaml import Locate, located
from orchestrator.execution.explanation import Explanation
from orchestrator.execution.inventory import Check, DeadEntry, HostInfo, QueueInfo, WorkerInfo
from orchestrator.execution.model import Execution, Item, MapCounts, NodeState
from orchestrator.execution.rendered_config import RenderedConfig
from orchestrator.operations.execution_pages import Counts
from orchestrator.operations.results import (
    NodeResult,
    NodeView,
    Page,
    Readiness,
    ResultPage,
    Validation,
    VerbResult,
)
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.units import index_of, node_of


def page_fields(page: Page, show: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Show part of a list, each of its items as `show` does."""
    return {"items": [show(item) for item in page.items], "next_cursor": page.next_cursor}


def verb_fields(done: VerbResult) -> dict[str, Any]:
    """Show an execution after a verb."""
    return {"execution_id": done.execution_id, "status": str(done.status), "already": done.already}


def override_fields(done: NodeResult) -> dict[str, Any]:
    """Show a node after a manual override."""
    return {
        "execution_id": done.execution_id,
        "node_id": done.node_id,
        "status": str(done.status),
        "attempt": done.attempt,
    }


def execution_fields(execution: Execution) -> dict[str, Any]:
    """Show an execution without its nodes."""
    return {
        "execution_id": execution.execution_id,
        "name": execution.name,
        "version": execution.version,
        "status": str(execution.status),
        "cancelling": execution.cancelling,
        "reason": execution.reason,
        "error": execution.error,
        "paused": _pause_fields(execution),
        "created_at": rfc3339(execution.created_ms),
        "started_at": rfc3339(execution.started_ms),
        "ended_at": rfc3339(execution.ended_ms),
        "deadline_at": rfc3339(execution.deadline_ms),
        "generation": execution.generation,
        "progress": _progress_fields(execution),
        "workflow_id": execution.workflow_id,
        "workflow_version": execution.workflow_version,
        "labels": execution.labels,
        "execution_key": execution.execution_key,
        "replay_of": execution.replay_of,
        "forked_from": execution.forked_from,
        "parent": _parent_fields(execution),
        "children": execution.children,
        **usage_fields(execution.usage),
        "budget": execution.budget.to_dict() or None,
    }


def _progress_fields(execution: Execution) -> dict[str, int] | None:
    if execution.total is None:
        return None
    # A lost count stands at less than nothing until it has been made again.
    ended = execution.total - execution.left if execution.left >= 0 else 0
    return {"total": execution.total, "ended": max(ended, 0), "failed": execution.failed}


def counts_fields(counts: Counts) -> dict[str, Any]:
    """Show how many executions there are of every status."""
    return {
        "counts": {str(status): counts.by_status.get(status, 0) for status in ExecutionStatus},
        "counted": sum(counts.by_status.values()),
        "counts_complete": counts.is_complete,
    }


def _pause_fields(execution: Execution) -> dict[str, Any] | None:
    if execution.status is not ExecutionStatus.PAUSED:
        return None
    return {
        "by": execution.paused_by,
        "reason": execution.paused_reason,
        "since": rfc3339(execution.paused_ms),
    }


def usage_fields(usage: Usage) -> dict[str, Any]:
    """Show what calls to paid services used."""
    return {"usage": usage.to_dict(), "cost_usd": usage.cost_usd}


def usage_by_day_fields(days: Sequence[tuple[int, Usage]]) -> dict[str, Any]:
    """Show usage by day, each by its first millisecond, and the sum of all."""
    rows = [
        {"date": datetime.fromtimestamp(day_ms / 1000, UTC).date().isoformat(), **usage_fields(used)}
        for day_ms, used in days
    ]
    return {**usage_fields(sum((used for _, used in days), NOTHING_USED)), "days": rows}


def _parent_fields(execution: Execution) -> dict[str, Any] | None:
    if execution.parent is None or execution.parent_unit is None:
        return None
    unit = execution.parent_unit
    return {"execution_id": execution.parent, "node_id": node_of(unit), "item": index_of(unit)}


def result_fields(page: ResultPage) -> dict[str, Any]:
    """Show outputs by node id, as stored; `{}` where there is none."""
    return {node_id: orjson.Fragment(output or b"{}") for node_id, output in page.outputs.items()}


def output_fields(output: bytes | None, size_bytes: int, href: str) -> Any:
    """Show an output as stored; of one too large to be shown among others its size, and where it is."""
    if output is not None:
        return orjson.Fragment(output)
    return {"truncated": True, "bytes": size_bytes, "href": href} if size_bytes else None


def node_fields(execution_id: str, view: NodeView) -> dict[str, Any]:
    """Show a node of the definition together with where it stands, and its output."""
    state = view.state
    href = f"/v1/executions/{execution_id}/nodes/{state.node_id}/output"
    return {
        **lean_node_fields(view.node, state, view.counts),
        "output": output_fields(view.output, view.output_bytes, href),
        **_own_usage_fields(state),
    }


def lean_node_fields(node: Node, state: NodeState, counts: MapCounts | None) -> dict[str, Any]:
    """Show a node without its output and what it used. Done for each of 10,000 nodes: it copies nothing."""
    return {
        "node_id": state.node_id,
        "handler": node.handler,
        "dependencies": node.dependencies,
        "status": state.status,
        "reason": state.reason,
        "waiting_on": state.waiting_on,
        "attempt": state.attempt,
        "try": state.tries,
        "max_attempts": node.policy.max_attempts,
        "queued_at": rfc3339(state.queued_ms),
        "started_at": rfc3339(state.started_ms),
        "ended_at": rfc3339(state.ended_ms),
        "due_at": rfc3339(state.due_ms),
        "worker": state.worker,
        # What an earlier try failed with is in the history; a node that made it shows none.
        "error": None if state.status is NodeStatus.COMPLETED else state.error,
        "reused": state.reused,
        "child": state.child,
        "items": None if counts is None else _counts_fields(counts),
    }


def config_fields(found: RenderedConfig) -> dict[str, Any]:
    """Show a rendered config, and what in it could not be resolved."""
    problems = [{"path": each.path, "message": each.message} for each in found.problems]
    return {"config": found.config, "config_problems": problems}


def _own_usage_fields(state: NodeState) -> dict[str, Any]:
    return usage_fields(state.usage) if state.usage.calls else {"usage": None, "cost_usd": None}


def _counts_fields(counts: MapCounts) -> dict[str, int]:
    return {
        "total": counts.total,
        "completed": counts.completed,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "active": counts.live,
        "cancelled": counts.left if counts.is_halted else 0,
        "waiting": 0 if counts.is_halted else counts.left,
        "tolerated": counts.tolerated,
    }


def item_fields(execution_id: str, node_id: str, item: Item) -> dict[str, Any]:
    """Show one item of a mapped node."""
    state = item.state
    href = f"/v1/executions/{execution_id}/nodes/{node_id}%5B{item.index}%5D/output"
    return {
        "index": item.index,
        "status": str(state.status),
        "reason": state.reason,
        "waiting_on": state.waiting_on,
        "attempt": state.attempt,
        "try": state.tries,
        "queued_at": rfc3339(state.queued_ms),
        "started_at": rfc3339(state.started_ms),
        "ended_at": rfc3339(state.ended_ms),
        "due_at": rfc3339(state.due_ms),
        "worker": state.worker,
        "error": None if state.status is NodeStatus.COMPLETED else state.error,
        "child": state.child,
        "value": orjson.Fragment(item.value),
        "output": output_fields(item.output, item.output_bytes, href),
        **_own_usage_fields(state),
    }


def explanation_fields(explanation: Explanation) -> dict[str, Any]:
    """Show what one node waits for."""
    return {
        "node_id": explanation.node_id,
        "status": str(explanation.status),
        "waiting_for": explanation.waiting_for,
        "until": rfc3339(explanation.until_ms),
        "wakes": explanation.wakes,
        "details": dict(explanation.details),
    }


def worker_fields(worker: WorkerInfo) -> dict[str, Any]:
    """Show a worker as it last announced itself."""
    return {
        "worker_id": worker.worker_id,
        "name": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "handlers": sorted(worker.named_handlers),
        "queues": worker.queues,
        "slots": worker.slots,
        "running": worker.running,
        "blocked": worker.blocked,
        "blocked_by": worker.blocked_by,
        "hosts": [_host_fields(host) for host in worker.hosts],
        "refusal": worker.refusal or None,
        "workflows": [{"name": name, "refusal": why or None} for name, why in worker.workflows.items()],
        "started_at": rfc3339(worker.started_ms),
        "last_seen_at": rfc3339(worker.beat_ms),
    }


def _host_fields(host: HostInfo) -> dict[str, Any]:
    return {
        "kind": host.kind,
        "pid": host.pid,
        "state": host.state,
        "runs": host.runs,
        "rss_mb": host.rss_mb,
        "running": [{"unit": unit, "since": rfc3339(since_ms)} for unit, since_ms in host.running],
    }


def queue_fields(queue: QueueInfo) -> dict[str, Any]:
    """Show a queue: what is on its stream and what is claimed of it."""
    return {
        "queue": queue.queue,
        "length": queue.length,
        "pending": queue.pending,
        "oldest_at": rfc3339(queue.oldest_ms),
        "consumers": queue.consumers,
    }


def readiness_fields(readiness: Readiness, *, is_verbose: bool) -> dict[str, Any]:
    """Show whether the process can take work; the checks when asked for, or when one of them says no."""
    answer: dict[str, Any] = {"status": "ok" if readiness.ok else "unavailable"}
    if is_verbose or not readiness.ok:
        answer["checks"] = {check.name: check_fields(check) for check in readiness.checks}
        persistence = (check.detail for check in readiness.checks if check.name == "persistence")
        answer["durability"] = next(persistence, None)
    return answer


def check_fields(check: Check) -> dict[str, Any]:
    """Show one finding about the store."""
    return {"ok": check.level != "error", "level": check.level, "detail": check.detail}


def dead_fields(entry: DeadEntry) -> dict[str, Any]:
    """Show a node that was given up."""
    return {
        "entry_id": entry.entry_id,
        "execution_id": entry.execution_id,
        "name": entry.name,
        "node_id": entry.node_id,
        "reason": entry.reason,
        "error": entry.error,
        "attempt": entry.attempt,
        "at": rfc3339(entry.ts_ms),
    }


def validation_fields(validation: Validation, locate: Locate | None) -> dict[str, Any]:
    """Show what was found in a definition; with lines and columns where it was YAML."""
    errors, warnings = list(validation.problems), list(validation.warnings)
    if locate is not None:
        errors, warnings = located(errors, locate), located(warnings, locate)
    return {
        "valid": not errors,
        "errors": [problem.to_dict() for problem in errors],
        "warnings": [problem.to_dict() for problem in warnings],
        "summary": None if validation.summary is None else asdict(validation.summary),
    }


def workflow_fields(record: WorkflowRecord) -> dict[str, Any]:
    """Show a workflow without its documents."""
    return {
        "workflow_id": record.workflow_id,
        "tenant": record.tenant,
        "name": record.name,
        "title": record.title,
        "description": record.description,
        "labels": record.labels,
        "is_active": record.is_active,
        "version": record.version,
        "has_interface": record.has_interface,
        "hash": record.hash,
        "media_type": record.media_type,
        "created_at": rfc3339(record.created_ms),
        "updated_at": rfc3339(record.updated_ms),
    }


def version_fields(found: WorkflowVersion) -> dict[str, Any]:
    """Show a version of a workflow without its documents."""
    return {
        "version": found.version,
        "hash": found.hash,
        "title": found.title,
        "media_type": found.media_type,
        "created_at": rfc3339(found.created_ms),
    }
