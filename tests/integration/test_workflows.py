"""A tour: the three canonical workflows, submitted, triggered and run as the documentation shows them.

Nothing is scripted here but the far sides: a small HTTP service stands in for `service-a` and `consumer`, and
the language model echoes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from clients.http.client import HttpPolicy
from clients.llm.provider import LlmSettings
from orchestrator.documents.yaml import load_yaml
from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import WorkerFleet, node, until, workflow
from workers.context import Toolbox
from workers.handlers import Catalogue

E, N = ExecutionStatus, NodeStatus
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

#: A calls a service, B has its answer summarised, C tells a consumer.
LINEAR = workflow(
    node("A", handler="call_external_service", config={"url": "http://service-a"}),
    node("B", after=["A"], handler="llm", config={"prompt": "Summarize {{ A.data }}"}),
    node("C", after=["B"], handler="call_external_service", config={"url": "http://consumer/{{ B.answer }}"}),
)
FANOUT = workflow(node("A"), node("B", after=["A"]), node("C", after=["A"]), node("D", after=["B", "C"]))
RACE = workflow(node("B"), node("C"), node("D", after=["B", "C"]))


@pytest.fixture
async def service() -> AsyncIterator[str]:
    """An HTTP service that answers every GET with the path it was asked for."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        body = orjson.dumps({"path": request.split(b" ", 2)[1].decode()})
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.fixture
async def fleet(redis_url: str, service: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkerFleet]:
    """Two workers that know where the services are."""
    monkeypatch.setattr("workers.worker.BLOCK_MS", 50)
    services = {"service-a": service, "consumer": service}
    made = WorkerFleet(redis_url)
    for name in ("worker-1", "worker-2"):
        policy = HttpPolicy.for_environment("development", services=services)
        tools = Toolbox(
            services=services, http_policy=policy, llm_settings=LlmSettings(environment="development")
        )
        await made.start(name, tools=tools)
    yield made
    await made.stop_all()


@pytest.fixture
async def engine(redis: Redis, fleet: WorkerFleet) -> Engine:
    return Engine(redis, redis, catalogue=Catalogue)


async def finished(engine: Engine, execution_id: str) -> ExecutionStatus:
    async def has_ended() -> bool:
        return (await engine.executions.status(execution_id)).is_terminal

    await until(has_ended)
    return await engine.executions.status(execution_id)


async def outputs(engine: Engine, execution_id: str) -> dict[str, Any]:
    results = await engine.executions.results(execution_id)
    return {node_id: orjson.loads(text) if text else None for node_id, text in results.items()}


async def happened(engine: Engine, execution_id: str) -> dict[str, list[str]]:
    """What happened to each node, in order."""
    lines: dict[str, list[str]] = {}
    for event in await engine.events.list(execution_id):
        if event.node_id and event.type not in ("node.log", "node.progress", "node.token"):
            lines.setdefault(event.node_id, []).append(event.type)
    return lines


ONCE = ["node.queued", "node.started", "node.completed"]


async def test_linear_each_node_works_with_what_the_one_before_gave(engine: Engine) -> None:
    submitted = await engine.executions.submit(LINEAR)
    assert submitted.status is E.PENDING

    triggered = await engine.executions.trigger(submitted.execution_id)
    assert triggered.status is E.RUNNING

    assert await finished(engine, submitted.execution_id) is E.COMPLETED
    found = await outputs(engine, submitted.execution_id)
    assert {output["status"] for output in found.values()} == {"ok"}
    # A's answer reached the model, and the model's answer reached the consumer's URL.
    assert found["A"]["data"] == {"path": "/"}
    assert "path" in found["B"]["answer"]
    assert found["C"]["data"]["path"].startswith("/")
    assert "Summarize" in found["C"]["data"]["path"]
    assert await happened(engine, submitted.execution_id) == {"A": ONCE, "B": ONCE, "C": ONCE}


async def test_fanout_both_branches_run_and_the_join_waits_for_them(engine: Engine) -> None:
    submitted = await engine.executions.submit(FANOUT)

    await engine.executions.trigger(submitted.execution_id)

    assert await finished(engine, submitted.execution_id) is E.COMPLETED
    assert await happened(engine, submitted.execution_id) == dict.fromkeys("ABCD", ONCE)
    order = [(event.type, event.node_id) for event in await engine.events.list(submitted.execution_id)]
    # B and C become ready in the same step, D only when both are done.
    assert order.index(("node.queued", "C")) == order.index(("node.queued", "B")) + 1
    assert order.index(("node.queued", "D")) > order.index(("node.completed", "B"))
    assert order.index(("node.queued", "D")) > order.index(("node.completed", "C"))


async def test_race_two_triggers_and_two_branches_run_the_join_once(engine: Engine) -> None:
    submitted = await engine.executions.submit(RACE)

    first, second = await asyncio.gather(
        engine.executions.trigger(submitted.execution_id), engine.executions.trigger(submitted.execution_id)
    )

    assert {first.already, second.already} == {False, True}
    assert await finished(engine, submitted.execution_id) is E.COMPLETED
    assert await happened(engine, submitted.execution_id) == {"B": ONCE, "C": ONCE, "D": ONCE}


async def test_an_ended_execution_reads_as_documented(engine: Engine, redis: Redis) -> None:
    """The keys anyone can look at with redis-cli."""
    submitted = await engine.executions.submit(RACE, trigger=True)
    execution_id = submitted.execution_id
    await finished(engine, execution_id)

    definition = await redis.get(f"workflow:{execution_id}")
    assert definition is not None
    assert orjson.loads(definition) == RACE
    assert await redis.get(f"workflow:{execution_id}:status") == b"COMPLETED"
    assert await redis.get(f"workflow:{execution_id}:node:D") == b"COMPLETED"
    assert await redis.get(f"workflow:{execution_id}:node:D:output") == b'{"status":"ok"}'
    assert not await redis.sismember("workflows:active", execution_id)
    assert await redis.xlen("workflow:tasks") == 0
    events = await engine.events.list(execution_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type == "execution.completed"


async def test_the_refunds_of_the_examples_ask_somebody_and_pay(engine: Engine) -> None:
    document, _ = load_yaml((EXAMPLES / "refunds.yaml").read_bytes())
    submitted = await engine.executions.submit(document, inputs={"limit": 50}, trigger=True)
    execution_id = submitted.execution_id

    async def is_asking() -> bool:
        return bool((await engine.approvals.list()).items)

    await until(is_asking)
    (asked,) = (await engine.approvals.list()).items
    await engine.approvals.decide(execution_id, "ask", decision="approve", by="jane", shown=asked.shown)

    assert await finished(engine, execution_id) is E.COMPLETED
    found = await outputs(engine, execution_id)
    assert asked.prompt == "Refund 3 orders, 99 € in all?"
    assert [each["data"]["path"] for each in found["look_up"]] == [
        "/orders/A-1",
        "/orders/A-2",
        "/orders/A-3",
    ]
    assert found["pay"]["book"]["data"]["path"] == "/pay/99"
    view = await engine.executions.get(execution_id)
    assert orjson.loads(view.output or b"") == {"refunded": 99, "decided_by": "jane"}
    states = {state.node_id: state.status for state in view.nodes}
    assert (states["wave"], states["apologise"], states["tell"]) == (N.SKIPPED, N.SKIPPED, N.COMPLETED)
