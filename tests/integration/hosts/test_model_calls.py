"""`context.llm` in both kinds of hosts: answers, streams, errors and budgets are those of the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.states import ExecutionStatus
from tests.fake_handlers import ended, start
from tests.integration.hosts.projects import Project
from tests.integration.llm.llm_nodes import MODEL, tools
from tests.llm_server import answers, llm_server, refuses, stalls_after
from tests.makers import node, until
from workers.hosts.host import Host

ASKS = """
    def shown(reply):
        return [reply.text, reply.model, reply.usage.output, reply.stop_reason, reply.cost_usd]

    @handler("waits")
    def waits(config, context):
        pieces = []
        taker = context.token if config.get("streams") else pieces.append
        reply = context.llm.complete(config["prompt"], max_tokens=50, on_text=taker)
        return [shown(reply), "".join(pieces)]

    @handler("awaits")
    async def awaits(config, context):
        pieces = []
        taker = context.token if config.get("streams") else pieces.append
        reply = await context.llm.complete(config["prompt"], max_tokens=50, on_text=taker)
        return [shown(reply), "".join(pieces)]
"""


@pytest.mark.parametrize("kind", ["waits", "awaits"])
async def test_an_answer_comes_piece_by_piece_and_is_counted(project: Project, kind: str) -> None:
    async with llm_server() as server:
        server.acts = [answers("Because it depends, and not on one thing alone.", output_tokens=7)]
        await project.start(ASKS, tools=tools(server))

        execution_id = await project.run(node("A", handler=kind, config={"prompt": "Why?"}))

    (text, model, tokens, reason, cost), pieces = await project.output(execution_id)
    assert text == pieces == "Because it depends, and not on one thing alone."
    assert (model, tokens, reason) == (MODEL, 7, "end_turn")
    assert cost > 0
    assert server.questions[0].body["max_tokens"] == 50
    usage = (await project.engine.executions.get(execution_id)).execution.usage
    assert (usage.calls, usage.output) == (1, 7)
    assert await project.events(execution_id, "node.token") == []


def keep_types(host: Host, sent: list[str]) -> None:
    """Keep the types of all frames that a host gets."""
    send = host._send

    def keeping(header: Mapping[str, Any], body: bytes = b"") -> None:
        sent.append(header["type"])
        send(header, body)

    host._send = keeping  # type: ignore[method-assign]


@pytest.mark.parametrize("kind", ["waits", "awaits"])
async def test_a_stream_to_the_node_is_written_by_the_worker(project: Project, kind: str) -> None:
    async with llm_server() as server:
        worker = await project.start(ASKS, tools=tools(server))
        sent: list[str] = []
        for host in worker.hosts._hosts:
            keep_types(host, sent)

        execution_id = await project.run(node("A", handler=kind, config={"prompt": "Why?", "streams": True}))

    (text, *_), pieces = await project.output(execution_id)
    streamed = [each["text"] for each in await project.events(execution_id, "node.token", "A")]
    assert "".join(streamed) == text and len(streamed) > 1
    assert pieces == "" and sent == ["run", "answer"]


async def test_errors_keep_type_kind_and_what_they_ask_to_wait(project: Project) -> None:
    async with llm_server() as server:
        server.acts = [
            refuses(429, "rate_limit_error", retry_after="17"),
            refuses(400, "invalid_request_error"),
        ]
        await project.start(
            """
            @handler("asks")
            async def asks(config, context):
                found = []
                for fields in ({"prompt": "1"}, {"prompt": "2"}, {}, {"prompt": "3", "effort": "none"}):
                    try:
                        await context.llm.complete(**fields)
                    except (Retryable, Terminal) as error:
                        found.append([error.error_type, error.retryable, error.retry_after_s])
                return found
            """,
            tools=tools(server),
        )

        output = await project.output(await project.run(node("A", handler="asks")))

    assert output == [
        ["Llm.RateLimited", True, 17],
        ["Llm.InvalidRequest", False, None],
        ["ConfigError", False, None],
        ["ConfigError", False, None],
    ]


async def test_calls_hold_to_the_budget_of_the_execution_one_after_the_other(project: Project) -> None:
    async with llm_server() as server:
        await project.start(
            """
            @handler("asks")
            async def asks(config, context):
                calls = (context.llm.complete(f"n{n}", max_tokens=100) for n in range(3))
                return [each.usage.output for each in await asyncio.gather(*calls)]

            @handler("spends")
            async def spends(config, context):
                await context.llm.complete("much", max_tokens=1_000_000)
            """,
            tools=tools(server),
        )
        nodes = (node("A", handler="asks"), node("B", handler="spends", after=["A"]))

        execution_id = await start(project.engine, *nodes, budget={"max_tokens": 500_000})
        await ended(project.engine, execution_id)

    assert len(await project.output(execution_id)) == 3
    assert server.most_at_once == 1
    usage = (await project.engine.executions.get(execution_id)).execution.usage
    assert (usage.calls, usage.lost_calls) == (3, 0)
    assert (await project.error(execution_id, "B"))["type"] == "BudgetExceeded"


async def test_a_call_that_nobody_waits_for_is_ended_and_counted_as_lost(project: Project) -> None:
    async with llm_server() as server:
        server.acts = [stalls_after(4)]
        await project.start(
            """
            @handler("gives_up")
            async def gives_up(config, context):
                has_begun = asyncio.Event()
                asked = context.llm.complete("Why?", on_text=lambda text: has_begun.set())
                asking = asyncio.create_task(asked)
                await has_begun.wait()
                asking.cancel()
                reply = await context.llm.complete("And now?")
                return reply.text
            """,
            tools=tools(server),
        )

        execution_id = await project.run(node("A", handler="gives_up"))

    assert "And now?" in await project.output(execution_id)

    async def is_counted() -> bool:
        usage = (await project.engine.executions.get(execution_id)).execution.usage
        return (usage.calls, usage.lost_calls) == (2, 1)

    await until(is_counted)
    assert await project.engine.executions.status(execution_id) is ExecutionStatus.COMPLETED
