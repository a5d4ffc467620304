"""Waiting for the end of what real workers run."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus
from tests.makers import Rig, until


async def ended(rig: Rig, execution_id: str) -> ExecutionStatus:
    """Wait for the end of an execution; gives its status."""

    async def is_over() -> bool:
        return (await rig.status(execution_id)).is_terminal

    await until(is_over)
    return await rig.status(execution_id)
