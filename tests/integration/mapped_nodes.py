"""A node that is mapped over numbers, and its items brought to where a test begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from headrace import registration
from orchestrator.states import NodeStatus
from orchestrator.store.requests import AttemptToken
from tests.makers import Rig, node
from workers.context import HandlerContext

CALLS: Counter[str] = Counter()


@contextmanager
def tens_registered() -> Iterator[None]:
    """Let nodes use the handler `test_tens`, whose calls are counted by unit."""

    @registration.handler("test_tens")
    async def tens(config: dict[str, Any], context: HandlerContext) -> Any:
        CALLS[context.node_id] += 1
        if config["n"] in config.get("failing", ()):
            raise ValueError(f"{config['n']} is one of them")
        return config.get("output", config["n"] * 10)

    CALLS.clear()
    yield
    registration.HANDLER_REGISTRY.pop("test_tens", None)


def tens(items: Any, *, config: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A node that runs for each item; fields of the node and of its map, by name."""
    of_node = ("retry", "after", "when", "critical", "start_to_close_timeout", "schedule_to_start_timeout")
    extras = {name: fields.pop(name) for name in of_node if name in fields}
    made = node("A", handler="test_tens", map={"items": items, **fields}, **extras)
    return made | {"config": {"n": "{{ item }}", **(config or {})}}


async def listed(rig: Rig, *nodes: dict[str, Any], **extras: Any) -> tuple[str, dict[str, AttemptToken]]:
    """Start an execution, list the items of A, and claim what there is; gives what runs by unit."""
    execution_id = await rig.submit(*nodes, **extras)
    held = await rig.worker.start()
    items = nodes[0]["map"]["items"]
    await rig.transitions.map_node(
        held.pop("A"),
        [orjson.dumps(item) for item in items],
        tolerated=nodes[0]["map"].get("tolerated_failure_count", 0),
        stops=nodes[0]["map"].get("on_item_failure") == "stop",
    )
    return execution_id, held | await rig.worker.start()


async def statuses(rig: Rig, execution_id: str) -> list[NodeStatus]:
    return [item.state.status for item in await rig.store.items.page(execution_id, "A", 0, 100)]
