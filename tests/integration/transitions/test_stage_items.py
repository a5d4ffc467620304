"""Items of a large map, written before its node waits for them."""

from __future__ import annotations

import pytest

from orchestrator.states import ExecutionStatus as E
from orchestrator.states import NodeStatus as N
from tests.dags import node
from tests.makers import Rig
from workers.runtime import map_items
from workers.runtime.map_items import Mapped, stage


async def values(rig: Rig, execution_id: str) -> list[bytes | None]:
    return [item.value for item in await rig.store.items.page(execution_id, "A", 0, 100)]


async def test_items_come_in_parts_and_are_seen_together(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_items, "TOGETHER", 3)
    execution_id = await rig.submit(node("A", map={"items": list(range(8)), "max_concurrency": 2}))
    held = await rig.worker.start_one("A")
    items = tuple(b"%d" % number for number in range(8))

    mapped = await stage(rig.transitions, held, Mapped(items))
    before = await values(rig, execution_id)
    await rig.transitions.map_node(held, mapped.items or (), tolerated=0, stops=False, staged=mapped.staged)

    assert (mapped.staged, mapped.items) == (6, (b"6", b"7"))
    assert before == []
    assert await values(rig, execution_id) == list(items)
    assert await rig.repairs(execution_id) == []
    assert sorted(await rig.worker.run_all()) == ["A", *(f"A[{index}]" for index in range(8))]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_part_that_comes_late_changes_nothing(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", map={"items": [1, 2], "max_concurrency": 2}))
    held = await rig.worker.start_one("A")
    call = rig.transitions.stage_items(held, 0, [b"1"])
    assert await call == "ok"
    await rig.transitions.map_node(held, [b"2"], tolerated=0, stops=False, staged=1)
    before = await rig.dump()

    assert await call == "fenced"
    assert await rig.dump() == before
    assert await values(rig, execution_id) == [b"1", b"2"]


async def test_what_an_attempt_left_is_not_of_the_next(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", map={"items": [1, 2], "max_concurrency": 2}))
    lost = await rig.worker.start_one("A")
    await rig.transitions.stage_items(lost, 0, [b"1", b"2", b"3"])
    await rig.transitions.release_node(lost)
    held = await rig.worker.start_one("A")

    assert await rig.transitions.stage_items(lost, 0, [b"1"]) == "fenced"
    assert await rig.transitions.stage_items(held, 0, [b"7"]) == "ok"
    await rig.transitions.map_node(held, [b"8"], tolerated=0, stops=False, staged=1)

    assert await values(rig, execution_id) == [b"7", b"8"]
    assert (await rig.nodes(execution_id))["A"] is N.WAITING
    left = await rig.redis.hkeys(rig.transitions.keys.items(execution_id, "A"))
    assert b"v2" not in left and b"staged" not in left
