"""No page of another site drives the engine of its reader, and no broken client wears the server down."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.api_process import api_process
from tests.patience import PATIENCE_S
from tests.security.browsers import BODY, GARBAGE, HOSTS, PAGES, PROGRAMS

LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
async def local(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """The app as it is reached from this machine."""
    client.base_url = httpx2.URL("http://localhost")
    return client


async def post(client: httpx2.AsyncClient, headers: str) -> httpx2.Response:
    lines = [line.split(": ", 1) for line in headers.splitlines()]
    return await client.post("/v1/executions", content=BODY, headers=dict(lines))


async def count(client: httpx2.AsyncClient) -> int:
    return len((await client.get("/v1/executions")).json()["items"])


@pytest.mark.parametrize(("headers", "status"), PAGES)
async def test_a_page_of_another_site_starts_nothing(
    local: httpx2.AsyncClient, headers: str, status: int
) -> None:
    answer = await post(local, headers)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "allowed: " in answer.json()["detail"]
    assert await count(local) == 0


@pytest.mark.parametrize("host", HOSTS)
async def test_a_rebound_name_reads_and_starts_nothing(local: httpx2.AsyncClient, host: str) -> None:
    read = await local.get("/v1/executions", headers={"Host": host})
    started = await post(local, f"Host: {host}\nOrigin: http://{host}\nSec-Fetch-Site: same-origin")

    assert (read.status_code, started.status_code) == (421, 421)
    assert read.json()["code"] == "UNKNOWN_HOST"
    assert await count(local) == 0


@pytest.mark.parametrize("headers", PROGRAMS)
async def test_programs_and_our_own_pages_are_served(local: httpx2.AsyncClient, headers: str) -> None:
    made = await local.post("/v1/keys", json={"name": "program"})

    assert (await post(local, headers.replace("KEY", made.json()["key"]))).status_code == 202


async def test_no_page_may_read_an_answer_without_a_setting(local: httpx2.AsyncClient) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}

    preflight = await local.request("OPTIONS", "/v1/executions", headers=asked)
    read = await local.get("/v1/executions", headers={"Origin": "http://evil.example"})

    assert preflight.status_code == 405
    assert not [name for name in (*preflight.headers, *read.headers) if name.startswith("access-control")]


@pytest.fixture(scope="module")
def server() -> Any:
    """`uvicorn main:app` started plainly; it needs no Redis to refuse."""
    with api_process("redis://127.0.0.1:1/0") as (_, port):
        yield port


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(PATIENCE_S):
        return await asyncio.open_connection("127.0.0.1", port)


async def exchange(port: int, sent: bytes) -> bytes:
    """Send bytes and read all that comes back, until the server closes."""
    reader, writer = await connect(port)
    async with asyncio.timeout(PATIENCE_S):
        writer.write(sent)
        found = await reader.read()
    writer.close()
    return found


@pytest.mark.parametrize(("sent", "status"), GARBAGE)
async def test_what_is_no_request_is_refused_and_the_connection_closed(
    server: int, sent: bytes, status: int
) -> None:
    found = await exchange(server, sent)

    assert found.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in found


async def test_garbage_behind_a_request_takes_nothing_from_it(server: int) -> None:
    found = await exchange(server, LIVE + LIVE + b"\x00garbage\r\n\r\n" + LIVE)

    assert found.count(b'{"status":"ok"}') == 2


async def test_clients_without_an_end_keep_nobody_waiting(server: int) -> None:
    half_open = [await connect(server) for _ in range(100)]
    for _, writer in half_open:
        writer.write(b"GET /livez HTTP/1.1\r\nX-A: ")

    answers = [
        await exchange(server, LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) for _ in range(3)
    ]

    assert [answer.startswith(b"HTTP/1.1 200 ") for answer in answers] == [True] * 3
    for _, writer in half_open:
        writer.close()


@pytest.mark.parametrize("path", ["/health", "/livez", "/docs", "/openapi.json"])
async def test_head_is_answered_as_get_without_a_body(server: int, path: str) -> None:
    line = f"{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()

    got, asked = await exchange(server, b"GET " + line), await exchange(server, b"HEAD " + line)

    head, _, body = got.partition(b"\r\n\r\n")
    assert body
    assert f"content-length: {len(body)}".encode() in head
    assert _without(asked, b"date", b"x-request-id") == _without(head + b"\r\n\r\n", b"date", b"x-request-id")


def _without(head: bytes, *names: bytes) -> list[bytes]:
    return [line for line in head.split(b"\r\n") if line.split(b":")[0] not in names]
