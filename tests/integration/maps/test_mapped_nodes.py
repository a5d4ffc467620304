"""A node that runs once for each item of a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from headrace import registration
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from tests.integration.execution_ends import ended
from tests.makers import Rig, WorkerFleet, held_by, node
from workers.context import HandlerContext, Toolbox

E, N = ExecutionStatus, NodeStatus
CALLS: Counter[tuple[int, str]] = Counter()


@pytest.fixture(autouse=True)
def _square() -> Iterator[None]:
    @registration.handler("test_square")
    async def square(config: dict[str, Any], context: HandlerContext) -> Any:
        CALLS[(config["index"], context.idempotency_key)] += 1
        if config["n"] in config.get("failing", ()):
            raise ValueError(f"no square of {config['n']}")
        return config["n"] ** 2

    CALLS.clear()
    yield
    registration.HANDLER_REGISTRY.pop("test_square", None)


def squares(items: Any, *, failing: list[Any] | None = None, **fields: Any) -> dict[str, Any]:
    config = {"n": "{{ item }}", "index": "{{ index }}", "failing": failing or []}
    extras = {name: fields.pop(name) for name in ("retry", "after", "when") if name in fields}
    return node("A", handler="test_square", config=config, map={"items": items, **fields}, **extras)


async def output(rig: Rig, execution_id: str) -> Any:
    return orjson.loads(await rig.store.output(execution_id, "A") or b"null")


async def test_failures_within_the_tolerance_leave_the_node_completed(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await rig.submit(squares([0, 1, 2], failing=[1], tolerated_failure_count=1))

    assert await ended(rig, execution_id) is E.COMPLETED
    first, failed, last = await output(rig, execution_id)
    assert first == {"index": 0, "status": "COMPLETED", "output": 0}
    assert (failed["status"], failed["error"]["message"]) == ("FAILED", "ValueError: no square of 1")
    assert last == {"index": 2, "status": "COMPLETED", "output": 4}


@pytest.mark.parametrize("limit", [{"tolerated_failure_count": 1}, {"tolerated_failure_percentage": 0.1}])
async def test_a_tolerance_decides_the_shape_whatever_the_items_end_as(
    rig: Rig, fleet: WorkerFleet, limit: dict[str, Any]
) -> None:
    await fleet.start()

    execution_id = await rig.submit(squares([0, 1], **limit))

    assert await ended(rig, execution_id) is E.COMPLETED
    assert await output(rig, execution_id) == [
        {"index": 0, "status": "COMPLETED", "output": 0},
        {"index": 1, "status": "COMPLETED", "output": 1},
    ]


async def test_an_empty_list_completes_at_once(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await rig.submit(squares([]))

    assert await ended(rig, execution_id) is E.COMPLETED
    assert await output(rig, execution_id) == []


async def test_stop_starts_nothing_more_beyond_the_tolerance(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await rig.submit(
        squares(list(range(50)), failing=[0], max_concurrency=1, on_item_failure="stop")
    )

    assert await ended(rig, execution_id) is E.FAILED
    assert len(CALLS) == 1
    items = await rig.store.items.page(execution_id, "A", 0, 100)
    assert [item.state.status for item in items] == [N.FAILED] + [N.CANCELLED] * 49


async def test_a_retry_runs_only_what_did_not_complete(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    execution_id = await rig.submit(squares([0, 1, 2, 3], failing=[1, 3]))
    assert await ended(rig, execution_id) is E.FAILED
    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert state.error is not None and state.error["details"]["failed"] == 2

    await rig.engine.executions.retry(execution_id)
    assert await ended(rig, execution_id) is E.FAILED

    assert sorted((index, calls) for (index, _), calls in CALLS.items()) == [(0, 1), (1, 2), (2, 1), (3, 2)]


async def test_the_error_of_the_node_names_the_first_item_that_failed_and_why(
    rig: Rig, fleet: WorkerFleet
) -> None:
    await fleet.start()

    execution_id = await rig.submit(squares([0, 1, 2, 3], failing=[1, 3]))
    await ended(rig, execution_id)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    (first, _) = await rig.store.items.page(execution_id, "A", 0, 10, status=N.FAILED)
    assert first.state.error is not None and state.error is not None
    assert state.error["message"] == (
        "2 of 4 items failed; tolerated are 0; first: item 1 with "
        f"{first.state.error['type']}: {first.state.error['message']}"
    )
    explained = await rig.engine.executions.explain_unit(execution_id, "A")
    assert (explained.details["failed_items"], " try " in explained.waiting_for) == ([1, 3], False)


async def test_a_secret_that_an_item_failed_with_is_not_in_the_error_of_its_node(
    rig: Rig, fleet: WorkerFleet
) -> None:
    await fleet.start(tools=Toolbox(environment="development", secrets={"TOKEN": "hunter2"}))

    execution_id = await rig.submit(squares(["hunter2"], failing=["hunter2"]))
    await ended(rig, execution_id)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert state.error is not None
    assert "first: item 0 with HandlerError: ValueError: no square of " in state.error["message"]
    assert "hunter2" not in str(state.error)


async def test_a_long_error_of_an_item_is_cut_in_the_error_of_its_node(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await rig.submit(squares(["x" * 900], failing=["x" * 900]))
    await ended(rig, execution_id)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert state.error is not None
    assert state.error["message"].endswith("xxx…")
    assert len(state.error["message"]) < 600


async def test_items_that_run_again_are_off_the_list_of_the_dead(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    retry = {"max_attempts": 2, "initial_interval": 0.01}
    execution_id = await rig.submit(squares([0, 1, 2, 3], failing=[1, 3], retry=retry))
    await ended(rig, execution_id)
    listed = (await rig.engine.dead_letters.list()).items
    before = {entry.node_id: entry.entry_id for entry in listed}
    execution = (await rig.engine.executions.get(execution_id)).execution
    assert {entry.name for entry in listed} == {execution.name}

    await rig.engine.executions.retry(execution_id)
    await ended(rig, execution_id)

    after = {entry.node_id: entry.entry_id for entry in (await rig.engine.dead_letters.list()).items}
    assert sorted(before) == sorted(after) == ["A[1]", "A[3]"]
    assert not set(before.values()) & set(after.values())


async def test_a_thousand_items_of_which_five_percent_fail(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    failing = list(range(0, 1_000, 20))

    execution_id = await rig.submit(
        squares(
            list(range(1_000)),
            failing=failing,
            tolerated_failure_percentage=5,
            retry={"max_attempts": 2, "initial_interval": 0.01},
        )
    )

    assert await ended(rig, execution_id) is E.COMPLETED
    for (index, key), calls in CALLS.items():
        assert key == f"{execution_id}:A[{index}]"
        assert calls == (2 if index in failing else 1)
    assert len(CALLS) == 1_000
    counts = (await rig.store.items.counts(execution_id, ["A"]))["A"]
    assert (counts.completed, counts.failed, counts.live) == (950, 50, 0)
    entries = await output(rig, execution_id)
    assert [entry["index"] for entry in entries if entry["status"] == "FAILED"] == failing
    assert await rig.nothing_is_left_behind()
    events = await rig.store.events(execution_id, after=0, limit=100_000)
    assert sum(event.type == "node.failed" and event.item is not None for event in events) == 50


async def test_a_cancel_lets_running_items_finish_within_the_grace(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", map={"items": [1, 2, 3], "max_concurrency": 2}))
    held = await rig.worker.start_one("A")
    await rig.transitions.map_node(held, [b"1", b"2", b"3"], tolerated=0, stops=False)
    first, _ = await rig.worker.read()
    running = await rig.worker.claim(first)
    assert not isinstance(running, str)

    await rig.engine.executions.cancel(execution_id, grace_ms=5_000, request_id="r")
    assert await rig.status(execution_id) is E.RUNNING
    assert await rig.repairs(execution_id) == []
    await rig.worker.complete(held_by(running))

    assert await rig.status(execution_id) is E.CANCELLED
    assert (await rig.nodes(execution_id))["A"] is N.CANCELLED
    items = await rig.store.items.page(execution_id, "A", 0, 10)
    assert [item.state.status for item in items] == [N.COMPLETED, N.CANCELLED, N.CANCELLED]
    assert await rig.nothing_is_left_behind()


async def test_what_items_lost_is_repaired(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", map={"items": [1, 2, 3], "max_concurrency": 2}))
    held = await rig.worker.start_one("A")
    await rig.transitions.map_node(held, [b"1", b"2", b"3"], tolerated=0, stops=False)
    assert await rig.repairs(execution_id) == []
    (said,) = await rig.engine.executions.explain(execution_id)
    assert "map: 0 of 3 items done, 2 queued" in said.waiting_for
    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert state.waiting_on is WaitingOn.MAP

    await rig.redis.xtrim("workflow:tasks", maxlen=0, approximate=False)
    await rig.redis.hset(rig.transitions.keys.items(execution_id, "A"), "live", 0)

    assert await rig.repairs(execution_id) == ["requeue A[0] 1", "requeue A[1] 1", "items A 2 0 0 0"]
    await rig.engine.executions.trigger(execution_id)
    assert await rig.repairs(execution_id) == []
    assert sorted(await rig.worker.run_all()) == ["A", "A[0]", "A[1]", "A[2]"]
    assert await rig.status(execution_id) is E.COMPLETED
