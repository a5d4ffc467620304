"""`on_budget: pause`: what a budget refuses waits for an operator, and goes on when there is more."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest

from orchestrator.definitions.budgets import Caps
from orchestrator.engine import OperatorNote
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from tests.integration.llm.llm_nodes import asking, tools
from tests.llm_server import LlmServer
from tests.makers import Rig, WorkerFleet, node, until
from workers.worker import Worker

E, N = ExecutionStatus, NodeStatus
#: Room for one call: each may use about 960 tokens, and uses about 180.
LITTLE, PLENTY = Caps(1_100, None), Caps(1_000_000, None)
PAUSE = {"max_tokens": 1_000_000, "on_budget": "pause"}


async def start(fleet: WorkerFleet, server: LlmServer, caps: Caps) -> Worker:
    return await fleet.start(tools=tools(server), tenant_daily=caps)


async def comes_to(rig: Rig, execution_id: str, status: ExecutionStatus) -> None:
    async def is_there() -> bool:
        return await rig.status(execution_id) is status

    await until(is_there)


async def is_quiet(rig: Rig, execution_id: str) -> None:
    """Wait until nothing of an execution runs any more."""

    async def nothing_runs() -> bool:
        return (await rig.engine.executions.get(execution_id)).is_quiesced

    await until(nothing_runs)


async def test_what_a_budget_refuses_waits_and_goes_on_when_there_is_more(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    poor = await start(fleet, server, LITTLE)
    execution_id = await rig.submit(
        asking(0), asking(1, after=["ask0"]), node("last", after=["ask1"]), budget=PAUSE
    )

    await comes_to(rig, execution_id, E.PAUSED)

    state = (await rig.engine.nodes.get(execution_id, "ask1")).state
    assert (state.status, state.waiting_on) == (N.WAITING, WaitingOn.OPERATOR)
    assert state.error is not None
    assert state.error["type"] == "BudgetExceeded"
    assert await rig.repairs(execution_id) == []
    await fleet.stop(poor)
    await start(fleet, server, PLENTY)
    await rig.engine.executions.resume(execution_id, by="ann", request_id="r1")
    await comes_to(rig, execution_id, E.COMPLETED)
    assert len(server.questions) == 2
    assert await rig.nothing_is_left_behind()


async def test_the_pause_says_which_budget_and_what_to_do(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    await start(fleet, server, PLENTY)
    execution_id = await rig.submit(asking(), budget={"max_tokens": 500, "on_budget": "pause"})

    await comes_to(rig, execution_id, E.PAUSED)

    paused, *nodes = await rig.engine.executions.explain(execution_id)
    text = repr([paused, *nodes])
    assert "node ask0 has no room in its budget" in text
    assert "with a larger `budget`" in text
    assert "this execution" in text
    assert paused.details["actions"] == ["resume"]


async def test_a_resume_may_bring_more(rig: Rig, fleet: WorkerFleet, server: LlmServer) -> None:
    await start(fleet, server, PLENTY)
    execution_id = await rig.submit(
        asking(), budget={"max_tokens": 500, "max_cost_usd": 1, "on_budget": "pause"}
    )
    await comes_to(rig, execution_id, E.PAUSED)

    more = Caps(2_000, None)
    for _ in range(2):
        await rig.engine.executions.resume(execution_id, by="ann", budget=more, request_id="r1")

    await comes_to(rig, execution_id, E.COMPLETED)
    runtime = rig.engine.keys.runtime(execution_id)
    assert await rig.redis.hget(runtime, "budget") == b"2000 1000000000 - - pause"
    events = await rig.engine.events.list(execution_id)
    (resumed,) = [orjson.loads(event.data) for event in events if event.type == "execution.resumed"]
    assert (resumed["by"], resumed["budget"]) == ("ann", {"max_tokens": 2_000})


async def test_an_execution_without_limits_may_be_given_some(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.engine.executions.pause(execution_id, by="ann", request_id="p1")

    await rig.engine.executions.resume(execution_id, budget=Caps(None, 5), request_id="r1")

    assert await rig.redis.hget(rig.engine.keys.runtime(execution_id), "budget") == b"- 5 - -"


async def test_resuming_too_soon_pauses_again(rig: Rig, fleet: WorkerFleet, server: LlmServer) -> None:
    await start(fleet, server, PLENTY)
    execution_id = await rig.submit(asking(), budget={"max_tokens": 500, "on_budget": "pause"})
    await comes_to(rig, execution_id, E.PAUSED)

    await rig.engine.executions.resume(execution_id, by="ann", request_id="r1")

    async def has_paused_again() -> bool:
        return (await rig.events(execution_id)).count("execution.paused") == 2

    await until(has_paused_again)
    assert not server.questions


async def test_items_wait_and_those_that_have_an_answer_keep_it(
    rig: Rig, fleet: WorkerFleet, server: LlmServer
) -> None:
    poor = await start(fleet, server, Caps(1_700, None))
    mapped = {**asking(0), "map": {"items": list(range(8))}}
    execution_id = await rig.submit(mapped, budget=PAUSE)

    await comes_to(rig, execution_id, E.PAUSED)
    await is_quiet(rig, execution_id)

    asked = len(server.questions)
    assert 1 <= asked < 8
    items = (await rig.engine.nodes.items(execution_id, "ask0", limit=8)).items
    found = Counter(item.state.status for item in items)
    assert found[N.COMPLETED] == asked
    assert found[N.WAITING] >= 1
    assert found[N.FAILED] == 0
    assert await rig.repairs(execution_id) == []
    await fleet.stop(poor)
    await start(fleet, server, PLENTY)
    await rig.engine.executions.resume(execution_id, by="ann", request_id="r1")
    await comes_to(rig, execution_id, E.COMPLETED)
    output = orjson.loads((await rig.engine.executions.results(execution_id))["ask0"] or b"")
    assert len(output) == len(server.questions) == 8
    assert (await rig.engine.executions.get(execution_id)).execution.usage.tokens == server.charged


@pytest.mark.parametrize("word", ["fail", "skip", "cancel"])
async def test_an_operator_may_give_it_up(rig: Rig, fleet: WorkerFleet, server: LlmServer, word: str) -> None:
    await start(fleet, server, PLENTY)
    execution_id = await rig.submit(asking(), budget={"max_tokens": 500, "on_budget": "pause"})
    await comes_to(rig, execution_id, E.PAUSED)

    match word:
        case "fail":
            await rig.engine.nodes.fail(execution_id, "ask0", OperatorNote("ann", "too dear"))
        case "skip":
            await rig.engine.nodes.skip(execution_id, "ask0", OperatorNote("ann"))
        case "cancel":
            await rig.engine.executions.cancel(execution_id, request_id="c1")

    ended = {"fail": E.FAILED, "skip": E.COMPLETED, "cancel": E.CANCELLED}
    assert await rig.status(execution_id) is ended[word]
    assert await rig.nothing_is_left_behind()


async def test_a_catch_comes_before_the_pause(rig: Rig, fleet: WorkerFleet, server: LlmServer) -> None:
    await start(fleet, server, PLENTY)
    execution_id = await rig.submit(
        asking(0, catch=[{"errors": ["BudgetExceeded"], "goto": "cheap"}]),
        node("cheap", after=["ask0"]),
        budget={"max_tokens": 500, "on_budget": "pause"},
    )

    await comes_to(rig, execution_id, E.COMPLETED)

    assert await rig.nodes(execution_id) == {"ask0": N.FAILED, "cheap": N.COMPLETED}


async def test_other_failures_do_not_pause(rig: Rig, fleet: WorkerFleet, server: LlmServer) -> None:
    await start(fleet, server, PLENTY)
    refused: dict[str, Any] = node("A", handler="llm", config={"prompt": "?", "model": "nobody-knows"})
    execution_id = await rig.submit(refused, budget={"max_cost_usd": 1, "on_budget": "pause"})

    await comes_to(rig, execution_id, E.FAILED)
