"""An API that is reached over a socket, and agents of it: the official client of MCP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="pip install -r requirements-mcp.lock")

import httpx2
import uvicorn
from fastapi import FastAPI
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from api.access import Reach
from tests.makers import until
from tests.patience import PATIENCE_S

#: A directory without workflow files: tests register their own.
NO_FILES = Path(__file__).parent / "no-workflows"


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve an app in this process; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await until(lambda: _is_up(server, serving))
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@dataclass
class Agent:
    """One client of `/mcp`."""

    client: Client
    #: What was reported of calls that take time: (nodes that have ended, of how many).
    progress: list[tuple[float, float | None]] = field(default_factory=list)
    #: Set by the first report.
    reported: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that is meant to succeed; gives its answer."""
        result = await self.result(tool, **arguments)
        assert not result.is_error, result.structured_content
        answer: dict[str, Any] = result.structured_content
        return answer

    async def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that is meant to refuse; gives the problem."""
        result = await self.result(tool, **arguments)
        assert result.is_error, result.structured_content
        problem: dict[str, Any] = result.structured_content
        return problem

    async def result(self, tool: str, **arguments: Any) -> CallToolResult:
        async def note(progress: float, total: float | None, message: str | None) -> None:
            self.progress.append((progress, total))
            self.reported.set()

        return await self.client.call_tool(tool, arguments, progress_callback=note)

    async def tools(self) -> set[str]:
        return {tool.name for tool in (await self.client.list_tools()).tools}


@asynccontextmanager
async def agent(address: str, key: str | None = None, *, mode: str = "auto") -> AsyncIterator[Agent]:
    """Connect to an API. mode: `auto` speaks the newest protocol, `legacy` the one with a handshake."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http), mode=mode) as client,
    ):
        yield Agent(client)


def watchers(app: FastAPI) -> int:
    """Give how many histories are followed."""
    reach = app.state.reach
    assert isinstance(reach, Reach)
    return reach.hub.watchers


async def _is_up(server: uvicorn.Server, serving: asyncio.Task[None]) -> bool:
    assert not serving.done(), "it did not start"
    return server.started
