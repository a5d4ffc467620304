"""How a run stands, in one answer: what it came to, why it failed, and who or what it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from api.mcp.bounds import plain, preview, preview_of_text, shortened, without_nulls
from api.mcp.tool import Call
from api.schemas.execution_views import lean_view_fields
from api.schemas.signals import approval_fields
from api.schemas.views import explanation_fields
from orchestrator.errors import ApprovalNotFound, OutputNotFound
from orchestrator.execution.explanation import Explanation
from orchestrator.operations.results import ExecutionView
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn

#: What a run waits for until a request comes.
ANSWERED = frozenset({WaitingOn.APPROVAL, WaitingOn.SIGNAL, WaitingOn.OPERATOR, WaitingOn.INBOX})
#: Rows of one answer.
MOST_NODES, MOST_WAITS, MOST_CAUSES, MOST_NEEDS = 50, 20, 10, 10
#: Mapped nodes whose items are looked through for open questions.
MOST_MAPS = 5
#: Of what a node's error or prompt says among others.
ERROR_CHARS, PROMPT_CHARS = 1_000, 4_000

_RUN = (
    "execution_id", "name", "status", "cancelling", "reason", "error", "paused", "created_at", "started_at",
    "ended_at", "deadline_at", "generation", "progress", "workflow_id", "workflow_version", "labels",
    "execution_key", "replay_of", "forked_from", "parent", "output_error", "counts", "reasons", "waiting",
)  # fmt: skip
_NODE = (
    "node_id", "handler", "status", "reason", "waiting_on", "attempt", "started_at", "ended_at", "due_at",
    "child", "items", "because_of",
)  # fmt: skip
#: What moves on a run that does nothing by itself.
_HELD = {ExecutionStatus.PAUSED: "resume", ExecutionStatus.PENDING: "trigger"}
_QUIET = frozenset({NodeStatus.PENDING, NodeStatus.COMPLETED, NodeStatus.SKIPPED})


async def run_fields(
    call: Call, view: ExecutionView, *, nodes: str = "notable", nodes_from: int = 0
) -> dict[str, Any]:
    """Show how a run stands.

    nodes       `notable`: those that are active, failed or were cancelled; `all`, or `none`.
    nodes_from  how many of them to leave out at the start.
    """
    fields = lean_view_fields(view)
    answer = {name: fields[name] for name in _RUN}
    answer["root_causes"] = [
        cause | {"error": error_fields(cause["error"])} for cause in fields["root_causes"][:MOST_CAUSES]
    ]
    inputs, is_cut = preview(view.execution.inputs or {}, 2_048)
    answer |= {"inputs": inputs, "inputs_cut": is_cut or None}
    answer = without_nulls(answer)
    if view.execution.status.is_terminal:
        answer["output"] = await _output(call, view)
    else:
        answer |= await _waits(call, view)
    if nodes != "none":
        wanted = fields["nodes"] if nodes == "all" else [row for row in fields["nodes"] if _is_notable(row)]
        part = wanted[nodes_from : nodes_from + MOST_NODES]
        end = nodes_from + len(part)
        answer["nodes"] = [_node_row(row) for row in part]
        if end < len(wanted):
            answer["nodes_left_out"] = f"{len(wanted) - end:,} more; ask again with nodes_from={end}"
    found: dict[str, Any] = plain(answer)
    return found


def needs_answer(view: ExecutionView) -> bool:
    """Whether a node itself waits for a request; of items and children this is not known here."""
    return any(state.waiting_on in ANSWERED for state in view.nodes)


def error_fields(error: Any) -> Any:
    """Show an error among others: what it carries is cut, and so is a long message."""
    if not isinstance(error, dict):
        return error
    shown = {**error, "message": shortened(str(error.get("message", "")), ERROR_CHARS)}
    if "details" in shown:
        shown["details"], _ = preview(plain(shown["details"]), 1_024)
    return shown


async def questions(call: Call, view: ExecutionView) -> list[dict[str, Any]]:
    """List what a run waits for that a request would answer, and the tool that does; at most MOST_NEEDS."""
    execution_id = view.execution.execution_id
    found: list[dict[str, Any]] = []
    if view.execution.status in _HELD:
        found.append(_by_hand(_HELD[view.execution.status], f"/v1/executions/{execution_id}"))
    async for unit, kind in _asking(call, view):
        if len(found) >= MOST_NEEDS:
            break
        if kind is WaitingOn.APPROVAL:
            found += await _approval(call, execution_id, unit)
        elif kind is WaitingOn.SIGNAL:
            explained = await call.engine.executions.explain_unit(execution_id, unit, names_workers=False)
            found.append(
                {
                    "kind": "signal",
                    "node_id": unit,
                    "signal": explained.details.get("signal"),
                    "waiting_for": explained.waiting_for,
                    "tool": "send_signal",
                }
            )
        elif kind is WaitingOn.INBOX:
            found.append(await _letter(call, execution_id, unit))
        else:
            found.append(_by_hand("retry", f"/v1/executions/{execution_id}/nodes/{unit}") | {"node_id": unit})
    return found


async def _letter(call: Call, execution_id: str, unit: str) -> dict[str, Any]:
    """Show what a durable handler that has parked waits for; no tool posts letters."""
    explained = await call.engine.executions.explain_unit(execution_id, unit, names_workers=False)
    return {
        "kind": "letter",
        "node_id": unit,
        "waiting_for": explained.waiting_for,
        "tool": None,
        "by_hand": f"POST /v1/executions/{execution_id}/nodes/{unit}/inbox",
    }


def _by_hand(verb: str, path: str) -> dict[str, Any]:
    """Say what no tool does: these are left to people."""
    return {"kind": verb, "tool": None, "by_hand": f"on the page of the run, or POST {path}/{verb}"}


async def _waits(call: Call, view: ExecutionView) -> dict[str, Any]:
    execution_id = view.execution.execution_id
    explained = await call.engine.executions.explain(execution_id, names_workers=call.identity.is_operator)
    waits = [row for row in explained if row.node_id is None or row.status not in _QUIET]
    answer: dict[str, Any] = {"needs": await questions(call, view), "waits_for": _wait_rows(waits)}
    if len(waits) > MOST_WAITS:
        answer["waits_left_out"] = len(waits) - MOST_WAITS
    return answer


def _wait_rows(waits: Sequence[Explanation]) -> list[dict[str, Any]]:
    names = ("node_id", "waiting_for", "until", "wakes")
    rows = (explanation_fields(each) for each in waits[:MOST_WAITS])
    return [without_nulls({name: row[name] for name in names}) for row in rows]


async def _asking(call: Call, view: ExecutionView) -> Any:
    """Give what waits for an answer: units, and what each waits for."""
    for state in view.nodes:
        if state.waiting_on in ANSWERED:
            yield state.node_id, state.waiting_on
    mapped = [state.node_id for state in view.nodes if state.waiting_on is WaitingOn.MAP]
    for node_id in mapped[:MOST_MAPS]:
        page = await call.engine.nodes.items(
            view.execution.execution_id, node_id, limit=50, status=NodeStatus.WAITING
        )
        for item in page.items:
            if item.state.waiting_on in ANSWERED:
                yield f"{node_id}[{item.index}]", item.state.waiting_on


async def _approval(call: Call, execution_id: str, unit: str) -> Iterable[dict[str, Any]]:
    try:
        approval = await call.engine.approvals.get(execution_id, unit)
    except ApprovalNotFound:
        return []  # answered meanwhile
    return [approval_row(approval_fields(approval))]


def approval_row(fields: dict[str, Any]) -> dict[str, Any]:
    """Show an approval among others."""
    names = ("execution_id", "name", "node_id", "shown", "form", "assignees", "quorum", "approvals", "due_at")
    prompt = shortened(fields["prompt"], PROMPT_CHARS)
    row = without_nulls({name: fields[name] for name in names})
    return {"kind": "approval", **row, "prompt": prompt, "tool": "answer_approval"}


async def _output(call: Call, view: ExecutionView) -> dict[str, Any]:
    """Show what the `output` of the definition came to; of one without, where outputs are."""
    try:
        text = await call.engine.outputs.of_execution(view.execution.execution_id)
    except OutputNotFound:
        return {"value": None, "note": "the definition names no output; get_node shows those of its nodes"}
    shown = preview_of_text(text)
    if shown["cut"]:
        shown["whole"] = "get_output reads it part by part"
    return shown


def _is_notable(row: dict[str, Any]) -> bool:
    return row["status"] not in _QUIET


def _node_row(row: dict[str, Any]) -> dict[str, Any]:
    shown = without_nulls({name: row[name] for name in _NODE if name in row})
    return shown | ({} if row["error"] is None else {"error": error_fields(row["error"])})
