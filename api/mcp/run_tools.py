"""Tools about runs: list and inspect them, read outputs, cancel and retry."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.list_filters import refuse_unknown, starters_in, workflow_id_in
from api.mcp.bounds import part_of_text, plain, preview_of_text, shortened, without_nulls
from api.mcp.standing import error_fields, run_fields
from api.mcp.tool import Arguments, Call, RunArguments, Tool
from api.schemas.history import attempts_fields
from api.schemas.reruns import retry_fields
from api.schemas.views import execution_fields, explanation_fields, lean_node_fields, page_fields, verb_fields
from api.schemas.workflow import StatusWord
from api.validator import duration_ms_in, execution_id_in, unit_in
from orchestrator.errors import OutputNotFound
from orchestrator.execution.model import Execution
from orchestrator.operations.sieve import Sieve
from orchestrator.states import ExecutionStatus
from orchestrator.units import node_of

#: Of one node.
MOST_ATTEMPTS, MOST_LINES = 5, 20
OUTPUT_BYTES = 16 * 1024

_ROW = (
    "execution_id", "name", "status", "reason", "created_at", "started_at", "ended_at", "progress",
    "workflow_version", "labels", "execution_key",
)  # fmt: skip
_ATTEMPT = (
    "attempt", "try", "outcome", "cause", "started_at", "ended_at", "worker", "next_try_at", "log_lines",
)  # fmt: skip


class ListRuns(Arguments):
    status: list[StatusWord] | None = Field(default=None, description="Any of these.")
    workflow: str | None = Field(
        default=None, min_length=1, max_length=256, description="Name or id of a registered workflow."
    )
    schedule: str | None = Field(
        default=None, min_length=1, max_length=256, description="Name or id of the schedule that started it."
    )
    webhook: str | None = Field(
        default=None, min_length=1, max_length=256, description="Path of the webhook that started it."
    )
    text: str = Field(default="", max_length=256, description="Part of title, id, key or a label.")
    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=512, description="`next_cursor` of the last answer.")


class GetRun(RunArguments):
    nodes: Literal["notable", "all", "none"] = Field(
        default="notable", description="notable: those that are active, failed or were cancelled."
    )
    nodes_from: int = Field(default=0, ge=0, description="Leave out so many nodes at the start.")


class GetNode(RunArguments):
    node_id: str = Field(description="Id of the node, or an item of a mapped one, such as `fetch[3]`.")


class GetOutput(RunArguments):
    node_id: str | None = Field(
        default=None, description="Node or item whose output to read; without it that of the whole run."
    )
    start: int = Field(default=0, ge=0, description="`next_from` of the part before; 0 for the first.")


class CancelRun(RunArguments):
    reason: str | None = Field(default=None, max_length=2000, description="Why; it is kept in the history.")
    grace: str = Field(default="30s", description="How long running nodes may still finish: `0s`, `5m`.")


class RetryRun(RunArguments):
    nodes: list[str] | None = Field(
        default=None, min_length=1, description="Only these, and all behind them; without it all that failed."
    )
    preview: bool = Field(default=False, description="Say what would run again, and change nothing.")


async def list_runs(call: Call, sent: ListRuns) -> dict[str, Any]:
    statuses = frozenset(ExecutionStatus(word) for word in sent.status or ())
    page = await call.engine.executions.list(
        limit=sent.limit,
        cursor=sent.cursor,
        sieve=Sieve(statuses, None, "", sent.text.strip(), roots_only=False),
        workflow_id=await workflow_id_in(call.engine, sent.workflow),
        labels=await starters_in(call.engine, sent.schedule, sent.webhook),
    )
    if not page.items and page.next_cursor is None:
        await refuse_unknown(call.engine, sent.schedule, sent.webhook)
    return page_fields(page, _row)


async def get_run(call: Call, sent: GetRun) -> dict[str, Any]:
    view = await call.engine.executions.get(execution_id_in(sent.execution_id), is_lean=True)
    return await run_fields(call, view, nodes=sent.nodes, nodes_from=sent.nodes_from)


async def get_node(call: Call, sent: GetNode) -> dict[str, Any]:
    engine = call.engine
    execution_id, unit = unit_in(sent.execution_id, sent.node_id)
    execution_id = await engine.executions.find(execution_id)
    attempts = attempts_fields(await engine.nodes.attempts(execution_id, unit))
    explained = await engine.executions.explain_unit(
        execution_id, unit, names_workers=call.identity.is_operator
    )
    answer: dict[str, Any] = {"execution_id": execution_id}
    if unit == node_of(unit):
        view = await engine.nodes.get(execution_id, unit)
        answer |= without_nulls(lean_node_fields(view.node, view.state, view.counts))
        answer["error"] = error_fields(answer.get("error"))
    answer |= without_nulls(plain(explanation_fields(explained)))
    answer["attempts"] = [_attempt(each) for each in attempts["items"][-MOST_ATTEMPTS:]]
    if (older := len(attempts["items"]) - MOST_ATTEMPTS) > 0:
        answer["attempts_left_out"] = older
    try:
        output = preview_of_text(await engine.outputs.of_unit(execution_id, unit), OUTPUT_BYTES)
    except OutputNotFound:
        return answer
    if output["cut"]:
        output["whole"] = "get_output reads it part by part"
    return answer | {"output": output}


async def get_output(call: Call, sent: GetOutput) -> dict[str, Any]:
    if sent.node_id is None:
        text = await call.engine.outputs.of_execution(execution_id_in(sent.execution_id))
    else:
        text = await call.engine.outputs.of_unit(*unit_in(sent.execution_id, sent.node_id))
    return part_of_text(text, sent.start)


async def cancel_run(call: Call, sent: CancelRun) -> dict[str, Any]:
    done = await call.engine.executions.cancel(
        execution_id_in(sent.execution_id),
        reason=sent.reason,
        grace_ms=duration_ms_in(sent.grace, "grace"),
        request_id=call.request_id,
    )
    return verb_fields(done)


async def retry_run(call: Call, sent: RetryRun) -> dict[str, Any]:
    done = await call.engine.executions.retry(
        execution_id_in(sent.execution_id), nodes=sent.nodes, preview=sent.preview
    )
    return retry_fields(done, is_preview=sent.preview)


def _row(execution: Execution) -> dict[str, Any]:
    fields = execution_fields(execution)
    return without_nulls({name: fields[name] for name in _ROW})


def _attempt(fields: dict[str, Any]) -> dict[str, Any]:
    lines = [f"{line['level']}: {shortened(line['message'], 500)}" for line in fields["logs"][-MOST_LINES:]]
    shown = {name: fields[name] for name in _ATTEMPT} | {
        "logs": lines,
        "error": error_fields(fields["error"]),
    }
    return without_nulls(shown)


TOOLS = (
    Tool(
        "list_runs",
        "List runs",
        "List runs (executions of workflows), newest first, narrowed by status, workflow or text.",
        "executions_list",
        ListRuns,
        list_runs,
    ),
    Tool(
        "get_run",
        "Inspect a run",
        "Show how a run stands: status, progress, `root_causes` of failures, `needs` (questions that wait "
        "for an answer, each with the tool that gives it), what it `waits_for`, its notable nodes, and "
        "its output.",
        "executions_get",
        GetRun,
        get_run,
    ),
    Tool(
        "get_node",
        "Inspect a node",
        "Show one node of a run: its status and why, its last attempts with errors and log lines, and its "
        "output.",
        "executions_node",
        GetNode,
        get_node,
    ),
    Tool(
        "get_output",
        "Read an output",
        "Read the output of a run or a node as JSON text, part by part, where get_run or get_node had to cut "
        "it. Go on with `start` = `next_from`.",
        "executions_output",
        GetOutput,
        get_output,
    ),
    Tool(
        "cancel_run",
        "Cancel a run",
        "Cancel a run; nodes that are running get `grace` to finish. It cannot be undone; again is harmless.",
        "executions_cancel",
        CancelRun,
        cancel_run,
        is_destructive=True,
        is_repeatable=True,
    ),
    Tool(
        "retry_run",
        "Retry a run",
        "Continue a run that FAILED or was CANCELLED: what failed and all behind it runs again, the rest "
        "keeps its outputs. With `preview`, only say what would run.",
        "executions_retry",
        RetryRun,
        retry_run,
    ),
)
