"""Calls of a purge that are ready to be sent."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.retention import DAY_MS, Retention
from orchestrator.store.layout import lay_out
from orchestrator.store.script_client import Call
from tests.dags import compiled
from tests.integration.transitions.prepared_calls import Prepare, staging
from tests.makers import Rig, node, workflow


async def purging(rig: Rig) -> Call[Any]:
    await (await staging(rig))
    rig.transitions.now_ms = rig.now_ms + 600_000
    return rig.transitions.purge_staging("x1", age_ms=600_000)


async def hiding(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()
    return rig.transitions.purge_execution(execution_id, call_id="first")


async def removing(rig: Rig) -> Call[Any]:
    """The last part of what is left of a purged execution."""
    call = await hiding(rig)
    await call
    return rig.transitions.purge_keys(str(call.arguments[0]))


async def folding(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()
    return rig.transitions.fold_execution(execution_id)


async def folding_a_part(rig: Rig) -> Call[Any]:
    """The first of two parts is done."""
    execution_id = await rig.submit(*(node(f"n{number}") for number in range(300)))
    await rig.drain_worklist(execution_id)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="c")
    call = rig.transitions.fold_execution(execution_id)
    assert await call == ("ok", True)
    return call


async def folded(rig: Rig) -> str:
    """An execution that waits for its purge."""
    call = await folding(rig)
    await call
    return str(call.arguments[0])


async def expiring_at_last(rig: Rig) -> Call[Any]:
    execution_id = await folded(rig)
    rig.transitions.now_ms = rig.now_ms + 7 * DAY_MS
    return rig.transitions.expire_execution(execution_id, Retention(), call_id="first")


async def expiring_later(rig: Rig) -> Call[Any]:
    execution_id = await folded(rig)
    return rig.transitions.expire_execution(execution_id, Retention(), call_id="first")


async def applying(rig: Rig) -> Call[Any]:
    return rig.transitions.apply_retention(Retention())


async def writing_a_layout(rig: Rig) -> Call[Any]:
    layout = lay_out(compiled(workflow(node("A"))))
    return rig.transitions.stage_layout(
        "default", layout.digest, layout.statics[0], count=layout.statics_count
    )


async def dropping_a_layout(rig: Rig) -> Call[Any]:
    call = await writing_a_layout(rig)
    await call
    _, tenant, digest, *_ = call.arguments
    return rig.transitions.drop_layout(str(tenant), str(digest), age_ms=0)


PURGES: dict[str, tuple[Prepare, str]] = {
    "purge_staging": (purging, ""),
    "purge_execution": (hiding, ""),
    "purge_keys": (removing, ""),
    "apply_retention": (applying, ""),
    "fold_execution": (folding, ""),
    "fold_execution, the last part": (folding_a_part, ""),
    "expire_execution": (expiring_at_last, ""),
    "expire_execution, not yet": (expiring_later, ""),
    "stage_layout": (writing_a_layout, ""),
    "drop_layout": (dropping_a_layout, ""),
}
