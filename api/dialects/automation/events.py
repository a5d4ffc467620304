"""The history of an execution in the words of this door: as a log, and as updates of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.dialects.automation.rendering import step_type
from orchestrator.definitions.definition import Definition
from orchestrator.documents import exact_json
from orchestrator.documents.times import rfc3339
from orchestrator.execution.model import Event

#: What a step, and an execution, is after an event.
_STEPS = {
    "node.queued": "queued",
    "node.started": "running",
    "node.retrying": "queued",
    "node.waiting": "running",
    "node.completed": "completed",
    "node.failed": "failed",
    "node.skipped": "skipped",
    "node.cancelled": "skipped",
}
_EXECUTIONS = {
    "execution.started": "running",
    "execution.retried": "running",
    "execution.completed": "completed",
    "execution.failed": "failed",
    "execution.cancelled": "cancelled",
}
#: Sentences of the log; those of handlers are their own.
_MESSAGES = {
    "execution.created": "Execution created",
    "execution.started": "Execution started",
    "execution.paused": "Execution paused",
    "execution.resumed": "Execution resumed",
    "execution.retried": "Execution goes on",
    "execution.completed": "Execution completed",
    "execution.failed": "Execution failed",
    "execution.cancelled": "Execution cancelled",
    "node.queued": "Step queued",
    "node.started": "Step started",
    "node.retrying": "Step failed; another attempt follows",
    "node.waiting": "Step waits",
    "node.completed": "Step completed",
    "node.failed": "Step failed",
    "node.skipped": "Step skipped",
    "node.cancelled": "Step cancelled",
}
_LEVELS = {
    "node.retrying": "warn",
    "node.failed": "error",
    "execution.failed": "error",
    "node.queued": "debug",
}
_OWN_LEVELS = {"debug": "debug", "info": "info", "warning": "warn", "error": "error"}


def log_fields(event: Event) -> dict[str, Any] | None:
    """Show an event as an entry of the log; None for what is none, such as pieces of streamed text."""
    data = exact_json.loads(event.data or b"{}")
    if event.type == "node.log":
        level, message = _OWN_LEVELS.get(str(data.get("level")), "info"), str(data.get("message", ""))
        data = data.get("data") or {}
    elif event.type in _MESSAGES:
        level, message = _LEVELS.get(event.type, "info"), _MESSAGES[event.type]
        # Clients of this door read the message of a step that failed from the entry itself.
        data = _told(event.attempt, (data.get("error") or {}) if event.type == "node.failed" else data)
    else:
        return None
    return {
        "id": f"{event.execution_id}:{event.seq}",
        "step_id": event.node_id,
        "level": level,
        "message": message,
        "data": data if isinstance(data, dict) else {"value": data},
        "created_at": rfc3339(event.ts_ms),
    }


def connected_frame(execution_id: str, status: str) -> bytes:
    """Give the first frame of a stream."""
    return _frame({"type": "connected", "execution_id": execution_id, "status": status})


class Updates:
    """Words the events of one stream: a frame for each change of a step, or of the execution."""

    def __init__(self, definition: Definition) -> None:
        self._types = {node.id: step_type(node.handler) for node in definition.nodes}

    def render(self, event: dict[str, Any]) -> bytes:
        """Give the frame of an event; nothing for one that changes no status."""
        kind, seq = event["type"], event.get("seq")
        if kind in _EXECUTIONS:
            fields: dict[str, Any] = {"type": "execution_update", "status": _EXECUTIONS[kind]}
        elif kind in _STEPS and "item" not in event:
            step_id = event.get("node_id")
            fields = {
                "type": "step_update",
                "step_id": step_id,
                "step_type": self._types.get(str(step_id)),
                "status": _STEPS[kind],
                "attempt": event.get("attempt"),
            }
        else:
            return b""
        fields |= {"execution_id": event["execution_id"], "timestamp": event["ts"]}
        if (error := _error_in(event["data"])) is not None:
            fields["error"] = error
        return _frame(fields, seq)


def _told(attempt: int | None, data: Mapping[str, Any]) -> dict[str, Any]:
    return dict(data) if attempt is None else {"attempt": attempt, **data}


def _error_in(data: Mapping[str, Any]) -> str | None:
    """Find the message of the error that an event carries."""
    found = data.get("error")
    return str(found["message"]) if isinstance(found, dict) and "message" in found else None


def _frame(fields: Mapping[str, Any], seq: int | None = None) -> bytes:
    head = b"" if seq is None else b"id: %d\n" % seq
    return head + b"data: " + exact_json.dumps(fields) + b"\n\n"
