"""Registers the demo's workflow, starts executions of it, and finds what runs of them where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from orchestrator.definitions.registry import Source, hash_of
from orchestrator.documents.yaml import load_yaml
from orchestrator.engine import TenantEngine
from orchestrator.errors import ExecutionNotFound, WorkflowNotFound
from orchestrator.states import NodeStatus, WaitingOn

WORKFLOW = "trip-report"
FILE = Path(__file__).parents[2] / "examples" / "trip_report.yaml"
#: So many of the newest executions are looked at.
NEWEST = 50


async def register(engine: TenantEngine) -> None:
    """Register the workflow. A file that was read before changes nothing, whatever has become of it since."""
    text = await asyncio.to_thread(FILE.read_bytes)
    document, _ = load_yaml(text, limits=engine.limits)
    await engine.workflows.put(WORKFLOW, document, Source(text, "application/yaml"), file=hash_of(text))


async def start(engine: TenantEngine, inputs: dict[str, Any]) -> str:
    """Start an execution, and give its id. Raises what `Workflows.start` raises."""
    submitted = await engine.workflows.start(WORKFLOW, inputs=inputs)
    return submitted.execution_id


async def unfinished(engine: TenantEngine) -> list[str]:
    """List the newest executions of the workflow that have not ended, newest first."""
    try:
        record = await engine.workflows.get(WORKFLOW)
    except WorkflowNotFound:
        return []
    page = await engine.executions.list(workflow_id=record.workflow_id, limit=NEWEST)
    return [row.execution_id for row in page.items if not row.status.is_terminal]


async def busy_workers(engine: TenantEngine) -> set[str]:
    """Give the ids of the workers that run something of the demo now."""
    found: set[str] = set()
    for execution_id in await unfinished(engine):
        try:
            found |= {worker async for worker in _workers_of(engine, execution_id)}
        except ExecutionNotFound:  # purged meanwhile
            continue
    return found


async def _workers_of(engine: TenantEngine, execution_id: str) -> AsyncIterator[str]:
    view = await engine.executions.get(execution_id)
    for state in view.nodes:
        if state.status is NodeStatus.RUNNING and state.worker:
            yield state.worker
        if state.waiting_on is WaitingOn.MAP:
            page = await engine.nodes.items(execution_id, state.node_id, status=NodeStatus.RUNNING)
            for item in page.items:
                if item.state.worker:
                    yield item.state.worker
