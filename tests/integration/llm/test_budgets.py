"""Budgets with real workers: however many nodes ask at once, what is spent stays below what is allowed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from clients.llm.provider import LlmSettings
from orchestrator.definitions.budgets import Caps
from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.llm.llm_nodes import asking, tools
from tests.integration.llm.worker_process import LEASE_MS, worker_process
from tests.llm_server import LlmServer, answers, breaks_after, refuses, stalls_after
from tests.makers import WorkerFleet, until, workflow
from workers.context import Toolbox

NODES = 200


async def ended(engine: Engine, execution_id: str) -> ExecutionStatus:
    async def has_ended() -> bool:
        return (await engine.executions.status(execution_id)).is_terminal

    await until(has_ended)
    return await engine.executions.status(execution_id)


async def errors(engine: Engine, execution_id: str) -> Counter[str]:
    view = await engine.executions.get(execution_id)
    return Counter(
        state.error["type"] for state in view.nodes if state.status is NodeStatus.FAILED and state.error
    )


async def held(engine: Engine, redis: Any, execution_id: str) -> tuple[int, int]:
    runtime = engine.keys.runtime(execution_id)
    tokens = int(await redis.hget(runtime, "held_tokens") or 0)
    return tokens, await redis.zcard(engine.keys.key("reservations", execution_id=execution_id))


@pytest.mark.parametrize("kind", ["max_tokens", "max_cost_usd"])
async def test_two_hundred_nodes_at_once_never_spend_more_than_the_cap(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, redis: Redis, kind: str
) -> None:
    # One call may use about 1,000 tokens, and uses about 180: the budget is for some thirty of them.
    cap = 6_000 if kind == "max_tokens" else 0.06
    for name in ("one", "two"):
        await fleet.start(name, tools=tools(server), concurrency=100)
    document = workflow(*(asking(number) for number in range(NODES)), budget={kind: cap})

    submitted = await engine.executions.submit(document, trigger=True)
    assert await ended(engine, submitted.execution_id) is ExecutionStatus.FAILED

    view = await engine.executions.get(submitted.execution_id)
    used = view.execution.usage
    spent = used.input + used.output if kind == "max_tokens" else used.cost_usd or 0
    assert 0.7 * cap < spent <= cap
    # What the provider charged for is what was counted.
    assert used.input + used.output == server.charged
    done = sum(state.status is NodeStatus.COMPLETED for state in view.nodes)
    assert used.calls == done == len(server.questions)
    assert await errors(engine, submitted.execution_id) == {"BudgetExceeded": NODES - done}
    assert await held(engine, redis, submitted.execution_id) == (0, 0)
    assert server.most_at_once > 1


async def test_calls_wait_for_what_others_hold_and_do_not_need(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, redis: Redis
) -> None:
    # Room for what all of them use, but not for what all of them might.
    await fleet.start(tools=tools(server), concurrency=20)
    document = workflow(*(asking(number) for number in range(20)), budget={"max_tokens": 5_000})

    submitted = await engine.executions.submit(document, trigger=True)

    assert await ended(engine, submitted.execution_id) is ExecutionStatus.COMPLETED
    assert await held(engine, redis, submitted.execution_id) == (0, 0)


async def test_a_call_without_room_fails_for_good_and_says_why(
    engine: Engine, fleet: WorkerFleet, server: LlmServer
) -> None:
    await fleet.start(tools=tools(server))
    document = workflow(asking(retry={"max_attempts": 5}), budget={"max_tokens": 500, "on_budget": "fail"})

    submitted = await engine.executions.submit(document, trigger=True)
    await ended(engine, submitted.execution_id)

    state = (await engine.nodes.get(submitted.execution_id, "ask0")).state
    assert state.error is not None
    assert (state.error["type"], state.error["retryable"], state.tries) == ("BudgetExceeded", False, 1)
    assert state.error["details"]["cap"] == 500
    assert "this execution" in state.error["message"]
    assert not server.questions


async def test_a_tenant_s_day_is_kept_across_executions(
    engine: Engine, fleet: WorkerFleet, server: LlmServer
) -> None:
    await fleet.start(tools=tools(server), tenant_daily=Caps(1_100, None))

    first, second = [
        (await engine.executions.submit(workflow(asking()), trigger=True)).execution_id for _ in range(2)
    ]
    words = {await ended(engine, execution_id) for execution_id in (first, second)}

    assert words == {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED}
    ((_, today), *_) = await engine.usage.by_day(days=1)
    assert today.calls == 1
    assert today.input + today.output == server.charged


async def test_dollars_need_a_price(engine: Engine, fleet: WorkerFleet, server: LlmServer) -> None:
    await fleet.start(tools=tools(server, model="nobody-knows"))

    submitted = await engine.executions.submit(workflow(asking(), budget={"max_cost_usd": 1}), trigger=True)
    await ended(engine, submitted.execution_id)

    assert await errors(engine, submitted.execution_id) == {"Llm.PriceUnknown": 1}
    assert not server.questions


async def test_a_price_table_of_one_s_own(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, tmp_path: Any
) -> None:
    table = tmp_path / "prices.json"
    table.write_bytes(orjson.dumps({"models": {"ours": [{"input": 1_000_000, "output": 0}]}}))
    settings = LlmSettings(api_key="sk-test", base_url=server.url, model="ours", prices=table)
    await fleet.start(tools=Toolbox(llm_settings=settings))

    submitted = await engine.executions.submit(workflow(asking()), trigger=True)
    await ended(engine, submitted.execution_id)

    used = (await engine.executions.get(submitted.execution_id)).execution.usage
    assert used.cost_usd == used.input > 0


async def test_a_refused_call_uses_nothing_and_a_broken_one_the_most_it_can(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, redis: Redis
) -> None:
    server.acts += [refuses(529), breaks_after(4)]
    await fleet.start(tools=tools(server))
    policy = {"max_attempts": 3, "initial_interval": 0.01, "jitter": "none"}

    document = workflow(asking(retry=policy), budget={"max_tokens": 100_000})
    submitted = await engine.executions.submit(document, trigger=True)

    assert await ended(engine, submitted.execution_id) is ExecutionStatus.COMPLETED
    used = (await engine.executions.get(submitted.execution_id)).execution.usage
    assert (used.calls, used.lost_calls) == (2, 1)
    output = orjson.loads((await engine.executions.results(submitted.execution_id))["ask0"] or b"")
    assert (used.input, used.output) == (output["usage"]["input"], output["usage"]["output"])
    # Whatever the API charged for the broken answer.
    assert used.lost_tokens > 400
    assert used.tokens > server.charged
    assert (await held(engine, redis, submitted.execution_id))[0] == 0


async def test_a_call_that_is_stopped_is_accounted_for(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, redis: Redis
) -> None:
    import anthropic  # noqa: F401  a cold import alone could take the attempt's time

    server.acts += [stalls_after(4)]
    await fleet.start(tools=tools(server))
    document = workflow(
        asking(start_to_close_timeout=2, retry={"max_attempts": 1}), budget={"max_tokens": 10_000}
    )

    submitted = await engine.executions.submit(document, trigger=True)
    assert await ended(engine, submitted.execution_id) is ExecutionStatus.FAILED

    async def is_settled() -> bool:
        used = (await engine.executions.get(submitted.execution_id)).execution.usage
        return used.tokens >= server.charged > 0

    await until(is_settled)
    used = (await engine.executions.get(submitted.execution_id)).execution.usage
    assert (used.calls, used.lost_calls) == (1, 1)
    assert (await held(engine, redis, submitted.execution_id))[0] == 0


@pytest.mark.long
async def test_what_the_api_charges_stays_below_the_cap_though_a_worker_is_killed(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, redis: Redis, redis_url: str
) -> None:
    # Room for thirty calls that use all they may: half of them are charged for, and lost with their worker.
    cap, killed = 30_000, 15
    server.acts += [stalls_after(3)] * killed + [answers(output_tokens=400)] * NODES
    document = workflow(*(asking(number) for number in range(NODES)), budget={"max_tokens": cap})
    submitted = await engine.executions.submit(document, trigger=True)

    async def all_stall() -> bool:
        return server.at_once == killed

    with worker_process(redis_url, server, WORKER_CONCURRENCY=str(killed)) as process:
        await until(all_stall)
        process.kill()
        process.wait()
    await fleet.start(tools=tools(server), concurrency=100, lease_ms=LEASE_MS)
    assert await ended(engine, submitted.execution_id) is ExecutionStatus.FAILED

    view = await engine.executions.get(submitted.execution_id)
    used = view.execution.usage
    assert server.charged <= used.tokens <= cap
    assert used.tokens > 0.9 * cap
    assert used.lost_calls == killed
    done = sum(state.status is NodeStatus.COMPLETED for state in view.nodes)
    assert done == used.calls - killed > 0
    assert await errors(engine, submitted.execution_id) == {"BudgetExceeded": NODES - done}
    assert (await held(engine, redis, submitted.execution_id))[0] == 0
