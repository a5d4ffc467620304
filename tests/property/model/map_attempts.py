"""How attempts of mapped nodes and of their items may end."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.definitions.definition import OUTPUT
from orchestrator.store.replies import Delivery
from orchestrator.store.requests import AttemptToken
from orchestrator.units import index_of, node_of
from tests.property.model.child_attempts import kinds_of_nested
from tests.property.model.item_checks import items_of
from tests.property.model.world import Case, World


async def has_failed(world: World, task: Delivery) -> bool:
    redis: Any = world.redis
    key = f"workflow:{task.execution_id}:node:{node_of(task.node_id)}"
    index = index_of(task.node_id)
    status = await (redis.get(key) if index is None else redis.hget(f"{key}:items", f"s{index}"))
    return bool(status == b"FAILED")


def kinds_for(world: World, case: Case, token: AttemptToken, kinds: str) -> str:
    """How this attempt may end: a mapped node calls no handler, it lists items or makes its end of theirs."""
    node, calm = case.node(token.node_id), "" if set(kinds) <= set("cf") else "rlx"
    if node.id == OUTPUT:
        return "ccccccccf" + calm
    if not node.map or index_of(token.node_id) is not None:
        return kinds_of_nested(world, case, token.node_id, calm) if node.sub_workflow else kinds
    resume = orjson.loads(case.now.of("resume", token.node_id) or "{}")
    if not resume:
        return "mmmmmmm" + calm + calm.replace("x", "fsc")
    if "again" in resume:
        return "mmmm" + calm
    failed = list(items_of(case.now, node.id).values()).count("FAILED")
    return ("ffff" if failed > resume["tolerated"] else "cccc") + calm
