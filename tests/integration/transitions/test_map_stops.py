"""Items that run when their map stops, and items that nobody could run, when their execution is retried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.execution.model import Awaiting
from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.store.requests import AttemptToken
from tests.integration.acting import act
from tests.integration.mapped import listed, statuses, tens, tens_registered
from tests.integration.transitions.nested import nested
from tests.integration.transitions.prepared import child_of
from tests.makers import LEASE_MS, Rig, error_of

E, N = ExecutionStatus, NodeStatus


@pytest.fixture(autouse=True)
def _tens() -> Iterator[None]:
    with tens_registered():
        yield


async def stopped(rig: Rig, **extras: Any) -> tuple[str, AttemptToken]:
    """A map that has stopped; gives the item that still runs."""
    items = tens([1, 2, 3], on_item_failure="stop", max_concurrency=2)
    execution_id, held = await listed(rig, items, **extras)
    await rig.worker.fail(held["A[0]"])
    assert await statuses(rig, execution_id) == [N.FAILED, N.RUNNING, N.CANCELLED]
    return execution_id, held["A[1]"]


@pytest.mark.parametrize("how", ["retry", "delay", "release", "lost lease", "signal", "child"])
async def test_what_runs_when_a_map_stops_does_not_begin_anew(rig: Rig, how: str) -> None:
    execution_id, running = await stopped(rig)

    match how:
        case "retry":
            await rig.worker.retry(running, 60_000)
        case "delay":
            await rig.worker.delay(running, 60_000)
        case "release":
            await rig.transitions.release_node(running)
        case "lost lease":
            await rig.advance(LEASE_MS + 1)
        case "signal":
            await rig.transitions.await_node(running, Awaiting(WaitingOn.SIGNAL, "go", {}, None, {}))
        case "child":
            await rig.transitions.start_child(running, child_of(execution_id, "A[1]"))

    assert await statuses(rig, execution_id) == [N.FAILED, N.CANCELLED, N.CANCELLED]
    assert await rig.repairs(execution_id) == []
    assert await act(rig) == ["A"]
    assert await rig.status(execution_id) is E.FAILED
    assert await rig.redis.keys(f"*{child_of(execution_id, 'A[1]').execution_id}*") == []
    assert await rig.nothing_is_left_behind()


async def test_what_runs_when_a_map_stops_may_still_end_well(rig: Rig) -> None:
    execution_id, running = await stopped(rig)

    await rig.worker.complete(running, 20)

    assert await statuses(rig, execution_id) == [N.FAILED, N.COMPLETED, N.CANCELLED]
    assert await act(rig) == ["A"]


async def test_nobody_is_asked_about_an_item_whose_map_has_stopped(rig: Rig) -> None:
    execution_id, running = await stopped(rig, budget={"max_tokens": 1_000, "on_budget": "pause"})

    error = error_of("BudgetExceeded")
    await rig.transitions.fail_node(running, error, reason=Reason.ERROR, is_dead=False)

    assert await statuses(rig, execution_id) == [N.FAILED, N.FAILED, N.CANCELLED]
    assert await rig.status(execution_id) is E.RUNNING
    assert await act(rig) == ["A"]
    assert await rig.status(execution_id) is E.FAILED


async def test_a_retry_starts_what_a_stop_kept_from_beginning_anew(rig: Rig) -> None:
    execution_id, running = await stopped(rig)
    await rig.worker.retry(running, 60_000)
    await act(rig)

    await rig.engine.retry(execution_id)

    assert await act(rig) == ["A", "A[0]", "A[1]", "A[2]", "A"]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_an_item_that_looks_at_its_child_when_its_map_stops_ends_with_it(rig: Rig) -> None:
    execution_id = await rig.submit(nested("S", map={"items": [0, 1], "on_item_failure": "stop"}))
    await rig.transitions.map_node(await rig.worker.start_one("S"), [b"0", b"1"], tolerated=0, stops=True)
    held = await rig.worker.start()
    child = child_of(execution_id, "S[0]")
    await rig.transitions.start_child(held["S[0]"], child)
    x = await rig.worker.start_one("x")
    await rig.engine.cancel(child.execution_id, grace_ms=0, request_id="c")
    again = await rig.worker.start_one("S[0]")
    await rig.engine.retry(child.execution_id)
    assert (await rig.worker.complete(x)).word == "fenced"
    await rig.worker.fail(held["S[1]"])

    await rig.transitions.await_child(again, child.execution_id, looks_again=False)

    assert await rig.status(child.execution_id) is E.CANCELLED
    assert await rig.store.items.statuses(execution_id, "S", 2) == [N.CANCELLED, N.FAILED]
    assert (await rig.nodes(execution_id))["S"] is N.QUEUED


async def test_a_retry_gives_an_item_that_nobody_could_run_its_patience_back(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2], max_concurrency=1))
    await rig.worker.complete(held["A[0]"])
    while (await statuses(rig, execution_id))[1] is not N.FAILED:
        for task in await rig.worker.read():
            await rig.worker.hand_back(task)
        await rig.advance(60_000)
    assert await act(rig) == ["A"]
    await rig.engine.retry(execution_id)
    again = await rig.worker.start_one("A")
    await rig.transitions.map_node(again, [], tolerated=0, stops=False, keeps=True)

    (task,) = await rig.worker.read()
    await rig.worker.hand_back(task)

    assert await statuses(rig, execution_id) == [N.COMPLETED, N.WAITING]
    await rig.advance(100)
    assert (await statuses(rig, execution_id))[1] is N.QUEUED, "as soon as after the first time"
