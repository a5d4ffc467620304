"""Waits that do not say any more what, or whose answer, they wait for."""

from __future__ import annotations

import pytest

from orchestrator.executor import execute_workflow
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.handler_steps import act
from tests.integration.mapped_nodes import listed, tens, tens_registered
from tests.integration.waiting_nodes import asking, decide, waiting
from tests.makers import Rig

E, N = ExecutionStatus, NodeStatus


async def lose(rig: Rig, execution_id: str, node_id: str) -> None:
    await rig.redis.hdel(rig.transitions.keys.runtime(execution_id), f"awaits|{node_id}")
    (told,) = await rig.engine.executions.explain(execution_id)
    assert told.details["repair"], "what is said to be repaired"

    assert await execute_workflow(rig.store, rig.transitions, execution_id) == 1, "is repaired"


async def test_a_wait_for_a_signal_begins_anew(rig: Rig) -> None:
    execution_id = await waiting(rig)
    await lose(rig, execution_id, "W")
    await act(rig)
    assert (await rig.nodes(execution_id))["W"] is N.WAITING
    assert await rig.repairs(execution_id) == []
    (state,) = (await rig.engine.executions.get(execution_id)).nodes
    assert state.tries == 1

    await rig.engine.signals.send(execution_id, "go", 1)

    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_an_approval_is_asked_for_once_more(rig: Rig) -> None:
    execution_id = await asking(rig)
    await lose(rig, execution_id, "P")
    await act(rig)

    await decide(rig, execution_id)

    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.redis.zcard(rig.transitions.keys.key("approvals", tenant="default")) == 0


@pytest.mark.parametrize("timeout", [None, "5m"])
async def test_a_paused_execution_holds_it_until_the_resume(rig: Rig, timeout: str | None) -> None:
    execution_id = await waiting(rig, timeout=timeout)
    await rig.engine.executions.pause(execution_id, request_id="p")
    await rig.redis.hdel(rig.transitions.keys.runtime(execution_id), "awaits|W")

    await execute_workflow(rig.store, rig.transitions, execution_id)

    assert (await rig.nodes(execution_id))["W"] is N.PENDING
    await rig.engine.executions.resume(execution_id, request_id="r")
    await act(rig)
    await rig.engine.signals.send(execution_id, "go", 1)
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


@pytest.mark.parametrize("cancels", [True, False])
async def test_a_map_that_has_lost_what_it_waits_for_still_ends_after_its_items(
    rig: Rig, cancels: bool
) -> None:
    with tens_registered():
        execution_id, held = await listed(rig, tens([1, 2]))
        await rig.redis.hdel(rig.transitions.keys.runtime(execution_id), "waiting_on|A")
        if cancels:
            await rig.engine.executions.cancel(execution_id, grace_ms=5_000, request_id="c")
            assert await rig.status(execution_id) is E.RUNNING
        else:
            assert await execute_workflow(rig.store, rig.transitions, execution_id) == 1
            assert await rig.repairs(execution_id) == []

        for token in held.values():
            assert (await rig.worker.complete(token, 1)).word == "ok"
        await act(rig)

        assert await rig.status(execution_id) is (E.CANCELLED if cancels else E.COMPLETED)
        assert await rig.nothing_is_left_behind()


async def test_a_cancel_ends_a_map_that_has_lost_count_of_its_last_item(rig: Rig) -> None:
    with tens_registered():
        execution_id, held = await listed(rig, tens([1]))
        await rig.engine.executions.cancel(execution_id, grace_ms=5_000, request_id="c")
        items = rig.transitions.keys.items(execution_id, "A")
        await rig.redis.hset(items, "s0", "COMPLETED")
        await rig.redis.zrem(rig.transitions.keys.shared("leases"), f"{execution_id}\x1fA[0]\x1f1")
        await rig.redis.hdel(items, "live")

        await execute_workflow(rig.store, rig.transitions, execution_id)

        assert await rig.status(execution_id) is E.CANCELLED
        assert held
