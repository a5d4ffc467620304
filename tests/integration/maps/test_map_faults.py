"""Maps when something goes wrong in the middle: lost leases, time limits, cancels, lost counts."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.integration.handler_steps import act, output_of
from tests.integration.mapped_nodes import listed, statuses, tens
from tests.makers import LEASE_MS, Rig, node

pytestmark = pytest.mark.usefixtures("tens_handler")
E, N = ExecutionStatus, NodeStatus


async def test_an_item_whose_worker_is_lost_runs_again_uncharged(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2], max_concurrency=2))
    await rig.worker.complete(held["A[0]"], 10)

    await rig.advance(LEASE_MS + 1)

    assert await statuses(rig, execution_id) == [N.COMPLETED, N.QUEUED]
    assert (await rig.worker.complete(held["A[1]"], "late")).word == "fenced"
    assert await act(rig) == ["A[1]", "A"]
    assert output_of(await rig.store.output(execution_id, "A")) == [10, 20]
    (_, again) = await rig.store.items.page(execution_id, "A", 0, 10)
    assert (again.state.attempt, again.state.tries, again.state.crashes) == (2, 1, 1)
    assert await rig.nothing_is_left_behind()


async def test_an_item_that_kills_its_workers_fails_alone(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2], tolerated_failure_count=1))
    await rig.worker.complete(held["A[0]"], 10)

    for _ in range(6):
        await rig.advance(LEASE_MS + 1)
        await rig.advance(60_000)
        await rig.worker.start()
    assert await statuses(rig, execution_id) == [N.COMPLETED, N.FAILED]
    await act(rig)

    poisoned = (await rig.store.items.page(execution_id, "A", 0, 10))[1]
    assert poisoned.state.reason is Reason.POISON
    assert [entry.node_id for entry in (await rig.engine.dead_letters.list()).items] == ["A[1]"]


async def test_a_lost_worker_between_items_and_output_costs_nothing(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2]))
    for unit, token in held.items():
        await rig.worker.complete(token, unit)
    last = await rig.worker.start_one("A")

    await rig.advance(LEASE_MS + 1)

    assert (await rig.worker.complete(last, "late")).word == "fenced"
    assert await act(rig) == ["A"]
    assert output_of(await rig.store.output(execution_id, "A")) == ["A[0]", "A[1]"]


async def test_the_deadline_of_the_execution_ends_items_that_run(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2, 3], max_concurrency=2), execution_timeout="10s")
    await rig.worker.complete(held["A[0]"], 10)

    await rig.advance(10_000)

    assert await rig.status(execution_id) is E.FAILED
    assert (await rig.nodes(execution_id))["A"] is N.CANCELLED
    assert await statuses(rig, execution_id) == [N.COMPLETED, N.CANCELLED, N.CANCELLED]
    assert (await rig.worker.complete(held["A[1]"], "late")).word == "fenced"
    assert await rig.nothing_is_left_behind()


async def test_a_time_limit_of_the_node_is_one_of_each_item(rig: Rig) -> None:
    retry = {"max_attempts": 2, "initial_interval": 1, "jitter": "none"}
    execution_id, held = await listed(rig, tens([1, 2], start_to_close_timeout="5s", retry=retry))
    await rig.worker.complete(held["A[0]"], 10)

    await rig.advance(6_001)

    assert await statuses(rig, execution_id) == [N.COMPLETED, N.WAITING]
    await rig.advance(1_000)
    assert await act(rig) == ["A[1]", "A"]
    assert output_of(await rig.store.output(execution_id, "A")) == [10, 20]


async def test_an_item_no_worker_takes_in_time_fails(rig: Rig) -> None:
    execution_id, _ = await listed(rig, tens([1, 2], schedule_to_start_timeout="5s", max_concurrency=1))
    first = held_by_unit(await rig.store.items.page(execution_id, "A", 0, 10))
    assert first == {"A[0]": N.RUNNING, "A[1]": N.PENDING}
    await rig.advance(20_000)
    assert await statuses(rig, execution_id) == [N.QUEUED, N.PENDING]

    await rig.advance(5_001)
    await rig.advance(5_001)

    assert await statuses(rig, execution_id) == [N.FAILED, N.FAILED]
    await rig.advance(1)
    assert (await rig.store.items.page(execution_id, "A", 0, 1))[0].state.reason is Reason.TIMEOUT


def held_by_unit(items: list[Any]) -> dict[str, NodeStatus]:
    return {item.state.node_id: item.state.status for item in items}


async def test_fail_fast_leaves_items_that_run_and_starts_no_other(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2, 3], max_concurrency=2), node("B"), fail_fast=True)
    await rig.worker.complete(held["A[0]"], 10)

    await rig.worker.fail(held["B"])

    assert await rig.status(execution_id) is E.RUNNING
    assert await statuses(rig, execution_id) == [N.COMPLETED, N.RUNNING, N.CANCELLED]
    assert await rig.repairs(execution_id) == []
    assert (await rig.worker.complete(held["A[1]"], 20)).word == "ok"
    assert await rig.status(execution_id) is E.FAILED
    assert (await rig.nodes(execution_id))["A"] is N.CANCELLED
    assert await statuses(rig, execution_id) == [N.COMPLETED, N.COMPLETED, N.CANCELLED]
    assert await rig.nothing_is_left_behind()


async def test_a_failing_item_is_no_failed_node_to_fail_fast(rig: Rig) -> None:
    execution_id, held = await listed(
        rig, tens([1, 2], tolerated_failure_count=1), node("B", after=["A"]), fail_fast=True
    )

    await rig.worker.fail(held["A[0]"])

    assert await rig.status(execution_id) is E.RUNNING
    await rig.worker.complete(held["A[1]"], 20)
    assert await act(rig) == ["A", "B"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_the_end_of_a_grace_fences_items_that_still_run(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2, 3], max_concurrency=2))
    await rig.engine.executions.cancel(execution_id, grace_ms=5_000, request_id="r")
    assert await statuses(rig, execution_id) == [N.RUNNING, N.RUNNING, N.CANCELLED]
    words = await rig.transitions.renew_leases(list(held.values()), lease_ms=LEASE_MS)
    assert words == ["cancel", "cancel"]
    assert (await rig.transitions.cancel_node(held["A[0]"])).word == "ok"

    await rig.advance(5_000)

    assert await rig.status(execution_id) is E.CANCELLED
    assert await statuses(rig, execution_id) == [N.CANCELLED] * 3
    assert (await rig.worker.complete(held["A[1]"], "late")).word == "fenced"
    assert await rig.nothing_is_left_behind()


async def test_an_item_that_would_try_again_is_cancelled_in_the_grace(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1]))
    await rig.engine.executions.cancel(execution_id, grace_ms=5_000, request_id="r")

    await rig.worker.retry(held["A[0]"])

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_cancel_while_the_node_lists_its_items_starts_none(rig: Rig) -> None:
    execution_id = await rig.submit(tens([1, 2]))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, grace_ms=5_000, request_id="r")

    await rig.transitions.map_node(held, [b"1", b"2"], tolerated=0, stops=False)

    assert await rig.status(execution_id) is E.CANCELLED
    assert await statuses(rig, execution_id) == [N.PENDING, N.PENDING]
    assert await rig.nothing_is_left_behind()


async def test_items_may_ask_people_one_by_one(rig: Rig) -> None:
    ask = node("A", handler="approval", map={"items": ["ann", "bob"]})
    execution_id = await rig.submit(ask | {"config": {"prompt": "{{ item }}?", "timeout": "1h"}})
    await act(rig)
    pending = (await rig.engine.approvals.list()).items
    assert sorted((each.node_id, each.prompt) for each in pending) == [("A[0]", "ann?"), ("A[1]", "bob?")]

    await rig.engine.approvals.decide(
        execution_id, "A[1]", decision="approve", by="me", shown=shown(pending, "A[1]")
    )
    assert await rig.status(execution_id) is E.RUNNING
    await rig.engine.approvals.decide(
        execution_id, "A[0]", decision="approve", by="me", shown=shown(pending, "A[0]")
    )
    await act(rig)

    found = output_of(await rig.store.output(execution_id, "A"))
    assert [row["decision"] for row in found] == ["approve", "approve"]
    assert await rig.nothing_is_left_behind()


def shown(pending: Any, unit: str) -> str:
    return str(next(each.shown for each in pending if each.node_id == unit))


async def test_counts_that_are_lost_neither_end_a_map_nor_decide_it(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2, 3], max_concurrency=2))
    key = rig.transitions.keys.items(execution_id, "A")
    await rig.worker.fail(held["A[0]"])
    await rig.redis.hdel(key, "live", "FAILED")

    await rig.worker.complete(held["A[1]"], 20)
    assert (await rig.nodes(execution_id))["A"] is N.WAITING
    await rig.engine.executions.trigger(execution_id)  # Looks, as the sweep does.
    held = await rig.worker.start()
    await rig.redis.hdel(key, "FAILED")
    await rig.worker.complete(held["A[2]"], 30)
    await act(rig)

    assert await rig.status(execution_id) is E.FAILED
    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert state.error is not None
    assert state.error["message"].startswith("1 of 3 items failed; tolerated are 0;")


async def test_a_cancel_ends_though_the_count_of_items_was_lost(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2, 3], max_concurrency=2))
    key = rig.transitions.keys.items(execution_id, "A")
    await rig.redis.hdel(key, "live")
    await rig.engine.executions.cancel(execution_id, grace_ms=60_000, request_id="r")
    assert await statuses(rig, execution_id) == [N.RUNNING, N.RUNNING, N.CANCELLED]

    for token in held.values():
        assert (await rig.worker.complete(token, 1)).word == "ok"
    await rig.engine.executions.trigger(execution_id)

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_late_copy_of_a_task_of_an_item_is_refused(rig: Rig) -> None:
    execution_id, _ = await listed(rig, tens([1, 2], max_concurrency=1))
    await rig.redis.xadd(
        "workflow:tasks",
        {"execution_id": execution_id, "node_id": "A[0]", "handler": "test_tens", "attempt": "1"},
    )
    (copy,) = await rig.worker.read()
    assert await rig.worker.claim(copy) == "busy"
    await rig.redis.xadd(
        "workflow:tasks",
        {"execution_id": execution_id, "node_id": "A[1]", "handler": "test_tens", "attempt": "1"},
    )
    (early,) = await rig.worker.read()

    assert await rig.worker.claim(early) == "stale"
    assert await rig.redis.xlen("workflow:tasks") == 1


async def test_counting_anew_starts_no_item_too_many(rig: Rig) -> None:
    execution_id, _ = await listed(rig, tens([1, 2, 3], max_concurrency=2))
    await rig.redis.hset(rig.transitions.keys.items(execution_id, "A"), "COMPLETED", 7)

    await rig.engine.executions.trigger(execution_id)

    assert await statuses(rig, execution_id) == [N.RUNNING, N.RUNNING, N.PENDING]
    assert await rig.repairs(execution_id) == []


async def test_a_cancel_reaches_every_item_of_a_long_list(rig: Rig) -> None:
    execution_id, _ = await listed(rig, tens(list(range(250)), max_concurrency=120))

    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="r")

    items = [await rig.store.items.page(execution_id, "A", first, 100) for first in (0, 100, 200)]
    assert {item.state.status for page in items for item in page} == {N.CANCELLED}
    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_cancelled_retry_leaves_what_had_completed(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2, 3], max_concurrency=1))
    await rig.worker.fail(held["A[0]"])
    await act(rig)
    assert await statuses(rig, execution_id) == [N.FAILED, N.COMPLETED, N.COMPLETED]
    await rig.engine.executions.retry(execution_id)
    await rig.transitions.map_node(await rig.worker.start_one("A"), [], tolerated=0, stops=False, keeps=True)
    assert await statuses(rig, execution_id) == [N.QUEUED, N.COMPLETED, N.COMPLETED]

    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="r")

    assert await statuses(rig, execution_id) == [N.CANCELLED, N.COMPLETED, N.COMPLETED]
    assert await rig.status(execution_id) is E.CANCELLED
