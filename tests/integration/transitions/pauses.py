"""Pauses and resumes, as people ask for them."""

from __future__ import annotations

from orchestrator.operations.results import VerbResult
from tests.makers import Rig


async def pause(rig: Rig, execution_id: str, request_id: str = "p1") -> VerbResult:
    return await rig.engine.executions.pause(execution_id, by="ann", reason="a look", request_id=request_id)


async def resume(rig: Rig, execution_id: str, request_id: str = "r1") -> VerbResult:
    return await rig.engine.executions.resume(execution_id, by="bob", request_id=request_id)
