"""Nodes that have a child, and the beginning of one, for the tests of scripts."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.store.requests import AttemptToken
from tests.integration.transitions.prepared_calls import KID, child_of
from tests.makers import Rig, node


def nested(node_id: str, *, after: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    config = {name: fields.pop(name) for name in ("wait", "parent_close_policy") if name in fields}
    return node(node_id, after=after, handler="sub_workflow", config={"workflow": KID, **config}, **fields)


async def begin(rig: Rig, *nodes: dict[str, Any], **extras: Any) -> tuple[str, str, AttemptToken]:
    """Start the child of S; gives both executions, and the claim of the child's first node."""
    execution_id = await rig.submit(*nodes, **extras)
    held = await rig.worker.start()
    ended = await rig.transitions.start_child(held["S"], child_of(execution_id, "S"))
    assert ended.word == "ok"
    child_id = child_of(execution_id, "S").execution_id
    return execution_id, child_id, (await rig.worker.start())["x"]


async def state(rig: Rig, execution_id: str, node_id: str = "S") -> Any:
    return (await rig.engine.nodes.get(execution_id, node_id)).state


async def resume_of(rig: Rig, execution_id: str, unit: str = "S") -> Any:
    text = await rig.redis.hget(rig.transitions.keys.runtime(execution_id), f"resume|{unit}")
    return orjson.loads(text) if text else None
