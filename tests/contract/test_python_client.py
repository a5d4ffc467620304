"""The Python client against the real API, a real worker and real Redis; with connections that break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from headrace import calls, events
from headrace.backoff import Backoff
from headrace.client import AsyncClient, Client
from headrace.errors import Conflict, Invalid, NotFound, RunFailed, RunNotEnded
from headrace.values import Event
from orchestrator.store.layout import VERSION
from tests.api_process import api_process
from tests.makers import WorkerFleet, until
from tests.older_layouts import announce_worker
from tests.patience import PATIENCE_S

ORDER = """
name: Order
inputs: {type: object, properties: {sum: {type: integer}}}
output: {total: "{{ double.result }}", sku: "a-1"}
nodes:
  - id: double
    handler: transform
    config: {expression: "{{ inputs.sum * 2 }}"}
"""
ASKING = {
    "name": "Asking",
    "nodes": [
        {"id": "ask", "handler": "approval", "config": {"prompt": "Ship it?"}},
        {"id": "paid", "handler": "wait_for_signal", "config": {"name": "paid"}},
    ],
}
FAILING = {
    "name": "Failing",
    "nodes": [
        {"id": "bad", "handler": "fail", "config": {"message": "no stock", "type": "NoStock"}},
        {"id": "after", "handler": "noop", "dependencies": ["bad"]},
    ],
}
MANY = {"name": "Many", "nodes": [{"id": f"n{number}", "handler": "noop"} for number in range(20)]}


@dataclass
class Total:
    total: int
    sku: str


@pytest.fixture
def url(redis_url: str) -> Iterator[str]:
    with api_process(redis_url) as (_, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def client(url: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(url, timeout_s=PATIENCE_S) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RECONNECT", Backoff(first_s=0.0, most_s=0.0))


async def test_a_workflow_is_registered_started_followed_and_read(
    client: AsyncClient, fleet: WorkerFleet
) -> None:
    await fleet.start()
    assert (await client.workflows.apply("order", ORDER)).outcome == "created"

    run = await client.run("order", {"sum": 21}, key="order 7", labels={"team": "shop"}, wait=30)
    again = await client.run("order", {"sum": 21}, idempotency_key="k")
    repeated = await client.run("order", {"sum": 21}, idempotency_key="k")

    assert await run.result(timeout=PATIENCE_S) == {"total": 42, "sku": "a-1"}
    assert await run.result(as_=Total) == Total(42, "a-1")
    assert await run.outputs() == {"double": {"result": 42}}
    assert [(node.node_id, node.status) for node in await run.nodes()] == [("double", "COMPLETED")]
    assert again.id == repeated.id != run.id
    assert (await client.find_run("order 7").view()).execution_id == run.id
    found = [event async for event in run.events()]
    assert [event.seq for event in found] == [*range(1, len(found) + 1)]
    assert found[-1].type == "execution.completed"


async def test_people_and_signals_are_answered_through_the_run(
    client: AsyncClient, fleet: WorkerFleet
) -> None:
    await fleet.start()
    run = await client.run(ASKING)

    async def is_waiting() -> bool:
        return [node.status for node in await run.nodes()] == ["WAITING", "WAITING"]

    await until(is_waiting)
    with pytest.raises(RunNotEnded, match="is RUNNING after 0 s"):
        await run.result(timeout=0)
    assert {each.node_id for each in await run.explain()} == {"ask", "paid"}
    assert [each.prompt async for each in client.approvals.list()] == ["Ship it?"]

    assert (await run.signal("paid", {"sum": 5})).nodes == 1
    decision = await run.approve("ask", by="ann")
    with pytest.raises(Conflict):
        await run.deny("ask", by="bob")

    assert not decision.pending
    result = await run.result(timeout=PATIENCE_S)
    assert result["paid"] == {"sum": 5}
    assert result["ask"]["decision"] == "approve"


async def test_letters_are_posted_and_read_through_the_client(client: AsyncClient, redis: Redis) -> None:
    await announce_worker(redis, "far", handlers="agent", layout=VERSION)
    run = await client.run({"name": "Agent", "nodes": [{"id": "ask", "handler": "agent"}]})

    first = await run.post("ask", {"n": 1}, idempotency_key="one")
    again = await run.post("ask", {"n": 1}, idempotency_key="one")
    with pytest.raises(NotFound):
        await run.post("nobody")

    assert first.letter == again.letter == 1
    inbox = await client.inboxes.get(run.id, "ask")
    assert (inbox.last, inbox.taken, list(inbox.items)) == (1, 0, [{"letter": 1, "payload": {"n": 1}}])
    assert (await client.inboxes.journal(run.id, "ask")).last == 0
    await run.cancel(grace=0)


async def test_a_failure_carries_its_cause_and_may_be_retried(
    client: AsyncClient, fleet: WorkerFleet
) -> None:
    await fleet.start()
    run = await client.run(FAILING)

    with pytest.raises(RunFailed, match="node 'bad': NoStock: no stock") as failed:
        await run.result(timeout=PATIENCE_S)
    rerun = await run.retry()

    assert (failed.value.status, failed.value.causes[0]["kept"]) == ("FAILED", 1)
    assert rerun.nodes == ("bad", "after")
    cancelled = await client.run(ASKING)
    await cancelled.cancel(reason="not today", grace=0)
    with pytest.raises(RunFailed, match="CANCELLED"):
        await cancelled.result(timeout=PATIENCE_S)


async def test_an_output_that_cannot_be_made_is_no_result(client: AsyncClient, fleet: WorkerFleet) -> None:
    await fleet.start()
    run = await client.run({**MANY, "output": "{{ n0.nothing.there }}"})

    with pytest.raises(RunFailed, match="TemplateError"):
        await run.result(timeout=PATIENCE_S)


async def test_refusals_are_typed(client: AsyncClient) -> None:
    with pytest.raises(Invalid) as refused:
        await client.run({"name": "x", "nodes": [{"id": "A", "handler": "htpp"}]})
    with pytest.raises(NotFound):
        await client.run("no-such-workflow")

    assert refused.value.problems[0]["path"] == "nodes[0].handler"
    assert "did you mean 'http'?" in str(refused.value.problems[0])


async def test_lists_page_by_themselves(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "LARGEST_PAGE", 2)
    for number in range(5):
        await client.workflows.apply(f"w{number}", {"name": f"W{number}", "nodes": MANY["nodes"]})

    every = [each.name async for each in client.workflows.list()]
    assert every[:5] == ["w4", "w3", "w2", "w1", "w0"]
    assert len(every) == len({*every})
    assert [each.name async for each in client.workflows.list(limit=3)] == ["w4", "w3", "w2"]


# Connections that break


class Cutting:
    """Breaks the first streams of events, each after another one of its chunks."""

    def __init__(self, cuts: int) -> None:
        self.cuts = cuts

    def chunks_of(self, request: httpx2.Request) -> int | None:
        """How many chunks of an answer arrive; None: all of them."""
        if not request.url.path.endswith("/events") or self.cuts == 0:
            return None
        self.cuts -= 1
        return 2


class CutAsync(httpx2.AsyncHTTPTransport):
    def __init__(self, cutting: Cutting) -> None:
        super().__init__()
        self.cutting = cutting

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        most = self.cutting.chunks_of(request)
        if most is not None:
            response.stream = _AsyncCut(response.stream, most)
        return response


class _AsyncCut(httpx2.AsyncByteStream):
    def __init__(self, stream: Any, most: int) -> None:
        self.stream, self.most = stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        number = 0
        async for chunk in self.stream:
            # Half of what came: a frame may break anywhere.
            yield chunk[: len(chunk) // 2 if number + 1 == self.most else len(chunk)]
            number += 1
            if number == self.most:
                raise httpx2.ReadError("cut")

    async def aclose(self) -> None:
        await self.stream.aclose()


class CutSync(httpx2.HTTPTransport):
    def __init__(self, cutting: Cutting) -> None:
        super().__init__()
        self.cutting = cutting

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        most = self.cutting.chunks_of(request)
        if most is not None:
            response.stream = _SyncCut(response.stream, most)
        return response


class _SyncCut(httpx2.SyncByteStream):
    def __init__(self, stream: Any, most: int) -> None:
        self.stream, self.most = stream, most

    def __iter__(self) -> Iterator[bytes]:
        for number, chunk in enumerate(self.stream, start=1):
            yield chunk[: len(chunk) // 2 if number == self.most else len(chunk)]
            if number == self.most:
                raise httpx2.ReadError("cut")

    def close(self) -> None:
        self.stream.close()


def is_whole(found: list[Event]) -> bool:
    """Whether every event came once, in order, up to the end."""
    return [event.seq for event in found] == [*range(1, len(found) + 1)] and found[-1].is_terminal


async def test_ten_broken_connections_lose_and_repeat_no_event(url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    cutting = Cutting(10)

    async with AsyncClient(url, transport=CutAsync(cutting)) as client:
        run = await client.run(MANY)
        found = [event async for event in run.events()]

    assert cutting.cuts == 0
    assert is_whole(found)


async def test_the_client_that_waits_does_the_same(url: str, fleet: WorkerFleet) -> None:
    await fleet.start()
    cutting = Cutting(10)

    def follow() -> tuple[list[Event], Any]:
        with Client(url, transport=CutSync(cutting)) as client:
            run = client.run(MANY)
            return list(run.events()), run.result(timeout=PATIENCE_S)

    found, result = await asyncio.to_thread(follow)

    assert cutting.cuts == 0
    assert is_whole(found)
    assert result.keys() == {f"n{number}" for number in range(20)}
