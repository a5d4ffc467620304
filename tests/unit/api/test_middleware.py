"""Every request has an id, and no body is read beyond its limit."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.unit.api.fakes import EXECUTION_ID, FakeEngine


async def pieces(count: int, size_bytes: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * size_bytes


@pytest.mark.parametrize(
    ("path", "limit_bytes"), [("/workflow", 20_000), (f"/workflow/trigger/{EXECUTION_ID}", 2_000)]
)
async def test_oversize_body_is_413_naming_the_limit(
    client: httpx2.AsyncClient, fake: FakeEngine, path: str, limit_bytes: int
) -> None:
    answer = await client.post(path, content=b" " * (limit_bytes + 1))

    assert answer.status_code == 413
    assert answer.json()["limit_bytes"] == limit_bytes
    assert f"{limit_bytes:,} bytes" in answer.json()["detail"]
    assert fake.calls.total() == 0


@pytest.mark.parametrize("path", ["/workflow", "/v1/executions", f"/v1/executions/{EXECUTION_ID}/cancel"])
async def test_body_without_a_length_is_cut_off_while_it_streams(
    client: httpx2.AsyncClient, fake: FakeEngine, path: str
) -> None:
    answer = await client.post(path, content=pieces(30, 1_000))

    assert answer.status_code == 413
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert fake.calls.total() == 0


async def test_request_id_is_echoed(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health", headers={"X-Request-ID": "trace-1"})

    assert answer.headers["x-request-id"] == "trace-1"


@pytest.mark.parametrize("given", ["", "a b", "é", "x" * 200, 'a"b'])
async def test_unfit_request_id_is_replaced(client: httpx2.AsyncClient, given: str) -> None:
    answer = await client.get("/health", headers={b"X-Request-ID": given.encode("latin-1")})

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 24
