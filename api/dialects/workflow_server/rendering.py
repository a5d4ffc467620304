"""Executions, their ends and their events in the words of workflow servers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from api.dialects.workflow_server.event_types import (
    MODULE,
    EventTypes,
    given_by,
    qualified_name_of,
    taken_by,
)
from api.dialects.workflow_server.lowering import CONTINUED
from api.schemas.events import TERMINAL_TYPES
from orchestrator.definitions.definition import Definition
from orchestrator.definitions.interface import STOP
from orchestrator.documents import exact_json
from orchestrator.errors import ErrorType
from orchestrator.execution.model import Execution
from orchestrator.operations.origin import has_id_shape
from orchestrator.operations.results import ExecutionFailure
from orchestrator.states import ExecutionStatus

#: The words for an execution that has ended; for every other it is `running`.
ENDED = {
    ExecutionStatus.COMPLETED: "completed",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.CANCELLED: "cancelled",
}
RUNNING = "running"
WORDS = (RUNNING, *ENDED.values())
#: What a look at a handler is answered with.
HTTP_STATUSES = {RUNNING: 202, "completed": 200, "failed": 500, "cancelled": 500}
#: Sent where an idle stream would be cut on its way.
HEARTBEAT = b": heartbeat\n\n"
#: Events of our own after which a step runs, or does not.
_STEPS = {
    "node.started": RUNNING,
    "node.completed": "not_running",
    "node.failed": "not_running",
    "node.retrying": "not_running",
    "node.cancelled": "not_running",
}
#: Separators of lines and paragraphs, and the next line of old terminals, as in Python's `splitlines`.
_LINE_ENDS = [(each.encode(), f"\\u{ord(each):04x}".encode()) for each in "\u2028\u2029\x85"]
#: What a step takes or gives that is no event of its workflow.
_ANY_EVENT = "Event"

Envelope = dict[str, Any]


def word_of(status: ExecutionStatus) -> str:
    """Give the word for a status."""
    return ENDED.get(status, RUNNING)


def handler_id_of(execution: Execution) -> str:
    """Give the id of the handler that an execution was started as."""
    key = execution.execution_key
    if key is None:
        return execution.execution_id
    rest = key.removeprefix(CONTINUED)
    return rest if has_id_shape(rest) else key


def handler_fields(
    execution: Execution,
    *,
    handler_id: str,
    workflow_name: str,
    result: Any = None,
    error: str | None = None,
) -> dict[str, Any]:
    """Show a handler. result: the envelope of its last event, or the plain value of that."""
    started_ms = execution.started_ms or execution.created_ms
    ended_ms = execution.ended_ms if execution.status in ENDED else None
    updated_ms = max(started_ms, execution.updated_ms) if ended_ms is None else ended_ms
    return {
        "handler_id": handler_id,
        "workflow_name": workflow_name,
        "run_id": execution.execution_id,
        "error": error,
        "result": result,
        "result_unreadable": False,
        "status": word_of(execution.status),
        "started_at": _moment(started_ms),
        "updated_at": _moment(updated_ms),
        "completed_at": None if ended_ms is None else _moment(ended_ms),
    }


def envelope(
    type: str, value: Any, *, types: list[str] | None = None, qualified_name: str | None = None
) -> Envelope:
    """Wrap the value of an event. types: its parents, but for itself and the parent of all."""
    return {"value": value, "qualified_name": qualified_name, "type": type, "types": types or None}


def stop_envelope(types: EventTypes, output: bytes | None) -> Envelope:
    """Wrap the output of an execution as the event that ends its run. output: JSON; None without one."""
    stop = types.stop
    return envelope(
        stop.name,
        _value_of(types, output),
        types=list(stop.types),
        qualified_name=qualified_name_of(stop),
    )


def plain_result(types: EventTypes, output: bytes | None) -> Any:
    """Give what a run came to without its envelope."""
    return _spliced(output) if types.stop.name == STOP else _value_of(types, output)


def failed_envelope(execution: Execution, failure: ExecutionFailure) -> Envelope:
    """Wrap why a run failed as its last event."""
    ended_ms = execution.ended_ms or execution.updated_ms
    elapsed_s = (ended_ms - (execution.started_ms or ended_ms)) / 1000
    if failure.type == ErrorType.TIMEOUT_EXECUTION:
        return _last("WorkflowTimedOutEvent", {"timeout": elapsed_s, "active_steps": []})
    exception = {"exception_type": failure.type, "exception_message": failure.message}
    value = {
        "step_name": failure.node_id or execution.name,
        "exception": exception,
        "attempts": failure.tries,
        "elapsed_seconds": elapsed_s,
    }
    return _last("WorkflowFailedEvent", value)


def given_envelope(failure: ExecutionFailure) -> Envelope | None:
    """Wrap the last event that the code of a failed run has given itself; None where it has given none."""
    event = failure.details.get("event")
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return None
    value, types = event.get("value"), event.get("types")
    if not isinstance(value, dict) or not isinstance(types, list | None):
        return None
    return envelope(event["type"], value, types=types, qualified_name=event.get("qualified_name"))


def cancelled_envelope() -> Envelope:
    """Wrap a cancel as the last event of a run."""
    return _last("WorkflowCancelledEvent", {})


def step_envelope(event: Mapping[str, Any], definition: Definition, types: EventTypes) -> Envelope | None:
    """Wrap an event of a node as the change of a step; None for one that changes none."""
    state, node = _STEPS.get(event["type"]), definition.by_id.get(event.get("node_id", ""))
    if state is None or node is None:
        return None
    given = given_by(node, definition, types.stop.name) or _ANY_EVENT
    value = {
        "name": node.id,
        "step_state": state,
        # No worker of the deployment is named to its tenants.
        "worker_id": str(event.get("item") or 0),
        "input_event_name": taken_by(node, types.start.name) or _ANY_EVENT,
        "output_event_name": None if state == RUNNING else given,
    }
    return envelope(
        "StepStateChanged",
        value,
        types=["InternalDispatchEvent"],
        qualified_name=f"{MODULE}StepStateChanged",
    )


class EventWords:
    """Words the history of one execution for one client: the frames of SSE, or the lines of NDJSON.

    ends                 envelopes of terminal events by their numbers, found before they are rendered.
    shows_internal       also what is internal, and what becomes of steps.
    has_qualified_names  names classes with their modules.
    """

    def __init__(
        self,
        definition: Definition,
        ends: Mapping[int, Envelope],
        *,
        is_sse: bool,
        shows_internal: bool = False,
        has_qualified_names: bool = True,
    ) -> None:
        self._definition = definition
        self._types = EventTypes.of(definition)
        self._ends = ends
        self._is_sse = is_sse
        self._shows_internal = shows_internal
        self._has_qualified_names = has_qualified_names

    def render(self, event: dict[str, Any]) -> bytes:
        """Give an event as its client sees it; nothing for one that it does not."""
        found = self._envelope(event)
        if found is None:
            return b""
        if not self._has_qualified_names:
            found = found | {"qualified_name": None}
        body = _on_one_line(exact_json.dumps(found))
        return b"id: %d\ndata: %s\n\n" % (event["seq"], body) if self._is_sse else body + b"\n"

    def _envelope(self, event: Mapping[str, Any]) -> Envelope | None:
        if event["type"] == "node.event":
            return self._typed(event["data"])
        if event["type"] in TERMINAL_TYPES:
            return self._ends.get(event["seq"])
        if self._types.are_letters or not self._shows_internal:
            return None
        return step_envelope(event, self._definition, self._types)

    def _typed(self, data: Mapping[str, Any]) -> Envelope | None:
        if data.get("internal") and not self._shows_internal:
            return None
        value, known = data.get("value"), self._types.known.get(data["type"])
        name = data.get("qualified_name") or (qualified_name_of(known) if known else None)
        # The value of an event is an object wherever this contract speaks of one.
        value = value if isinstance(value, dict) else {"value": value}
        found = envelope(data["type"], value, types=data.get("types"), qualified_name=name)
        return found | {"repeated": True} if data.get("repeated") else found


def _on_one_line(body: bytes) -> bytes:
    """Spell out what clients take for the end of a line, though JSON and SSE do not."""
    for character, spelled in _LINE_ENDS:
        body = body.replace(character, spelled)
    return body


def _value_of(types: EventTypes, output: bytes | None) -> Any:
    """Give the value of the last event: the output, or an object with it as `result` unless it is null."""
    if output is None or output.strip() == b"null":
        return {}
    is_value = not types.stops_plainly and output.lstrip()[:1] == b"{"
    return _spliced(output) if is_value else {"result": _spliced(output)}


def _spliced(output: bytes | None) -> Any:
    return None if output is None else orjson.Fragment(output)


def _last(name: str, value: Any) -> Envelope:
    return envelope(name, value, types=[STOP], qualified_name=MODULE + name)


def _moment(time_ms: int) -> str:
    """Write Redis milliseconds as `2026-11-20T08:15:30.123000+00:00`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="microseconds")
