"""An execution that failed in two places, in one of which a node ran all the same."""

from __future__ import annotations

from typing import Any

from orchestrator.states import ExecutionStatus
from tests.makers import Rig, node

#: A fails, and R runs all the same; X fails beside them.
RESCUED = (
    node("A"),
    node("B", after=["A"]),
    node("R", after=["A"], trigger_rule="all_done"),
    node("S", after=["R"]),
    node("X"),
    node("Y", after=["X"]),
)


async def rescued(rig: Rig, **extras: Any) -> str:
    execution_id = await rig.submit(*RESCUED, **extras)
    await rig.worker.run_all(failing=["A", "X"])
    assert await rig.status(execution_id) is ExecutionStatus.FAILED
    return execution_id
