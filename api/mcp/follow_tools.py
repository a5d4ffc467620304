"""The tool that follows a run: to its end, or to the next question that it asks."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

from pydantic import Field

from api.mcp.standing import ANSWERED, needs_answer, questions, run_fields
from api.mcp.tool import Call, RunArguments, Tool
from api.schemas.events import TERMINAL_TYPES
from api.schemas.views import execution_fields
from api.streaming.watcher import Watcher
from api.validator import execution_id_in
from orchestrator.documents import exact_json
from orchestrator.execution.model import Execution
from orchestrator.operations.results import ExecutionView

#: The longest that one call follows a run.
MOST_WAIT_S = 600
#: Progress is reported at most this often.
REPORT_EVERY_S = 0.5

Why = Literal["ended", "needs_answer", "time_over", "broken_off"]
_NEXT: dict[Why, str] = {
    "ended": "it has ended; of one that FAILED, `root_causes` say why, and retry_run continues it",
    "needs_answer": "answer what `needs` lists with the tool named there, then call wait_for_run again",
    "time_over": "it goes on; call wait_for_run again to follow it further",
    "broken_off": "the server ends what it follows, as it does before it stops; call wait_for_run again",
}


class WaitForRun(RunArguments):
    until: Literal["end_or_question", "end"] = Field(
        default="end_or_question",
        description="end_or_question: return also when it waits for an approval, a signal, a letter or an "
        "operator, or is paused. end: only at its end, for questions that others answer.",
    )
    timeout_s: float = Field(
        default=50, ge=0, le=MOST_WAIT_S, description="Return after so many seconds in any case."
    )


async def wait_for_run(call: Call, sent: WaitForRun) -> dict[str, Any]:
    executions, ends_s = call.engine.executions, time.monotonic() + sent.timeout_s
    execution_id = await executions.find(execution_id_in(sent.execution_id))
    view = await executions.get(execution_id, is_lean=True)
    reports = _Reports(call, execution_id)
    await reports.of(view.execution)
    why = await _stop(call, view, sent)
    if why is None:
        why = await _followed(call, view, sent, reports, ends_s)
        # Before anything more of it is shown: the key may have been revoked meanwhile.
        await call.admit_again(at_once=why == "broken_off")
        view = await executions.get(execution_id, is_lean=True)
        if view.execution.status.is_terminal:
            why = "ended"
        await reports.of(view.execution)
    return {"returned_because": why, "next": _NEXT[why], "run": await run_fields(call, view)}


async def _followed(
    call: Call, view: ExecutionView, sent: WaitForRun, reports: _Reports, ends_s: float
) -> Why:
    """Follow the history from a view on, and say why no further."""
    hub, execution_id = call.reach.hub, view.execution.execution_id
    watcher = hub.join(
        execution_id, after=view.seq, wire="ndjson", ping=None, credential=call.identity.credential
    )
    try:
        async with asyncio.timeout(max(ends_s - time.monotonic(), 0)):
            return await _watched(call, watcher, sent, reports)
    except TimeoutError:
        return "time_over"
    finally:
        hub.leave(watcher)


async def _watched(call: Call, watcher: Watcher, sent: WaitForRun, reports: _Reports) -> Why:
    execution_id = watcher.channel.execution_id
    while (chunk := await watcher.next_chunk()) is not None:
        events = [exact_json.loads(line) for line in chunk.splitlines()]
        if any(event["type"] in TERMINAL_TYPES for event in events):
            return "ended"
        await reports.now_and_then()
        if sent.until == "end_or_question" and any(map(_may_ask, events)):
            view = await call.engine.executions.get(execution_id, is_lean=True)
            if (why := await _stop(call, view, sent)) is not None:
                return why
    return "broken_off"


async def _stop(call: Call, view: ExecutionView, sent: WaitForRun) -> Why | None:
    """Say why a run that stands so is followed no further; None where it is."""
    if view.execution.status.is_terminal:
        return "ended"
    if sent.until == "end":
        return None
    return "needs_answer" if needs_answer(view) or await questions(call, view) else None


def _may_ask(event: dict[str, Any]) -> bool:
    kind = event["type"]
    return kind in ("execution.paused", "gap") or (
        kind == "node.waiting" and event["data"].get("waiting_on") in ANSWERED
    )


class _Reports:
    """Reports how many nodes have ended, to a client that has asked for progress; never fewer than before."""

    def __init__(self, call: Call, execution_id: str) -> None:
        self._call = call
        self._execution_id = execution_id
        self._ended = -1
        self._last_s = 0.0

    async def now_and_then(self) -> None:
        """Look, and report, unless that was done just now."""
        if time.monotonic() - self._last_s < REPORT_EVERY_S:
            return
        rows = await self._call.engine.recent.rows([self._execution_id])
        for row in rows:
            await self.of(row)

    async def of(self, execution: Execution) -> None:
        """Report how far an execution is, where that is further than before."""
        self._last_s = time.monotonic()
        progress = execution_fields(execution)["progress"]
        if progress is None or progress["ended"] <= self._ended:
            return
        self._ended = progress["ended"]
        failed = f", {progress['failed']} failed" if progress["failed"] else ""
        await self._call.progress(
            self._ended,
            progress["total"],
            f"{execution.status}: {self._ended} of {progress['total']} nodes have ended{failed}",
        )


TOOLS = (
    Tool(
        "wait_for_run",
        "Follow a run",
        "Follow a run until it ends, asks a question, or the time is over, and show how it stands then. "
        "Reports progress (nodes that have ended) on the way. `returned_because` says which it was, and "
        "`next` what to do.",
        "executions_events",
        WaitForRun,
        wait_for_run,
    ),
)
