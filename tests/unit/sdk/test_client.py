"""The client of our own API: what it sends, what it makes of answers, and how it follows a history."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import httpx2
import pytest

from headrace import events, transport
from headrace.backoff import Backoff
from headrace.client import AsyncClient
from headrace.errors import ApiError, NotFound, ServerUnreachable

Answer = Callable[[httpx2.Request], httpx2.Response]


def client_of(answer: Answer) -> AsyncClient:
    return AsyncClient("http://server", transport=httpx2.MockTransport(answer))


def frame(seq: int, type_: str) -> str:
    body = {"seq": seq, "type": type_, "execution_id": "e1", "node_id": "A", "ts": "t", "data": {"n": seq}}
    return f"id: {seq}\nevent: {type_}\ndata: {json.dumps(body)}\n\n"


def stream(*parts: str) -> httpx2.Response:
    return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, text="".join(parts))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RECONNECT", Backoff(first_s=0.0, most_s=0.0))


async def test_run_sends_the_definition_and_a_key() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(
            202, json={"execution_id": "e1", "status": "RUNNING"}, headers={"Idempotency-Replayed": "true"}
        )

    async with client_of(answer) as client:
        created = await client.executions.run("name: a", inputs={"x": 1}, idempotency_key="k1")

    assert (created.execution_id, created.status, created.is_replay) == ("e1", "RUNNING", True)
    assert json.loads(seen[0].content) == {"definition": "name: a", "inputs": {"x": 1}, "trigger": True}
    assert seen[0].headers["Idempotency-Key"] == "k1"


async def test_run_sends_labels_key_and_trigger_document() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"execution_id": "e1", "status": "RUNNING", "existing": True})

    async with client_of(answer) as client:
        created = await client.executions.run(
            "name: a",
            trigger={"data": 1},
            labels={"team": "blue"},
            execution_key="order 1",
            id_conflict_policy="use_existing",
        )

    assert created.is_existing
    assert json.loads(seen[0].content) == {
        "definition": "name: a",
        "trigger": {"data": 1},
        "labels": {"team": "blue"},
        "execution_key": "order 1",
        "id_conflict_policy": "use_existing",
    }


async def test_a_list_names_every_label_and_a_read_waits() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        document = {"execution_id": "e1", "name": "a", "status": "COMPLETED", "labels": {"team": "blue"}}
        is_list = request.url.path.endswith("/executions")
        return httpx2.Response(200, json={"items": [document], "next_cursor": None} if is_list else document)

    async with client_of(answer) as client:
        (row,) = [each async for each in client.executions.list(labels={"team": "blue", "env": "a:b"})]
        await client.executions.get("order 1", wait_s=40)

    assert row.labels == {"team": "blue"}
    assert seen[0].url.params.get_list("label") == ["team:blue", "env:a:b"]
    assert (seen[1].url.raw_path, seen[1].extensions["timeout"]["read"] > 40) == (
        b"/v1/executions/order%201?wait=40",
        True,
    )


async def test_a_view_keeps_what_it_knows_and_ignores_the_rest() -> None:
    document = {
        "execution_id": "e1",
        "name": "demo",
        "status": "FAILED",
        "invented_later": 1,
        "nodes": [{"node_id": "A", "status": "FAILED", "try": 2, "dependencies": ["B"], "new": True}],
    }

    async with client_of(lambda _: httpx2.Response(200, json=document)) as client:
        view = await client.executions.get("e1")

    assert view.is_terminal
    assert view.nodes[0].try_number == 2
    assert view.nodes[0].dependencies == ("B",)


async def test_a_refusal_carries_code_and_every_problem() -> None:
    problem = {"status": 400, "code": "DEFINITION_INVALID", "detail": "2 problems", "errors": [{"path": "a"}]}

    async with client_of(lambda _: httpx2.Response(400, json=problem)) as client:
        with pytest.raises(ApiError) as caught:
            await client.executions.run({})

    assert (caught.value.code, caught.value.detail) == ("DEFINITION_INVALID", "2 problems")
    assert caught.value.problems == [{"path": "a"}]


async def test_an_unknown_execution_is_not_found() -> None:
    async with client_of(lambda _: httpx2.Response(404, json={"detail": "no"})) as client:
        with pytest.raises(NotFound):
            await client.executions.get("e1")


async def test_a_proxy_without_a_server_behind_it_counts_as_no_server() -> None:
    async with client_of(lambda _: httpx2.Response(502, text="<html>")) as client:
        with pytest.raises(ServerUnreachable, match="HTTP 502"):
            await client.executions.get("e1")
        assert not await client.is_healthy()


async def test_ids_cannot_lead_to_other_routes() -> None:
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.url.raw_path.decode())
        return httpx2.Response(404, json={})

    async with client_of(answer) as client:
        with pytest.raises(NotFound):
            await client.executions.get("../workers")

    assert seen == ["/v1/executions/..%2Fworkers"]


async def test_lists_are_read_page_after_page() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        first = "cursor" not in request.url.params
        item = {"execution_id": "new" if first else "old", "name": "n", "status": "COMPLETED"}
        return httpx2.Response(200, json={"items": [item], "next_cursor": "c" if first else None})

    async with client_of(answer) as client:
        found = [view.execution_id async for view in client.executions.list(status="COMPLETED")]
        newest = [view.execution_id async for view in client.executions.list(limit=1)]

    assert found == ["new", "old"]
    assert newest == ["new"]


async def test_a_broken_stream_is_taken_up_where_it_broke() -> None:
    asked: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("Last-Event-ID"))
        if len(asked) == 1:
            return stream(
                "retry: 2000\n\n", frame(1, "execution.created"), ": ping\n\n", frame(2, "node.queued")
            )
        if len(asked) == 2:
            raise httpx2.ConnectError("gone")
        if len(asked) == 3:
            return httpx2.Response(503, text="starting")
        return stream(frame(2, "node.queued"), frame(3, "execution.completed"))

    async with client_of(answer) as client:
        seqs = [event.seq async for event in client.executions.events("e1")]

    assert seqs == [1, 2, 3]
    assert asked == [None, "2", "2", "2"]


async def test_a_history_read_to_its_end_needs_no_terminal_event() -> None:
    async with client_of(lambda _: httpx2.Response(204)) as client:
        assert [event async for event in client.executions.events("e1", after=9)] == []


async def test_a_gap_is_told_and_does_not_move_the_cursor() -> None:
    gap = 'event: gap\ndata: {"type": "gap", "execution_id": "e1", "data": {"after": 0, "next": 5}}\n\n'

    async with client_of(lambda _: stream(gap, frame(5, "execution.failed"))) as client:
        found = [(event.seq, event.type) async for event in client.executions.events("e1")]

    assert found == [(0, "gap"), (5, "execution.failed")]


async def test_following_gives_up_when_nobody_answers_for_long() -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    async with client_of(answer) as client:
        with pytest.raises(ServerUnreachable, match="refused"):
            async for _ in client.executions.events("e1", give_up_after_s=0.0):
                pass


class Clock:
    """Stands still until it is moved."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.mark.parametrize("breaks", [False, True])
async def test_a_long_quiet_stream_does_not_count_as_time_without_a_server(
    monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    clock, asked = Clock(), 0
    monkeypatch.setattr(events, "time", clock)

    async def quiet() -> AsyncIterator[bytes]:
        yield frame(1, "node.waiting").encode()
        clock.now_s += 3600
        yield b": ping\n\n"
        if breaks:
            raise httpx2.ReadError("connection reset")

    def answer(_: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=quiet())
        if asked == 2:
            raise httpx2.ConnectError("starting")
        return stream(frame(2, "execution.completed"))

    async with client_of(answer) as client:
        seqs = [event.seq async for event in client.executions.events("e1")]

    assert seqs == [1, 2]


async def test_a_stream_that_breaks_at_once_each_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(events, "time", clock)

    async def broken() -> AsyncIterator[bytes]:
        clock.now_s += 1
        raise httpx2.ReadError("connection reset")
        yield b""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=broken())

    async with client_of(answer) as client:
        with pytest.raises(ServerUnreachable, match="connection reset"):
            async for _ in client.executions.events("e1"):
                pass

    assert clock.now_s == 61


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (httpx2.Response(200, html="<html>welcome</html>"), "got 'text/html'"),
        (stream(f"data: {'x' * transport.LARGEST_EVENT_BYTES}\n\n"), "byte limit"),
    ],
    ids=["a page", "a huge event"],
)
async def test_what_no_other_try_makes_a_stream_is_reported_at_once(
    answer: httpx2.Response, found: str
) -> None:
    asked: list[httpx2.Request] = []

    async with client_of(recording_answer(answer, asked)) as client:
        with pytest.raises(ApiError, match=f"no events can be read from http://server/.*{found}"):
            async for _ in client.executions.events("e1"):
                pass

    assert len(asked) == 1


async def test_a_page_in_the_place_of_json_is_shown() -> None:
    async with client_of(lambda _: httpx2.Response(200, html="<html>welcome</html>")) as client:
        with pytest.raises(ApiError, match=r"expected JSON from http://server/v1/.*found '<html>welcome"):
            await client.executions.get("e1")


async def test_a_refused_stream_is_not_asked_for_again() -> None:
    asked = 0

    def answer(_: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        return httpx2.Response(404, json={"detail": "no such execution"})

    async with client_of(answer) as client:
        with pytest.raises(NotFound):
            async for _ in client.executions.events("e1"):
                pass

    assert asked == 1


def recording(answer: Mapping[str, object], seen: list[httpx2.Request]) -> Answer:
    return recording_answer(httpx2.Response(202, json=answer), seen)


def recording_answer(answer: httpx2.Response, seen: list[httpx2.Request]) -> Answer:
    def give(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return answer

    return give


async def test_a_retry_names_the_generation_it_means() -> None:
    seen: list[httpx2.Request] = []
    answer = {"execution_id": "e1", "status": "RUNNING", "generation": 2, "nodes": ["A"], "already": False}

    async with client_of(recording(answer, seen)) as client:
        rerun = await client.executions.retry("e1", generation=1)

    assert (rerun.status, rerun.generation, rerun.nodes) == ("RUNNING", 2, ("A",))
    assert seen[0].url.path == "/v1/executions/e1/retry"
    assert json.loads(seen[0].content) == {"preview": False, "generation": 1}


async def test_a_replay_sends_inputs_only_when_there_are_any_and_a_key() -> None:
    seen: list[httpx2.Request] = []

    async with client_of(recording({"execution_id": "e2", "status": "RUNNING"}, seen)) as client:
        await client.executions.replay("e1")
        made = await client.executions.replay("e1", inputs={"n": 1}, idempotency_key="k1")

    assert made.execution_id == "e2"
    assert [json.loads(request.content) for request in seen] == [{}, {"inputs": {"n": 1}}]
    assert seen[0].headers["Idempotency-Key"] != seen[1].headers["Idempotency-Key"] == "k1"


async def test_a_fork_sends_the_change_alone() -> None:
    seen: list[httpx2.Request] = []
    answer = {
        "execution_id": None, "status": None, "forked_from": "e1",
        "nodes": ["B"], "reused": ["A"], "skipped": [],
    }  # fmt: skip

    async with client_of(recording(answer, seen)) as client:
        forked = await client.executions.fork("e1", from_node="B", preview=True)

    assert (forked.execution_id, forked.nodes, forked.reused, forked.skipped) == (None, ("B",), ("A",), ())
    assert json.loads(seen[0].content) == {"from_node": "B", "preview": True}


@pytest.mark.parametrize(
    ("call", "request_line"),
    [
        (lambda client: client.executions.definition("e1"), "GET /v1/executions/e1/definition"),
        (lambda client: client.executions.results("e1"), "GET /v1/executions/e1/results"),
        (lambda client: client.executions.trigger("e1"), "POST /v1/executions/e1/trigger"),
        (lambda client: client.executions.purge("e1"), "DELETE /v1/executions/e1"),
        (lambda client: client.executions.resume("e1"), "POST /v1/executions/e1/resume"),
        (lambda client: client.nodes.get("e1", "ask"), "GET /v1/executions/e1/nodes/ask"),
        (lambda client: client.nodes.complete("e1", "ask[0]", by="ann"),
         "POST /v1/executions/e1/nodes/ask%5B0%5D/complete"),
        (lambda client: client.signals.send("e1", "paid"), "POST /v1/executions/e1/signals/paid"),
        (lambda client: client.approvals.get("e1", "ask"), "GET /v1/approvals/e1/ask"),
        (lambda client: client.definitions.simulate("name: a"), "POST /v1/simulate"),
        (lambda client: client.queues.list(), "GET /v1/queues"),
        (lambda client: client.workers.list(), "GET /v1/workers"),
        (lambda client: client.handlers.list(), "GET /v1/handlers"),
        (lambda client: client.dead_letters.requeue("7-0"), "POST /v1/dead/7-0/requeue"),
        (lambda client: client.dead_letters.drop("7-0"), "DELETE /v1/dead/7-0"),
        (lambda client: client.usage.get(days=7), "GET /v1/usage?days=7"),
        (lambda client: client.statistics.get(), "GET /v1/statistics"),
        (lambda client: client.statistics.get(first="2026-11-01"), "GET /v1/statistics?from=2026-11-01"),
        (lambda client: client.readiness(), "GET /readyz?verbose="),
    ],
)  # fmt: skip
async def test_a_verb_of_the_client_is_a_route_of_the_api(
    call: Callable[[AsyncClient], Awaitable[object]], request_line: str
) -> None:
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(f"{request.method} {request.url.raw_path.decode()}")
        document = {"items": [], "results": {}, "node_id": "ask", "status": "WAITING"}
        return httpx2.Response(200, json=document)

    async with client_of(answer) as client:
        await call(client)

    assert seen == [request_line]


@pytest.mark.parametrize(
    ("read", "path"),
    [
        (lambda client: client.executions.children("e1", limit=150), "/v1/executions/e1/children"),
        (lambda client: client.nodes.items("e1", "each", limit=150), "/v1/executions/e1/nodes/each/items"),
        (lambda client: client.approvals.list(limit=150), "/v1/approvals"),
        (lambda client: client.dead_letters.list(limit=150), "/v1/dead"),
    ],
)
async def test_a_limit_ends_a_list_within_a_page(
    read: Callable[[AsyncClient], AsyncIterator[object]], path: str
) -> None:
    asked: list[tuple[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        limit = request.url.params["limit"]
        asked.append((request.url.path, limit))
        item = {"execution_id": "e2", "name": "n", "status": "RUNNING"}
        return httpx2.Response(200, json={"items": [item] * int(limit), "next_cursor": "c"})

    async with client_of(answer) as client:
        found = [item async for item in read(client)]

    assert len(found) == 150
    assert asked == [(path, "100"), (path, "50")]
