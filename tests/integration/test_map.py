"""A node that runs once for each item of a list."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from tests.makers import Rig, WorkerFleet, held_by, node, until
from workers import registry
from workers.context import HandlerContext

E, N = ExecutionStatus, NodeStatus
CALLS: Counter[tuple[int, str]] = Counter()


@pytest.fixture(autouse=True)
def _square() -> Iterator[None]:
    @registry.handler("test_square")
    async def square(config: dict[str, Any], context: HandlerContext) -> Any:
        CALLS[(config["index"], context.idempotency_key)] += 1
        if config["n"] in config.get("failing", ()):
            raise ValueError(f"no square of {config['n']}")
        return config["n"] ** 2

    CALLS.clear()
    yield
    registry._HANDLERS.pop("test_square", None)


def squares(items: Any, *, failing: list[int] | None = None, **fields: Any) -> dict[str, Any]:
    config = {"n": "{{ item }}", "index": "{{ index }}", "failing": failing or []}
    extras = {name: fields.pop(name) for name in ("retry", "after", "when") if name in fields}
    return node("A", handler="test_square", config=config, map={"items": items, **fields}, **extras)


async def ended(rig: Rig, execution_id: str, *, within_s: float = 20) -> ExecutionStatus:
    async def is_over() -> bool:
        return (await rig.status(execution_id)).is_terminal

    await until(is_over, within_s=within_s)
    return await rig.status(execution_id)


async def output(rig: Rig, execution_id: str) -> Any:
    return orjson.loads(await rig.store.output(execution_id, "A") or b"null")


async def test_the_output_is_the_list_of_item_outputs_in_order(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await rig.submit(squares([3, 1, 2]))

    assert await ended(rig, execution_id) is E.COMPLETED
    assert await output(rig, execution_id) == [9, 1, 4]
    assert await rig.nothing_is_left_behind()
