"""Words the history of an execution as the events of a run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from api.dialects.yaml_runs.rendering import type_of
from orchestrator.definitions.branches import taker_of
from orchestrator.definitions.definition import Definition

#: Sent before the first event.
HEAD = b"retry: 3000\n\n"
_STEP_ENDS = {"node.completed": "completed", "node.skipped": "skipped"}
_RUN_ENDS = {
    "execution.completed": ("run_completed", "completed"),
    "execution.failed": ("run_failed", "failed"),
    "execution.cancelled": ("run_failed", "failed"),
}


class RunEvents:
    """Renders one history for one client: it keeps count of the steps that are behind the run.

    failures  what made the run fail, by the number of the event that says so; of an end that is not among
              them, the first failure of a step that nothing handled is named.
    """

    def __init__(self, run_id: str, definition: Definition, failures: Mapping[int, str]) -> None:
        self._run_id = run_id
        self._definition = definition
        self._failures = failures
        self._types = {node.id: type_of(node) for node in definition.nodes}
        #: Steps of which it is not known before their end whether they run at all.
        self._open = {node.id for node in definition.nodes if node.when is not None}
        self._done: set[str] = set()
        self._error: str | None = None

    def render(self, event: dict[str, Any]) -> bytes:
        """Give the events of a run that an event of the history stands for."""
        kind, step_id = event["type"], event.get("node_id")
        if kind == "execution.started" or kind == "execution.retried":
            self._error = None
            return self._frame(event, "run_started", "running")
        if kind in _RUN_ENDS:
            return self._end(event, *_RUN_ENDS[kind])
        if step_id not in self._types or event.get("item") is not None:
            return b""
        if kind == "node.started":
            self._done.discard(step_id)
            return b"" if step_id in self._open else self._started(event, step_id)
        if kind == "node.failed":
            error = event["data"].get("error") or {}
            if self._error is None and not self._is_handled(step_id, error):
                self._error = str(error.get("message", "failed"))
            return self._started(event, step_id) if step_id in self._open else b""
        return self._completed(event, step_id, _STEP_ENDS[kind]) if kind in _STEP_ENDS else b""

    def _is_handled(self, step_id: str, error: Mapping[str, Any]) -> bool:
        """Whether the run goes on when this step fails with this error."""
        node = self._definition.by_id[step_id]
        return (
            not node.critical
            or node.continues_on_failure
            or taker_of(node.catch, str(error.get("type"))) != ""
        )

    def _completed(self, event: dict[str, Any], step_id: str, status: str) -> bytes:
        is_late = status == "completed" and step_id in self._open
        started = self._started(event, step_id) if is_late else b""
        self._done.add(step_id)
        return started + self._frame(
            event,
            "step_completed",
            status,
            step_id=step_id,
            node_type=self._types[step_id],
            progress=100 * len(self._done) // len(self._types),
        )

    def _started(self, event: dict[str, Any], step_id: str) -> bytes:
        kind = self._types[step_id]
        return self._frame(event, "step_started", "running", step_id=step_id, node_type=kind)

    def _end(self, event: dict[str, Any], kind: str, status: str) -> bytes:
        if status == "completed":
            return self._frame(event, kind, status)
        error = self._failures.get(event["seq"])
        if error is None and event["type"] == "execution.cancelled":
            error = "cancelled"
        error = error or self._error or str(event["data"].get("reason") or status)
        return self._frame(event, kind, status, error_message=error)

    def _frame(self, event: dict[str, Any], kind: str, status: str, **more: Any) -> bytes:
        fields = {
            "type": kind,
            "run_id": self._run_id,
            "timestamp": event["ts"],
            "status": status,
            "total_steps": len(self._types),
            **more,
        }
        if kind != "run_started":
            fields["steps_completed"] = len(self._done)
        return b"data: " + orjson.dumps(fields) + b"\n\n"
