"""What the loop of retention does after a while, and what it promises."""

from __future__ import annotations

from orchestrator.definitions.retention import Retention
from orchestrator.loops import retention
from tests.makers import Rig


async def look(rig: Rig, after_ms: int = 0, kept: Retention | None = None) -> int:
    """What the loop does after a while."""
    rig.transitions.now_ms = rig.now_ms + after_ms
    return await retention.run_once(rig.store, rig.transitions, rig.now_ms, kept=kept)


async def is_there(rig: Rig, execution_id: str) -> bool:
    return await rig.store.status(execution_id) is not None


async def expires_in(rig: Rig, execution_id: str) -> int | None:
    expires_ms = (await rig.engine.executions.get(execution_id)).expires_ms
    return None if expires_ms is None else expires_ms - rig.now_ms
