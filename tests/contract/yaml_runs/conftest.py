"""The API with a worker that runs what comes, and a service for its steps to call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import orjson
import pytest

from clients.http.client import HttpPolicy
from clients.llm.provider import LlmSettings
from tests.contract.yaml_runs.running_yaml import Runs
from tests.makers import WorkerFleet
from workers.context import Toolbox


@pytest.fixture
async def service() -> AsyncIterator[str]:
    """An HTTP service that answers `/STATUS/…` with that status, and what it was sent as JSON."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        headers = dict(
            line.decode().lower().split(": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
        )
        sent = await reader.readexactly(int(headers.get("content-length", 0)))
        said = {"method": method, "path": path, "sent": sent.decode(), "x": headers.get("x-of-mine")}
        body = orjson.dumps(said)
        status = path.split("/")[1] if path.split("/")[1].isdigit() else "200"
        writer.write(
            f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.fixture
def tools() -> Toolbox:
    """What the worker has: calls to this machine, and a language model that echoes."""
    return Toolbox(
        http_policy=HttpPolicy.for_environment("development", services={}),
        llm_settings=LlmSettings(environment="development"),
    )


@pytest.fixture
async def runs(client: httpx2.AsyncClient, fleet: WorkerFleet, tools: Toolbox) -> Runs:
    await fleet.start(tools=tools)
    return Runs(client)
