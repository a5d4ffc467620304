"""What the tests of child executions share: a handler that does as it is told, nodes that have children."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import orjson

from headrace import Terminal, registration
from orchestrator.execution.model import Execution, NodeState
from orchestrator.states import NodeStatus
from tests.makers import Rig, node, until, workflow
from workers.context import HandlerContext


class Nursery:
    """What handlers do, by node id, and how often they were called."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.failing: set[str] = set()
        self.waiting: set[str] = set()
        self.may_go_on = asyncio.Event()

    def register(self) -> None:
        @registration.handler("test_kid")
        async def kid(config: dict[str, Any], context: HandlerContext) -> Any:
            self.calls[context.node_id] += 1
            if context.node_id in self.waiting:
                await self.may_go_on.wait()
            if context.node_id in self.failing:
                raise Terminal(f"{context.node_id} is naughty", type="Mine.Naughty")
            return {"of": context.node_id, **config}


def kid(node_id: str, **fields: Any) -> dict[str, Any]:
    return node(node_id, handler="test_kid", **fields)


def family(*nodes: dict[str, Any], name: str = "family", **extras: Any) -> dict[str, Any]:
    return workflow(*(nodes or (kid("x"), kid("y", after=["x"]))), name=name, **extras)


def parent(
    node_id: str, child: dict[str, Any] | str, *, after: list[str] | None = None, **fields: Any
) -> dict[str, Any]:
    """Make a node that has a child; what is no field of nodes goes into its config."""
    names = ("inputs", "wait", "parent_close_policy", "version")
    config = {name: fields.pop(name) for name in names if name in fields}
    return node(node_id, after=after, handler="sub_workflow", **fields) | {
        "config": {"workflow": child, **config}
    }


async def state_of(rig: Rig, execution_id: str, node_id: str) -> NodeState:
    return (await rig.engine.nodes.get(execution_id, node_id)).state


async def in_status(rig: Rig, execution_id: str, node_id: str, *wanted: NodeStatus) -> NodeState:
    async def is_there() -> bool:
        return (await state_of(rig, execution_id, node_id)).status in wanted

    await until(is_there)
    return await state_of(rig, execution_id, node_id)


async def child_of(rig: Rig, execution_id: str, node_id: str) -> Execution:
    """Give the child a unit has."""
    child_id = await rig.redis.hget(rig.transitions.keys.runtime(execution_id), f"child|{node_id}")
    child = await rig.store.execution(child_id.decode())
    assert child is not None
    return child


async def output(rig: Rig, execution_id: str, node_id: str) -> Any:
    return orjson.loads(await rig.store.output(execution_id, node_id) or b"null")
