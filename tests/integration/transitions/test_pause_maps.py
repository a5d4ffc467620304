"""Pausing an execution in the middle of a map, and an operator's word about single items."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import Terminal, registration
from orchestrator.engine import OperatorNote
from orchestrator.errors import NodeBusy, NodeNotFound
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.handler_steps import act, output_of
from tests.integration.transitions.pauses import pause, resume
from tests.makers import Rig, node

E, N = ExecutionStatus, NodeStatus
ANN = OperatorNote("ann")
ONE_TRY = {"max_attempts": 1}
#: Items that fail.
BROKEN: set[Any] = set()


@pytest.fixture(autouse=True)
def _handlers() -> Any:
    @registration.handler("test_double")
    async def double(config: dict[str, Any], context: Any) -> Any:
        if config["n"] in BROKEN:
            raise Terminal("no double of that")
        return config["n"] * 2

    BROKEN.clear()
    yield
    registration.HANDLER_REGISTRY.pop("test_double", None)


def doubles(items: list[Any], *, policy: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    config = {"n": "{{ item }}"}
    return node(
        "A", handler="test_double", config=config, map={"items": items, **fields}, retry=policy or ONE_TRY
    )


async def statuses(rig: Rig, execution_id: str) -> list[NodeStatus]:
    items = (await rig.engine.nodes.items(execution_id, "A", limit=100)).items
    return [item.state.status for item in items]


async def mapped(rig: Rig, items: list[Any], *more: dict[str, Any], **fields: Any) -> str:
    """An execution whose mapped node waits for its items, the first of them queued."""
    execution_id = await rig.submit(doubles(items, **fields), *more)
    (task,) = await rig.worker.read()
    held = rig.worker.token(task)
    await rig.worker.claim(task, held)
    values = [b"%d" % item if isinstance(item, int) else b'"bad"' for item in items]
    await rig.transitions.map_node(held, values, tolerated=0, stops=False)
    return execution_id


async def test_no_item_is_started_and_queued_ones_are_held(rig: Rig) -> None:
    execution_id = await mapped(rig, [1, 2, 3, 4, 5], max_concurrency=2)
    tasks = {task.node_id: task for task in await rig.worker.read()}
    held = rig.worker.token(tasks["A[0]"])
    await rig.worker.claim(tasks["A[0]"], held)
    await pause(rig, execution_id)
    view = await rig.engine.executions.get(execution_id)
    assert not view.is_quiesced, "an item runs"

    assert await rig.worker.claim(tasks["A[1]"]) == "held"
    await rig.worker.complete(held, 2)

    assert await statuses(rig, execution_id) == [N.COMPLETED, N.PENDING, N.PENDING, N.PENDING, N.PENDING]
    assert await rig.worker.read() == []
    assert (await rig.engine.executions.get(execution_id)).is_quiesced
    assert await rig.repairs(execution_id) == []
    found = {row.node_id: row for row in await rig.engine.executions.explain(execution_id)}
    assert found["A"].waiting_for == "its items (map: 1 of 5 items done, 1 held)"
    assert found["A"].wakes == "a resume, and the end of the last item"
    assert "repair" not in found["A"].details

    await resume(rig, execution_id)
    assert await rig.repairs(execution_id) == []
    assert await act(rig) == ["A[1]", "A[2]", "A[3]", "A[4]", "A"]
    assert await rig.status(execution_id) is E.COMPLETED
    assert output_of(await rig.store.output(execution_id, "A")) == [2, 4, 6, 8, 10]
    assert await rig.nothing_is_left_behind()


async def test_a_back_off_and_a_lost_lease_of_an_item_are_held(rig: Rig) -> None:
    execution_id = await mapped(rig, [1, 2])
    held = await rig.worker.start()
    await rig.worker.retry(held["A[0]"], 1_000)
    await pause(rig, execution_id)

    await rig.advance(20_000)

    assert await statuses(rig, execution_id) == [N.WAITING, N.PENDING]
    assert await rig.repairs(execution_id) == []
    await resume(rig, execution_id)
    await rig.tick()
    assert sorted(await act(rig)) == ["A", "A[0]", "A[1]"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_the_end_of_a_map_while_paused_is_built_after_the_resume(rig: Rig) -> None:
    execution_id = await mapped(rig, [1, 2], node("B", after=["A"]))
    held = await rig.worker.start()
    await pause(rig, execution_id)

    for index in range(2):
        await rig.worker.complete(held[f"A[{index}]"], index)

    assert await rig.nodes(execution_id) == {"A": N.PENDING, "B": N.PENDING}
    assert await rig.repairs(execution_id) == []
    await resume(rig, execution_id)
    assert await act(rig) == ["A", "B"]
    assert output_of(await rig.store.output(execution_id, "A")) == [0, 1]


async def test_a_map_that_begins_while_paused_starts_its_items_after_the_resume(rig: Rig) -> None:
    execution_id = await rig.submit(doubles([1, 2]))
    (task,) = await rig.worker.read()
    held = rig.worker.token(task)
    await rig.worker.claim(task, held)
    await pause(rig, execution_id)

    await rig.transitions.map_node(held, [b"1", b"2"], tolerated=0, stops=False)

    assert await statuses(rig, execution_id) == [N.PENDING, N.PENDING]
    assert await rig.worker.read() == []
    assert await rig.repairs(execution_id) == []
    await resume(rig, execution_id)
    assert sorted(await act(rig)) == ["A", "A[0]", "A[1]"]


async def test_what_a_resume_of_a_map_lost_is_repaired(rig: Rig) -> None:
    execution_id = await mapped(rig, [1, 2, 3], max_concurrency=1)
    (task,) = await rig.worker.read()
    await pause(rig, execution_id)
    await rig.worker.claim(task)
    await rig.redis.delete(f"workflow:{execution_id}:held")

    assert await rig.repairs(execution_id) == ["hold A[0]"]
    await resume(rig, execution_id)
    assert await rig.repairs(execution_id) == ["release A[0]"]

    await rig.engine.executions.trigger(execution_id)
    assert await act(rig) == ["A[0]", "A[1]", "A[2]", "A"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_cancel_ends_the_items_that_are_held(rig: Rig) -> None:
    execution_id = await mapped(rig, [1, 2, 3], max_concurrency=2)
    tasks = await rig.worker.read()
    await pause(rig, execution_id)
    await rig.worker.claim(tasks[0])

    await rig.engine.executions.cancel(execution_id, request_id="c")

    assert await rig.status(execution_id) is E.CANCELLED
    assert set(await statuses(rig, execution_id)) == {N.CANCELLED}
    assert await rig.nothing_is_left_behind()


async def test_items_are_ended_by_hand_one_by_one(rig: Rig) -> None:
    execution_id = await mapped(rig, [1, 2, 3, 4], max_concurrency=3)
    held = await rig.worker.start()

    await rig.engine.nodes.complete(execution_id, "A[0]", "by hand", ANN)
    await rig.engine.nodes.skip(execution_id, "A[1]", ANN)

    assert (await rig.worker.complete(held["A[0]"], 9)).word == "fenced"
    assert await statuses(rig, execution_id) == [N.COMPLETED, N.SKIPPED, N.RUNNING, N.QUEUED]
    assert await rig.repairs(execution_id) == []
    await rig.worker.complete(held["A[2]"], 6)
    assert await act(rig) == ["A[3]", "A"]
    (first, second, *_) = output_of(await rig.store.output(execution_id, "A"))
    assert (first, second) == ("by hand", None)


async def test_a_failed_item_counts_against_the_tolerance(rig: Rig) -> None:
    execution_id = await mapped(rig, [1, 2])

    await rig.engine.nodes.fail(execution_id, "A[0]", ANN)
    await act(rig)

    assert (await rig.nodes(execution_id))["A"] is N.FAILED


async def test_a_node_that_waits_for_its_items_is_not_ended_over_their_heads(rig: Rig) -> None:
    execution_id = await mapped(rig, [1, 2], max_concurrency=1)

    for call in (
        rig.engine.nodes.complete(execution_id, "A", [], ANN),
        rig.engine.nodes.skip(execution_id, "A", ANN),
        rig.engine.nodes.retry_now(execution_id, "A", ANN),
    ):
        with pytest.raises(NodeBusy, match=r"it waits for its items; .* \(A\[0\], …\)"):
            await call
    for unit in ("A[1]", "A[7]", "Z[0]"):
        with pytest.raises(NodeNotFound):
            await rig.engine.nodes.skip(execution_id, unit, ANN)


async def test_a_map_that_asks_runs_its_failed_items_again_after_the_resume(rig: Rig) -> None:
    policy = {"max_attempts": 1, "on_exhausted": "pause"}
    BROKEN.add(2)
    execution_id = await rig.submit(doubles([1, 2, 3], policy=policy), node("B", after=["A"]))

    assert sorted(await act(rig)) == ["A", "A", "A[0]", "A[1]", "A[2]"]

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (await rig.status(execution_id), state.status) == (E.PAUSED, N.WAITING)
    assert await rig.repairs(execution_id) == []
    BROKEN.clear()
    await resume(rig, execution_id)
    assert await act(rig) == ["A", "A[1]", "A", "B"]
    items = (await rig.engine.nodes.items(execution_id, "A", limit=10)).items
    assert [item.state.tries for item in items] == [1, 1, 1], "tries start anew"
    assert output_of(await rig.store.output(execution_id, "A")) == [2, 4, 6]
    assert await rig.status(execution_id) is E.COMPLETED
