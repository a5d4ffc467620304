"""Pages of runs by their number: the engine's lists go on by a cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from api.dialects.yaml_runs.rendering import status_of, word_of
from api.whole_lists import pages_of
from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.model import Execution
from orchestrator.operations.executions import Executions
from orchestrator.operations.results import ExecutionView
from orchestrator.operations.sieve import Sieve
from orchestrator.states import ExecutionStatus

#: Runs of a page that are read side by side.
AT_ONCE = 8
#: The one status that a word stands for; the others are looked for among all.
_ONLY = {"pending": ExecutionStatus.PENDING, "completed": ExecutionStatus.COMPLETED}
#: Words of a run that only its steps tell apart.
_UNDER_WAY = ("queued", "running")


async def page_of_runs(
    executions: Executions,
    labels: Sequence[tuple[str, str]],
    *,
    workflow_id: str | None,
    status: str | None,
    skip: int,
    count: int,
) -> list[ExecutionView]:
    """Read runs with these labels, newest first: `count` of them behind the first `skip`.

    One that was removed meanwhile, or has another status by now, is left out.
    """
    found: list[ExecutionView] = []
    only = Sieve(frozenset({_ONLY[status]} if status in _ONLY else ()))
    async for page in pages_of(executions.list, sieve=only, workflow_id=workflow_id, labels=labels):
        rows = [row for row in page if _may_have(row, status)]
        if status not in _UNDER_WAY:
            passed = min(skip, len(rows))
            rows, skip = rows[passed:], skip - passed
        for start in range(0, len(rows), AT_ONCE):
            for view in await _views_of(executions, rows[start : start + AT_ONCE]):
                if status is not None and status_of(view) != status:
                    continue
                if skip:
                    skip -= 1
                elif len(found) < count:
                    found.append(view)
            if len(found) == count:
                return found
    return found


def _may_have(row: Execution, status: str | None) -> bool:
    word = word_of(row.status)
    return status is None or word == status or (word is None and status in _UNDER_WAY)


async def _views_of(executions: Executions, rows: Sequence[Execution]) -> list[ExecutionView]:
    """Read these runs; one that was removed meanwhile is left out."""

    async def read(row: Execution) -> ExecutionView | None:
        try:
            return await executions.get(row.execution_id)
        except ExecutionNotFound:
            return None

    return [view for view in await asyncio.gather(*map(read, rows)) if view is not None]
