"""What somebody who watches an `llm` node sees, after every reset, is the answer that is stored."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from clients.llm.provider import LlmSettings
from orchestrator.engine import Engine
from orchestrator.execution.model import Event
from orchestrator.states import ExecutionStatus
from tests.integration.llm.worker_process import worker_process
from tests.llm_server import (
    LlmServer,
    answers,
    babbles_after,
    breaks_after,
    refuses,
    stalls_after,
)
from tests.makers import WorkerFleet, node, until, workflow
from workers.context import Toolbox

AT_ONCE = {"max_attempts": 3, "initial_interval": 0.01, "jitter": "none"}
both = pytest.mark.parametrize("provider", ["anthropic", "openai"])


def tools(server: LlmServer, provider: str) -> Toolbox:
    return Toolbox(
        llm_settings=LlmSettings(
            provider=provider,
            api_key="sk-test",
            base_url=server.url,
            openai_base_url=f"{server.url}/v1",
            model="claude-sonnet-5-5",
        )
    )


async def run(engine: Engine, **fields: Any) -> tuple[str, Any]:
    """Run one llm node to its end; gives the execution and the node's output."""
    config = {"prompt": "Why?", **fields.pop("config", {})}
    asking = node("ask", handler="llm", config=config, **fields)
    submitted = await engine.executions.submit(workflow(asking), trigger=True)

    async def has_ended() -> bool:
        return (await engine.executions.status(submitted.execution_id)).is_terminal

    await until(has_ended)
    text = (await engine.executions.results(submitted.execution_id))["ask"]
    return submitted.execution_id, orjson.loads(text) if text else None


async def seen(engine: Engine, execution_id: str) -> str:
    """What a watcher holds at the end: pieces one after the other, nothing of what was before a reset."""
    held = ""
    expected = (0, 0)
    for event in await engine.events.list(execution_id, limit=100_000):
        if event.type == "stream.reset":
            held, expected = "", (0, 0)
        elif event.type == "node.token":
            piece = orjson.loads(event.data)
            attempt = event.attempt or 0
            if expected == (0, 0):
                expected = (attempt, 0)
            # Numbered without a gap, and all of one attempt: nothing of another is ever mixed in.
            assert (attempt, piece["index"]) == expected
            expected = (attempt, piece["index"] + 1)
            held += piece["text"]
    return held


async def of_type(engine: Engine, execution_id: str, type: str) -> list[Event]:
    return [event for event in await engine.events.list(execution_id, limit=100_000) if event.type == type]


@both
async def test_the_pieces_are_the_answer(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, provider: str
) -> None:
    await fleet.start(tools=tools(server, provider))

    execution_id, output = await run(engine)

    assert len(output["answer"]) > 500
    assert await seen(engine, execution_id) == output["answer"] == output["content"]
    pieces = await of_type(engine, execution_id, "node.token")
    assert len(pieces) > 1
    assert not await of_type(engine, execution_id, "stream.reset")


async def test_the_echo_provider_streams_too(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start(tools=Toolbox(llm_settings=LlmSettings(provider="echo")))

    execution_id, output = await run(engine, config={"prompt": "long " * 500})

    assert output["simulated"] is True
    assert await seen(engine, execution_id) == output["answer"]


@both
@pytest.mark.parametrize("act", [breaks_after(12), babbles_after(12)], ids=["broken", "malformed"])
async def test_what_a_broken_attempt_streamed_is_taken_back(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, provider: str, act: Any
) -> None:
    server.acts += [act]
    await fleet.start(tools=tools(server, provider))

    execution_id, output = await run(engine, retry=AT_ONCE)

    assert await seen(engine, execution_id) == output["answer"]
    (reset,) = await of_type(engine, execution_id, "stream.reset")
    assert (reset.attempt, orjson.loads(reset.data)) == (2, {"reason": "attempt", "attempt": 1})
    pieces = await of_type(engine, execution_id, "node.token")
    assert {event.attempt for event in pieces} == {1, 2}


@both
@pytest.mark.parametrize("status", [429, 529, 500])
async def test_a_refusal_that_may_pass_is_tried_again(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, provider: str, status: int
) -> None:
    server.acts += [refuses(status)]
    await fleet.start(tools=tools(server, provider))

    execution_id, output = await run(engine, retry=AT_ONCE)

    assert output["status"] == "ok"
    assert len(server.questions) == 2
    # Nothing was streamed, so there is nothing to take back.
    assert not await of_type(engine, execution_id, "stream.reset")


@both
async def test_retry_after_is_waited_for_by_the_policy_of_the_handler_itself(
    engine: Engine, fleet: WorkerFleet, server: LlmServer, provider: str
) -> None:
    server.acts += [refuses(429, "rate_limit_error", retry_after="2")]
    await fleet.start(tools=tools(server, provider))

    execution_id, output = await run(engine)

    (retrying,) = await of_type(engine, execution_id, "node.retrying")
    told = orjson.loads(retrying.data)
    assert told["delay_ms"] >= 2_000
    assert told["error"]["type"] == "Llm.RateLimited"
    assert output["status"] == "ok"


async def test_a_refusal_that_cannot_pass_is_final(
    engine: Engine, fleet: WorkerFleet, server: LlmServer
) -> None:
    server.acts += [refuses(401, "authentication_error")]
    await fleet.start(tools=tools(server, "anthropic"))

    execution_id, output = await run(engine)

    assert await engine.executions.status(execution_id) is ExecutionStatus.FAILED
    assert output is None
    assert len(server.questions) == 1


async def test_an_answer_that_is_asked_for_again_is_taken_back(
    engine: Engine, fleet: WorkerFleet, server: LlmServer
) -> None:
    server.acts += [answers('{"n": "seven"}'), answers('{"n": 7}')]
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    await fleet.start(tools=tools(server, "openai"))

    execution_id, output = await run(engine, config={"schema": schema})

    assert output["parsed"] == {"n": 7}
    assert await seen(engine, execution_id) == output["answer"] == '{"n": 7}'
    (reset,) = await of_type(engine, execution_id, "stream.reset")
    assert orjson.loads(reset.data) == {"reason": "repair"}
    assert output["usage"]["input"] + output["usage"]["output"] == server.charged


@pytest.mark.long
async def test_an_answer_is_whole_though_its_worker_was_killed_in_the_middle(
    engine: Engine, server: LlmServer, redis_url: str
) -> None:
    server.acts += [stalls_after(15)]
    asking = node("ask", handler="llm", config={"prompt": "Why?"})
    submitted = await engine.executions.submit(workflow(asking), trigger=True)
    execution_id = submitted.execution_id

    async def has_streamed() -> bool:
        return bool(await of_type(engine, execution_id, "node.token"))

    async def has_ended() -> bool:
        return (await engine.executions.status(execution_id)).is_terminal

    with worker_process(redis_url, server) as first:
        await until(has_streamed)
        first.kill()
        first.wait()
    with worker_process(redis_url, server):
        await until(has_ended)

    output = orjson.loads((await engine.executions.results(execution_id))["ask"] or b"")
    assert await engine.executions.status(execution_id) is ExecutionStatus.COMPLETED
    assert await seen(engine, execution_id) == output["answer"]
    resets = await of_type(engine, execution_id, "stream.reset")
    assert [event.attempt for event in resets] == [2]
