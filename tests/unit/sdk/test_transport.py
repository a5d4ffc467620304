"""Requests that are sent again, and those that are not; errors by their kind; both clients alike."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace import transport
from headrace.backoff import Backoff
from headrace.client import AsyncClient, Client
from headrace.errors import (
    ApiError,
    Conflict,
    Invalid,
    NotFound,
    NotSendable,
    ServerUnreachable,
    Unauthorized,
    Unavailable,
)

OK: dict[str, Any] = {"execution_id": "e1", "status": "RUNNING", "items": [], "next_cursor": None}


class Server:
    """Answers with what it is given, in turn, and at last with success."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.seen: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        answer = self.answers.pop(0) if self.answers else httpx2.Response(200, json=OK)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "RETRY", Backoff(first_s=0.0, most_s=0.0))


Ask = Callable[[Any], Any]
both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


async def ask(server: Server, call: Ask, *, is_async: bool, **options: Any) -> Any:
    """Ask by one of the clients."""
    mock = httpx2.MockTransport(server)
    if not is_async:
        with Client("http://server", transport=mock, **options) as client:
            return call(client)
    async with AsyncClient("http://server", transport=mock, **options) as asking:
        found = call(asking)
        return await found if isinstance(found, Awaitable) else found


@both
async def test_a_start_is_sent_again_under_its_key(is_async: bool) -> None:
    busy = httpx2.Response(503, json={"detail": "Redis is away"}, headers={"Retry-After": "0"})
    server = Server(httpx2.ReadError("connection reset"), busy)

    run = await ask(server, lambda client: client.run("greet", {"name": "Ada"}), is_async=is_async)

    assert run.id == "e1"
    assert len(server.seen) == 3
    assert len({request.headers["Idempotency-Key"] for request in server.seen}) == 1
    assert {request.url.path for request in server.seen} == {"/v1/workflows/greet/executions"}


@both
async def test_a_version_and_a_trigger_go_with_a_start(is_async: bool) -> None:
    server = Server()
    inline = {"name": "x", "nodes": []}

    await ask(server, lambda client: client.run("greet", version=2, trigger={"by": "me"}), is_async=is_async)
    await ask(server, lambda client: client.run(inline, trigger={"by": "me"}), is_async=is_async)
    with pytest.raises(NotSendable, match="a definition has no versions"):
        await ask(server, lambda client: client.run(inline, version=2), is_async=is_async)

    assert [json.loads(request.content) for request in server.seen] == [
        {"version": 2, "trigger": {"by": "me"}},
        {"definition": inline, "trigger": {"by": "me"}},
    ]


@both
async def test_what_might_take_effect_twice_is_sent_once(is_async: bool) -> None:
    server = Server(httpx2.ReadError("connection reset"))

    with pytest.raises(ServerUnreachable, match="connection reset"):
        await ask(server, lambda client: client.executions.purge("e1"), is_async=is_async)

    assert len(server.seen) == 1


@both
async def test_patience_has_an_end(is_async: bool) -> None:
    server = Server(*[httpx2.ConnectError("refused")] * 9)

    with pytest.raises(ServerUnreachable, match="cannot reach http://server: refused"):
        await ask(server, lambda client: client.executions.get("e1"), is_async=is_async, retries=3)

    assert len(server.seen) == 4


async def test_a_pause_that_is_too_long_is_reported_at_once() -> None:
    limited = httpx2.Response(429, json={"detail": "slowly"}, headers={"Retry-After": "3600"})
    server = Server(limited)

    with pytest.raises(Unavailable, match="slowly") as refused:
        await ask(server, lambda client: client.executions.get("e1"), is_async=False)

    assert refused.value.retry_after_s == 3600.0
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid), (422, Invalid), (413, Invalid), (401, Unauthorized), (403, Unauthorized),
        (404, NotFound), (409, Conflict), (412, Conflict), (429, Unavailable), (503, Unavailable),
        (500, ApiError),
    ],
)  # fmt: skip
@both
async def test_an_error_has_the_kind_of_its_status(status: int, kind: type[ApiError], is_async: bool) -> None:
    problem = {"status": status, "code": "ODD", "title": "Odd", "errors": [{"path": "a"}]}
    server = Server(httpx2.Response(status, json=problem))

    with pytest.raises(ApiError, match="Odd") as refused:
        await ask(server, lambda client: client.executions.get("e1"), is_async=is_async, retries=0)

    assert type(refused.value) is kind
    assert (refused.value.code, refused.value.problem, refused.value.problems) == (
        "ODD",
        problem,
        [{"path": "a"}],
    )


@pytest.mark.parametrize("workflow", ["flows/greet.yaml", Path("greet.yaml")], ids=str)
async def test_the_path_of_a_file_is_not_sent_for_a_workflow(workflow: Any) -> None:
    server = Server()

    with pytest.raises(NotSendable, match=r"of a file send its text: Path\(…\)\.read_text\(\)"):
        await ask(server, lambda client: client.run(workflow), is_async=False)

    assert not server.seen


@pytest.mark.parametrize("inputs", [{"n": float("nan")}, {"n": {1, 2}}, {"n": "\ud800"}], ids=str)
async def test_inputs_that_are_no_json_are_not_sent(inputs: dict[str, Any]) -> None:
    server = Server()

    with pytest.raises(NotSendable):
        await ask(server, lambda client: client.run("greet", inputs), is_async=False)

    assert not server.seen


async def test_the_key_is_in_every_request_and_in_no_error() -> None:
    server = Server()

    await ask(server, lambda client: client.queues.list(), is_async=False, api_key="hr_secret")

    assert server.seen[0].headers["Authorization"] == "Bearer hr_secret"


def test_a_list_reads_no_page_before_it_is_needed() -> None:
    pages = [
        httpx2.Response(200, json={"items": [{"name": f"w{n}", "version": 1}], "next_cursor": str(n)})
        for n in range(5)
    ]
    server = Server(*pages)

    with Client("http://server", transport=httpx2.MockTransport(server)) as client:
        found = client.workflows.list()
        names = [next(found).name, next(found).name]

    assert names == ["w0", "w1"]
    assert len(server.seen) == 2
    assert server.seen[1].url.params["cursor"] == "0"


@pytest.mark.parametrize(
    ("url", "is_verified"), [("http://localhost:8000", False), ("https://a.example", True)]
)
def test_certificates_are_read_only_where_they_are_checked(url: str, is_verified: bool) -> None:
    assert transport.Server(url, None, 1.0, 0).pool()["verify"] is is_verified
