"""Results of any size as one object: whole, or cut so that nobody takes them for whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from orchestrator.errors import StoreUnavailable
from orchestrator.operations.results import ResultPage
from tests.unit.api.fakes import EXECUTION_ID, FakeEngine

PATH = f"/workflows/{EXECUTION_ID}/results"


@pytest.fixture
def paged(fake: FakeEngine) -> FakeEngine:
    """An engine that gives results node by node."""
    fake.page_bytes = 1 << 30
    fake.texts = {"A": b'{"n":1}', "B": None, "C": b"[1, 2]"}
    return fake


def failing_at(fake: FakeEngine, call: int, error: Exception) -> Callable[..., Any]:
    page = fake.outputs.page

    async def asked(*arguments: Any, **named: Any) -> ResultPage:
        if fake.calls["page"] == call:
            raise error
        found: ResultPage = await page(*arguments, **named)
        return found

    return asked


async def test_shares_are_joined_to_one_object(client: httpx2.AsyncClient, paged: FakeEngine) -> None:
    answer = await client.get(PATH)

    assert answer.json() == {"execution_id": EXECUTION_ID, "results": {"A": {"n": 1}, "B": {}, "C": [1, 2]}}
    assert "content-length" not in answer.headers
    assert paged.calls["page"] == 3


async def test_a_failure_before_the_first_byte_has_a_status(
    client: httpx2.AsyncClient, paged: FakeEngine
) -> None:
    paged.outputs.page = failing_at(paged, 0, StoreUnavailable("away"))

    assert (await client.get(PATH)).status_code == 503


async def test_a_failure_after_it_leaves_the_answer_without_an_end(app: Any, paged: FakeEngine) -> None:
    paged.outputs.page = failing_at(paged, 2, StoreUnavailable("away"))
    sent = await exchange(app)

    body = b"".join(message.get("body", b"") for message in sent)
    assert sent[0]["status"] == 200
    assert sent[-1]["more_body"]
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(body)


async def test_nothing_more_is_read_for_a_client_that_has_left(app: Any, paged: FakeEngine) -> None:
    await exchange(app, is_gone=True)

    assert paged.calls["page"] == 1


async def test_head_reads_the_first_share_alone(client: httpx2.AsyncClient, paged: FakeEngine) -> None:
    answer = await client.head(PATH)

    assert (answer.status_code, answer.content) == (200, b"")
    assert paged.calls["page"] == 1


async def exchange(app: Any, *, is_gone: bool = False) -> list[dict[str, Any]]:
    """What the app sends for the results, to a client that stays or has left."""
    sent: list[dict[str, Any]] = []
    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if requests:
            return requests.pop()
        if not is_gone:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
        "scheme": "http", "headers": [(b"host", b"localhost")], "http_version": "1.1", "root_path": "",
        "server": ("localhost", 8000), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    return sent
