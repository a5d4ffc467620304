"""The client of our own API: what it sends, and what it makes of answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from headrace.client import AsyncClient
from headrace.errors import ApiError, NotFound, ServerUnreachable
from headrace.values import Event
from tests.unit.sdk.answering import client_of, recording


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


async def test_a_page_in_the_place_of_json_is_shown() -> None:
    async with client_of(lambda _: httpx2.Response(200, html="<html>welcome</html>")) as client:
        with pytest.raises(ApiError, match=r"expected JSON from http://server/v1/.*found '<html>welcome"):
            await client.executions.get("e1")


READS: dict[str, Callable[[AsyncClient], Any]] = {
    "execution_id": lambda client: client.executions.run({"nodes": []}),
    "results": lambda client: client.executions.results("e1"),
    "nodes": lambda client: client.executions.get("e1", whole=True),
    "items": lambda client: client.schedules.next("s"),
    "errors": lambda client: client.definitions.validate({"nodes": []}),
}


@pytest.mark.parametrize("name", READS)
async def test_a_field_that_an_answer_lacks_is_named(name: str) -> None:
    async with client_of(lambda _: httpx2.Response(200, json={"other": 1})) as client:
        with pytest.raises(ApiError, match=rf"a JSON object with the field '{name}' from http://server/"):
            await READS[name](client)


async def test_a_node_without_an_id_and_an_event_without_a_type_are_named() -> None:
    async with client_of(lambda _: httpx2.Response(200, json={"nodes": [{"status": "PENDING"}]})) as client:
        with pytest.raises(ApiError, match="with the field 'node_id'"):
            await client.executions.get("e1", whole=True)
    with pytest.raises(ApiError, match="expected an event with the field 'type'"):
        Event.from_json('{"execution_id": "e1"}', default_seq=0)


async def test_whole_documents_are_plain() -> None:
    answer = {"execution_id": "e1", "status": "RUNNING", "nodes": [{"node_id": "A", "status": "RUNNING"}]}

    async with client_of(lambda _: httpx2.Response(200, json=answer)) as client:
        view = await client.executions.get("e1", whole=True)
        documents = [view.document, view.document["nodes"][0], await client.readiness()]

    assert {type(each) for each in documents} == {dict}


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
