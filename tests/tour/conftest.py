"""A Headrace of two workers, and a service for their nodes to call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import orjson
import pytest

from clients.http.client import HttpPolicy
from clients.llm.provider import LlmSettings
from tests.makers import Rig, WorkerFleet
from tests.tour.headrace import Headrace
from workers.context import Toolbox


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
async def headrace(client: httpx2.AsyncClient, rig: Rig, fleet: WorkerFleet, service: str) -> Headrace:
    """The API with two workers, which know where the services are; the language model echoes."""
    services = {"service-a": service, "consumer": service}
    for name in ("worker-1", "worker-2"):
        policy = HttpPolicy.for_environment("development", services=services)
        tools = Toolbox(
            services=services, http_policy=policy, llm_settings=LlmSettings(environment="development")
        )
        await fleet.start(name, tools=tools)
    return Headrace(client, rig)
