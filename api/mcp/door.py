"""The route `/mcp`: lets requests in as any route does, and hands them to the server behind it."""

from __future__ import annotations

import asyncio
import contextvars
from importlib.util import find_spec
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.auth import require
from api.owners import RouteOwner
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH = "/mcp"
#: What it needs beside the requirements of the project.
EXTRA = "requirements-mcp.lock"
#: Without it nothing can be asked; each tool says for itself which scope it needs beyond that.
OWNER = RouteOwner.READ


def is_installed() -> bool:
    """Say whether the package is there; it is not imported."""
    return find_spec("mcp") is not None


class McpDoor:
    """The application at `/mcp`. Its server is imported and started at the first request.

    Every request stands alone, so that any process of the API may answer it: there are no sessions.
    """

    def __init__(self, *, version: str, max_body_bytes: int) -> None:
        self._version = version
        self._max_body_bytes = max_body_bytes
        self._starting: asyncio.Task[StreamableHTTPSessionManager] | None = None
        self._serving: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await require(Request(scope, receive), OWNER)
        if self._starting is None or self._starting.cancelled() or _has_failed(self._starting):
            # In a context of its own: the request that comes first lends it neither its time nor its name.
            self._starting = asyncio.get_running_loop().create_task(
                self._start(), context=contextvars.Context()
            )
        # Shielded: the others that wait for it stay when the first client leaves.
        manager = await asyncio.shield(self._starting)
        await manager.handle_request(scope, receive, send)

    async def aclose(self) -> None:
        """End the server and what it still does. The door may be opened again afterwards."""
        starting, serving = self._starting, self._serving
        self._starting = self._serving = None
        if starting is not None:
            starting.cancel()
            await asyncio.wait([starting])
        if serving is not None:
            self._stop.set()
            await asyncio.wait([serving])

    async def _start(self) -> StreamableHTTPSessionManager:
        # In a thread: requests of others are answered while the package is imported.
        manager = await asyncio.to_thread(_built, self._version, self._max_body_bytes)
        self._stop = asyncio.Event()
        ready = asyncio.Event()
        serving = self._serving = asyncio.create_task(_serve(manager, ready, self._stop))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([waiting, serving], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()
        return manager


def check_installed(is_wanted: bool) -> None:
    """Refuse to serve `/mcp` without its package. Raises ConfigError."""
    if is_wanted and not is_installed():
        raise ConfigError(
            f"MCP=true needs the package 'mcp', which is not installed: pip install -r {EXTRA}, or MCP=false"
        )


async def _serve(manager: StreamableHTTPSessionManager, ready: asyncio.Event, stop: asyncio.Event) -> None:
    # A task group has to be left in the task that entered it.
    async with manager.run():
        ready.set()
        await stop.wait()


def _built(version: str, max_body_bytes: int) -> StreamableHTTPSessionManager:
    from api.mcp.server import session_manager

    return session_manager(version=version, max_body_bytes=max_body_bytes)


def _has_failed(task: asyncio.Task[StreamableHTTPSessionManager]) -> bool:
    return task.done() and task.exception() is not None
