"""Pages of runs by their number: the engine's lists go on by a cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from api.dialects.yaml_runs.rendering import row_status
from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import Execution
from orchestrator.operations.executions import Executions
from orchestrator.operations.results import ExecutionView
from orchestrator.states import ExecutionStatus

#: Rows read at a time.
ROWS = 200
#: Runs of a page that are read side by side.
AT_ONCE = 8
#: The one state of the engine that a word stands for; the others are looked for among all.
_ONLY = {
    "pending": ExecutionStatus.PENDING,
    "queued": ExecutionStatus.RUNNING,
    "completed": ExecutionStatus.COMPLETED,
}


async def page_of_runs(
    executions: Executions,
    labels: Sequence[tuple[str, str]],
    *,
    workflow_id: str | None,
    status: str | None,
    skip: int,
    count: int,
) -> list[Execution]:
    """List runs with these labels, newest first: `count` of them behind the first `skip`."""
    found: list[Execution] = []
    cursor: str | None = None
    while True:
        page = await executions.list(
            limit=ROWS, cursor=cursor, status=_ONLY.get(status or ""), workflow_id=workflow_id, labels=labels
        )
        for row in page.items:
            if status is not None and row_status(row) != status:
                continue
            if skip:
                skip -= 1
                continue
            found.append(row)
            if len(found) == count:
                return found
        if (cursor := page.next_cursor) is None:
            return found


async def views_of(executions: Executions, rows: Sequence[Execution]) -> list[ExecutionView]:
    """Read these runs; one that was removed meanwhile is left out."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def read(row: Execution) -> ExecutionView | None:
        async with turns:
            try:
                return await executions.get(row.execution_id)
            except ExecutionNotFound:
                return None

    return [view for view in await asyncio.gather(*map(read, rows)) if view is not None]
