"""Small makers for tests of static layouts."""

from __future__ import annotations

from typing import Any

from orchestrator.loops.sweep import Sweep
from orchestrator.states import ExecutionStatus
from orchestrator.store.layout import Layout, lay_out
from tests.dags import compiled
from tests.makers import Rig, node, workflow

CHAIN = (node("A"), node("B", after=["A"]), node("C", after=["B"]))


def of(*nodes: dict[str, Any]) -> Layout:
    return lay_out(compiled(workflow(*nodes)))


def key_of(layout: Layout, tenant: str = "default") -> str:
    return f"workflows:layout:{tenant}:{layout.digest}"


async def count_of(rig: Rig, layout: Layout) -> int:
    return int(await rig.redis.hget("workflows:layouts", f"default:{layout.digest}") or 0)


async def is_there(rig: Rig, layout: Layout) -> bool:
    return bool(await rig.redis.exists(key_of(layout)))


async def run(rig: Rig, *nodes: dict[str, Any]) -> str:
    execution_id = await rig.submit(*nodes)
    await rig.worker.run_all()
    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED
    return execution_id


async def fork(rig: Rig, execution_id: str, from_node: str) -> str:
    made = (await rig.engine.executions.fork(execution_id, from_node=from_node)).execution_id
    assert made is not None
    return made


async def purge(rig: Rig, execution_id: str) -> None:
    await rig.engine.executions.purge(execution_id)


async def sweep_after(rig: Rig, ms: int) -> None:
    rig.transitions.now_ms = rig.now_ms + ms
    await Sweep(rig.store, rig.transitions).run_once(rig.now_ms)


def large() -> Layout:
    return lay_out(compiled(workflow(*(node(f"n{i}") for i in range(450)))))


async def key_for(rig: Rig, execution_id: str) -> str:
    """The key of the static layout of an execution."""
    names = ("tenant", "layout")
    tenant, digest = await rig.redis.hmget(rig.transitions.keys.runtime(execution_id), names)
    return rig.transitions.keys.layout(tenant.decode(), digest.decode())


async def forget_plans(rig: Rig) -> None:
    """Let scripts forget what they have read of layouts, as a server has that was just started."""
    await rig.redis.function_delete(rig.transitions.library.name)
    await rig.transitions.load()


async def set_plan(rig: Rig, execution_id: str, field: str, value: str) -> None:
    """Change what a static layout says of a node of which no script has read yet."""
    await rig.redis.hset(await key_for(rig, execution_id), field, value)
    # Not `forget_plans`: what is read of it now would be remembered for all tests behind this one.
    await rig.transitions.load()
