"""A stand-in for the Docker Engine API on a unix socket, spoken to by the real Docker SDK."""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(eq=False)
class FakeContainer:
    """One container: what it was created with, and the streams of whoever is attached."""

    id: str
    config: dict[str, Any]
    state: dict[str, Any] = field(
        default_factory=lambda: {"Status": "created", "ExitCode": 0, "OOMKilled": False}
    )
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    program: asyncio.Task[None] | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, data: bytes, stream: int = 1) -> None:
        assert self.writer is not None
        self.writer.write(struct.pack(">BxxxL", stream, len(data)) + data)
        await self.writer.drain()

    async def read(self) -> bytes:
        """All of standard input."""
        assert self.reader is not None
        return await self.reader.read()


#: What a container does; the value is its exit code.
Program = Callable[[FakeContainer], Awaitable[int]]


async def idle(_: FakeContainer) -> int:
    """Run until killed."""
    await asyncio.Event().wait()
    return 0


async def exit_at_once(_: FakeContainer) -> int:
    return 0


@dataclass
class FakeEngine:
    """Knows some images, runs Python functions as containers, and keeps what it was asked."""

    url: str = ""
    program: Program = exit_at_once
    images: set[str] = field(default_factory=lambda: {"tool:1"})
    #: Images that a pull brings.
    registry: set[str] = field(default_factory=set)
    #: "METHOD /path" without version and ids -> (status, message), once for each time it is listed.
    failures: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    #: Also those that are gone.
    created: list[FakeContainer] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def add(self, labels: dict[str, str]) -> str:
        """Put a container there that somebody else has left."""
        container_id = f"{next(self._numbers):064x}"
        self.containers[container_id] = FakeContainer(container_id, {"Labels": labels})
        return container_id

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                method, target, _ = first.split(" ", 2)
                headers = {
                    name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                parts = urlsplit(target)
                path = "/" + unquote(parts.path).lstrip("/").removeprefix("v1.47/")
                if path.endswith("/attach"):
                    await self._attach(path.split("/")[2], reader, writer)
                    return
                status, answer = await self._answer(method, path, parse_qs(parts.query), body)
                raw = b"" if answer is None else json.dumps(answer).encode()
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(raw)}\r\n\r\n".encode()
                    + raw
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, method: str, path: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, Any]:
        container_id = path.split("/")[2] if path.count("/") >= 2 else ""
        found = self.containers.get(container_id)
        call = f"{method} {path.replace(container_id, '…') if found else path}"
        self.requests.append(call)
        if planned := self.failures.get(call):
            status, message = planned.pop(0)
            return status, {"message": message}
        if call == "GET /version":
            return 200, {"ApiVersion": "1.47", "MinAPIVersion": "1.24"}
        if call == "GET /containers/json":
            label = json.loads(query["filters"][0])["label"][0]
            return 200, self._list(label)
        if call == "POST /images/create":
            return self._pull(f"{query['fromImage'][0]}:{query['tag'][0]}")
        if call == "POST /containers/create":
            return self._create(json.loads(body))
        if found is None:
            return 404, {"message": f"No such container: {container_id}"}
        if call == "POST /containers/…/start":
            found.state["Status"] = "running"
            found.program = asyncio.create_task(self._run(found))
            self.started.set()
            return 204, None
        if call == "GET /containers/…/json":
            return 200, {"Id": found.id, "State": found.state}
        if call == "DELETE /containers/…":
            assert query["force"] == ["True"]
            return await self._remove(found)
        return 404, {"message": f"page not found: {call}"}

    def _list(self, label: str) -> list[dict[str, Any]]:
        labelled = [each for each in self.containers.values() if label in each.config["Labels"]]
        return [{"Id": each.id, "Labels": each.config["Labels"]} for each in labelled]

    def _pull(self, image: str) -> tuple[int, Any]:
        if image not in self.registry:
            return 200, {"error": f"manifest for {image} not found"}
        self.images.add(image)
        return 200, {"status": "Download complete"}

    def _create(self, config: dict[str, Any]) -> tuple[int, Any]:
        if config["Image"] not in self.images:
            return 404, {"message": f"No such image: {config['Image']}"}
        container = FakeContainer(f"{next(self._numbers):064x}", config)
        self.containers[container.id] = container
        self.created.append(container)
        return 201, {"Id": container.id, "Warnings": []}

    async def _remove(self, container: FakeContainer) -> tuple[int, Any]:
        if container.program is not None and not container.program.done():
            container.program.cancel()
            await asyncio.wait({container.program})
        container.ended.set()
        self.containers.pop(container.id, None)
        self.removed.append(container.id)
        return 204, None

    async def _attach(
        self, container_id: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        container = self.containers[container_id]
        assert container.state["Status"] == "created", "attached too late for the first lines"
        writer.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        await writer.drain()
        container.reader, container.writer = reader, writer
        await container.ended.wait()

    async def _run(self, container: FakeContainer) -> None:
        try:
            container.state["ExitCode"] = await self.program(container)
        except asyncio.CancelledError:
            container.state["ExitCode"] = 137
        except ConnectionError:
            container.state["ExitCode"] = 1
        container.state["Status"] = "exited"
        container.ended.set()


@asynccontextmanager
async def running_engine() -> AsyncIterator[FakeEngine]:
    engine = FakeEngine()
    # Short: the path of a unix socket has about a hundred characters.
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "engine.sock"
        server = await asyncio.start_unix_server(engine.serve, path)
        engine.url = f"unix://{path}"
        try:
            yield engine
        finally:
            server.close()
            for container in engine.created:
                if container.program is not None:
                    container.program.cancel()
