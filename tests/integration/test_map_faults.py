"""Maps when something goes wrong in the middle: lost leases, time limits, cancels, outputs too large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from orchestrator.transitions import Holding
from tests.integration.acting import act, output_of
from tests.makers import LEASE_MS, Rig, WorkerFleet, node, until
from workers import registry
from workers.context import HandlerContext

E, N = ExecutionStatus, NodeStatus
CALLS: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _tens() -> Iterator[None]:
    @registry.handler("test_tens")
    async def tens(config: dict[str, Any], context: HandlerContext) -> Any:
        CALLS[context.node_id] += 1
        if config["n"] in config.get("failing", ()):
            raise ValueError(f"{config['n']} is one of them")
        return config.get("output", config["n"] * 10)

    CALLS.clear()
    yield
    registry.HANDLER_REGISTRY.pop("test_tens", None)


def tens(items: Any, *, config: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A node that runs for each item; fields of the node and of its map, by name."""
    of_node = ("retry", "after", "when", "critical", "start_to_close_timeout", "schedule_to_start_timeout")
    extras = {name: fields.pop(name) for name in of_node if name in fields}
    made = node("A", handler="test_tens", map={"items": items, **fields}, **extras)
    return made | {"config": {"n": "{{ item }}", **(config or {})}}


async def listed(rig: Rig, *nodes: dict[str, Any], **extras: Any) -> tuple[str, dict[str, Holding]]:
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
    assert [entry.node_id for entry in (await rig.engine.dead()).items] == ["A[1]"]


async def test_a_lost_worker_between_items_and_output_costs_nothing(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2]))
    for unit, holding in held.items():
        await rig.worker.complete(holding, unit)
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
    await rig.engine.cancel(execution_id, grace_ms=5_000, request_id="r")
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
    await rig.engine.cancel(execution_id, grace_ms=5_000, request_id="r")

    await rig.worker.retry(held["A[0]"])

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_cancel_while_the_node_lists_its_items_starts_none(rig: Rig) -> None:
    execution_id = await rig.submit(tens([1, 2]))
    held = await rig.worker.start_one("A")
    await rig.engine.cancel(execution_id, grace_ms=5_000, request_id="r")

    await rig.transitions.map_node(held, [b"1", b"2"], tolerated=0, stops=False)

    assert await rig.status(execution_id) is E.CANCELLED
    assert await statuses(rig, execution_id) == [N.PENDING, N.PENDING]
    assert await rig.nothing_is_left_behind()


async def test_a_retry_after_a_cancel_keeps_the_items_that_completed(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2, 3], max_concurrency=2))
    await rig.worker.complete(held["A[0]"], 10)
    await rig.engine.cancel(execution_id, grace_ms=0, request_id="r")

    await rig.engine.retry(execution_id)

    assert await act(rig) == ["A", "A[1]", "A[2]", "A"]
    assert output_of(await rig.store.output(execution_id, "A")) == [10, 20, 30]
    assert CALLS == {"A[1]": 1, "A[2]": 1}
    assert await rig.nothing_is_left_behind()


async def test_a_retry_of_what_was_cancelled_after_its_items_runs_none_of_them(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2]))
    for holding in held.values():
        await rig.worker.complete(holding, 5)
    await rig.engine.cancel(execution_id, grace_ms=0, request_id="r")

    await rig.engine.retry(execution_id)

    assert await act(rig) == ["A", "A"]
    assert output_of(await rig.store.output(execution_id, "A")) == [5, 5]


async def test_a_retry_gives_every_failed_item_its_tries_anew(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    retry = {"max_attempts": 2, "initial_interval": 0.01}
    execution_id = await rig.submit(tens([0, 1, 2], config={"failing": [1]}, retry=retry))
    await until(lambda: has_ended(rig, execution_id))
    assert CALLS == {"A[0]": 1, "A[1]": 2, "A[2]": 1}
    first = (await rig.store.items.page(execution_id, "A", 1, 1))[0].state

    await rig.engine.retry(execution_id)
    await until(lambda: has_ended(rig, execution_id))

    assert CALLS == {"A[0]": 1, "A[1]": 4, "A[2]": 1}
    second = (await rig.store.items.page(execution_id, "A", 1, 1))[0].state
    assert (first.tries, second.tries) == (2, 2)
    assert (first.attempt, second.attempt) == (2, 4)
    dead = [entry.node_id for entry in (await rig.engine.dead()).items]
    assert dead == ["A[1]"]


async def has_ended(rig: Rig, execution_id: str) -> bool:
    return (await rig.status(execution_id)).is_terminal


async def test_a_stopped_map_goes_on_with_what_never_started(rig: Rig) -> None:
    document = tens([1, 2, 3], max_concurrency=1, on_item_failure="stop")
    execution_id, held = await listed(rig, document)
    await rig.worker.fail(held["A[0]"])
    await act(rig)
    assert await rig.status(execution_id) is E.FAILED
    assert await statuses(rig, execution_id) == [N.FAILED, N.CANCELLED, N.CANCELLED]

    await rig.engine.retry(execution_id)
    ran = await act(rig)

    assert ran == ["A", "A[0]", "A[1]", "A[2]", "A"]
    assert await rig.status(execution_id) is E.COMPLETED
    assert output_of(await rig.store.output(execution_id, "A")) == [10, 20, 30]


async def test_a_fork_behind_a_map_keeps_its_output_and_runs_no_item(rig: Rig) -> None:
    behind = node("B", after=["A"], handler="noop") | {"config": {"seen": "{{ A }}"}}
    source_id = await rig.submit(tens([1, 2]), behind)
    await act(rig)
    assert CALLS == {"A[0]": 1, "A[1]": 1}

    forked = await rig.engine.fork(source_id, from_node="B")
    assert forked.execution_id is not None
    assert await act(rig) == ["B"]

    assert output_of(await rig.store.output(forked.execution_id, "A")) == [10, 20]
    assert await rig.engine.items(forked.execution_id, "A", first=0, limit=10) == []
    again = await rig.engine.fork(source_id, from_node="A")
    assert again.nodes == ("A", "B")
    assert await act(rig) == ["A", "A[0]", "A[1]", "A", "B"]


async def test_a_replay_runs_every_item_again(rig: Rig) -> None:
    source_id = await rig.submit(tens("{{ inputs.rows }}"), inputs={"type": "object"}, trigger=False)
    await rig.engine.trigger(source_id, {"rows": [1, 2]})
    await act(rig)

    replayed = await rig.engine.replay(source_id, {"rows": [7]})

    assert await act(rig) == ["A", "A[0]", "A"]
    assert output_of(await rig.store.output(replayed.execution_id, "A")) == [70]


async def test_outputs_of_items_too_large_together_fail_the_node(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start(output_max_bytes=1_000)
    execution_id = await rig.submit(tens([1, 2, 3], config={"output": "x" * 400}))
    await until(lambda: has_ended(rig, execution_id))

    state, _ = await rig.engine.node(execution_id, "A")
    assert state.status is N.FAILED
    assert state.error is not None
    assert state.error["type"] == "OutputTooLarge"
    assert "1000 bytes" in state.error["message"]
    assert await statuses(rig, execution_id) == [N.COMPLETED] * 3


async def test_an_item_whose_output_is_too_large_fails_alone(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start(output_max_bytes=1_000)
    config = {"output": "{{ item }}{{ item }}{{ item }}{{ item }}"}
    execution_id = await rig.submit(tens(["x" * 300, "y"], config=config, tolerated_failure_count=1))
    await until(lambda: has_ended(rig, execution_id))

    large, small = output_of(await rig.store.output(execution_id, "A"))

    assert (large["status"], large["error"]["type"]) == ("FAILED", "OutputTooLarge")
    assert small == {"index": 1, "status": "COMPLETED", "output": "yyyy"}


@pytest.mark.parametrize(
    ("rows", "type", "says"),
    [
        ({"a": 1}, "TemplateError", "map.items must give a list, got dict"),
        (None, "TemplateError", "map.items must give a list, got NoneType"),
        ([1, 2, 3], "TemplateError", "map.items gives 3 items; allowed are 2 (max_items)"),
        (["x" * 600_000, "y" * 600_000], "OutputTooLarge", "have more than 1,048,576 bytes"),
    ],
)
async def test_a_list_that_cannot_be_mapped_fails_the_node_before_any_item(
    rig: Rig, rows: Any, type: str, says: str
) -> None:
    execution_id = await rig.submit(tens("{{ B.rows }}", after=["B"], max_items=2), node("B"))
    await rig.worker.complete(await rig.worker.start_one("B"), {"rows": rows})

    await act(rig)

    state, _ = await rig.engine.node(execution_id, "A")
    assert (state.status, state.reason) == (N.FAILED, Reason.ERROR)
    assert state.error is not None
    assert state.error["type"] == type
    assert says in state.error["message"]
    assert CALLS == {}


async def test_a_false_when_skips_the_whole_map(rig: Rig) -> None:
    execution_id = await rig.submit(tens([1, 2], when="{{ 1 > 2 }}"))

    assert await act(rig) == ["A"]

    assert (await rig.reasons(execution_id))["A"] is Reason.CONDITION_FALSE
    assert CALLS == {}


async def test_items_may_ask_people_one_by_one(rig: Rig) -> None:
    ask = node("A", handler="approval", map={"items": ["ann", "bob"]})
    execution_id = await rig.submit(ask | {"config": {"prompt": "{{ item }}?", "timeout": "1h"}})
    await act(rig)
    pending = (await rig.engine.approvals()).items
    assert sorted((each.node_id, each.prompt) for each in pending) == [("A[0]", "ann?"), ("A[1]", "bob?")]

    await rig.engine.decide(execution_id, "A[1]", decision="approve", by="me", shown=shown(pending, "A[1]"))
    assert await rig.status(execution_id) is E.RUNNING
    await rig.engine.decide(execution_id, "A[0]", decision="approve", by="me", shown=shown(pending, "A[0]"))
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
    await rig.engine.trigger(execution_id)  # Looks, as the sweep does.
    held = await rig.worker.start()
    await rig.redis.hdel(key, "FAILED")
    await rig.worker.complete(held["A[2]"], 30)
    await act(rig)

    assert await rig.status(execution_id) is E.FAILED
    state, _ = await rig.engine.node(execution_id, "A")
    assert state.error is not None
    assert state.error["message"] == "1 of 3 items failed; tolerated are 0"


async def test_a_cancel_ends_though_the_count_of_items_was_lost(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2, 3], max_concurrency=2))
    key = rig.transitions.keys.items(execution_id, "A")
    await rig.redis.hdel(key, "live")
    await rig.engine.cancel(execution_id, grace_ms=60_000, request_id="r")
    assert await statuses(rig, execution_id) == [N.RUNNING, N.RUNNING, N.CANCELLED]

    for holding in held.values():
        assert (await rig.worker.complete(holding, 1)).word == "ok"
    await rig.engine.trigger(execution_id)

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
