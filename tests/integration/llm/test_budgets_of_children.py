"""Budgets of child executions: each execution has its own, and a tenant's day has all of them."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.budgets import Caps
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from tests.integration.child_workflows import child_of, family, in_status, parent, state_of
from tests.integration.execution_ends import ended
from tests.integration.llm.llm_nodes import asking, tools
from tests.llm_server import LlmServer, stalls_after
from tests.makers import Rig, WorkerFleet, until

E, N = ExecutionStatus, NodeStatus
#: Room for one call: each may use about 960 tokens, and uses about 180.
ONE_CALL = {"max_tokens": 1_100}


def family_of(*nodes: dict[str, Any], **extras: Any) -> dict[str, Any]:
    return parent("S", family(*nodes, **extras), after=["ask0"])


async def test_a_child_spends_its_own_budget_and_the_tenant_s(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    await fleet.start(tools=tools(server))

    execution_id = await rig.submit(asking(0), family_of(asking(1), budget=ONE_CALL), budget=ONE_CALL)
    assert await ended(rig, execution_id) is E.COMPLETED

    mine = (await rig.engine.executions.get(execution_id)).execution
    child = await child_of(rig, execution_id, "S")
    assert mine.usage.calls == child.usage.calls == 1
    assert mine.usage.tokens + child.usage.tokens == server.charged
    assert child.budget == Caps(1_100, None)
    ((_, today), *_) = await rig.engine.usage.by_day(days=1)
    assert (today.calls, today.tokens) == (2, server.charged)


async def test_a_child_and_its_parent_share_the_tenant_s_day(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    await fleet.start(tools=tools(server), tenant_daily=Caps(1_100, None))

    execution_id = await rig.submit(asking(0), family_of(asking(1)))
    assert await ended(rig, execution_id) is E.FAILED

    child = await child_of(rig, execution_id, "S")
    refused = await state_of(rig, child.execution_id, "ask1")
    assert refused.error is not None
    assert refused.error["type"] == "BudgetExceeded"
    assert len(server.questions) == 1
    error = (await state_of(rig, execution_id, "S")).error
    assert error is not None
    assert error["type"] == "ChildFailed"


async def test_a_budget_pauses_the_child_alone_and_its_parent_waits(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    await fleet.start(tools=tools(server))
    small = {"max_tokens": 500, "on_budget": "pause"}
    execution_id = await rig.submit(asking(0), family_of(asking(1), budget=small), budget=ONE_CALL)
    child_id = (await in_status(rig, execution_id, "S", N.WAITING)).child or ""

    async def is_paused() -> bool:
        return await rig.status(child_id) is E.PAUSED

    await until(is_paused)

    assert await rig.status(execution_id) is E.RUNNING
    assert (await state_of(rig, execution_id, "S")).waiting_on is WaitingOn.CHILD
    assert f"child execution {child_id} ('family'), which is PAUSED" in repr(
        await rig.engine.executions.explain(execution_id)
    )
    await rig.engine.executions.resume(child_id, by="ann", budget=Caps(2_000, None), request_id="r1")
    assert await ended(rig, execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_a_call_that_ends_with_the_parent_counts_for_the_child(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    server.acts += [stalls_after(4)]
    await fleet.start(tools=tools(server))
    child = family(asking(1), budget={"max_tokens": 10_000})
    execution_id = await rig.submit(parent("S", child, parent_close_policy="terminate"))
    child_id = (await in_status(rig, execution_id, "S", N.WAITING)).child or ""

    async def is_charged() -> bool:
        return server.charged > 0

    await until(is_charged)
    await rig.engine.executions.cancel(execution_id, request_id="c1")
    assert await ended(rig, execution_id) is E.CANCELLED
    assert await ended(rig, child_id) is E.CANCELLED

    used = (await rig.engine.executions.get(child_id)).execution.usage
    assert (used.calls, used.lost_calls) == (1, 1)
    assert used.tokens >= server.charged
    assert await rig.redis.hget(rig.engine.keys.runtime(child_id), "held_tokens") == b"0"
    assert (await rig.engine.executions.get(execution_id)).execution.usage.calls == 0
