"""The doors through which a workload submits: HTTP, or Redis for floor B, which has no server."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

import orjson
import redis.asyncio

from benchmarks import floor_store
from benchmarks.dags import Document


class Door(Protocol):
    """What a workload asks of a system. One door carries one request at a time."""

    async def submit(self, document: Document) -> str: ...
    async def trigger(self, execution_id: str) -> None: ...
    async def launch(self, document: Document) -> str: ...
    async def status(self, execution_id: str) -> str: ...
    async def close(self) -> None: ...


class HttpError(Exception):
    """A request was answered with something other than 2xx."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        super().__init__(f"{method} {path} answered {status}: {body[:500].decode(errors='replace')}")
        self.status = status


class _Connection(asyncio.Protocol):
    """One keep-alive connection. A client library would cost more than the server that is measured."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._reply: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is not one

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        parsed = parse_response(self._buffer)
        if parsed is not None and self._reply is not None and not self._reply.done():
            status, body, consumed = parsed
            del self._buffer[:consumed]
            self._reply.set_result((status, body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(ConnectionError("the server closed the connection"))

    @property
    def is_closed(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    async def request(self, method: str, path: str, body: bytes, headers: str = "") -> tuple[int, bytes]:
        assert self._transport is not None
        self._reply = asyncio.get_running_loop().create_future()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        return await self._reply

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def parse_response(buffer: bytes | bytearray) -> tuple[int, bytes, int] | None:
    """Take one answer from the buffer: status, body, bytes consumed; None until it is whole."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(buffer[:end])
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        elif name.lower() == b"transfer-encoding":
            raise ValueError("an answer in chunks is not understood here")
    start = end + 4
    if len(buffer) < start + length:
        return None
    return int(head[9:12]), bytes(buffer[start : start + length]), start + length


async def _connect(port: int) -> _Connection:
    _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", port)
    return connection


class HttpDoor:
    """Contract 004, the one-call submission and starts by name, over one connection.

    key  sent with every request; None sends none.
    """

    def __init__(self, connection: _Connection, port: int, key: str | None = None) -> None:
        self._connection = connection
        self._port = port
        self._headers = f"X-API-Key: {key}\r\n" if key else ""

    @classmethod
    async def open(cls, port: int, key: str | None = None) -> HttpDoor:
        return cls(await _connect(port), port, key)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request, JSON both ways. Raises HttpError for anything but 2xx."""
        if self._connection.is_closed:
            # Servers drop a connection that has been idle for a few seconds.
            self._connection = await _connect(self._port)
        payload = b"" if body is None else orjson.dumps(body)
        status, answer = await self._connection.request(method, path, payload, self._headers)
        if not 200 <= status < 300:
            raise HttpError(method, path, status, answer)
        return orjson.loads(answer)

    async def submit(self, document: Document) -> str:
        return str((await self.call("POST", "/workflow", document))["execution_id"])

    async def trigger(self, execution_id: str) -> None:
        await self.call("POST", f"/workflow/trigger/{execution_id}")

    async def launch(self, document: Document) -> str:
        body = {"definition": document, "inputs": {}, "trigger": True}
        return str((await self.call("POST", "/v1/executions", body))["execution_id"])

    async def register(self, name: str, document: Document) -> None:
        """Register a workflow of the engine's registry, to be started by name."""
        await self.call("PUT", f"/v1/workflows/{name}", document)

    async def launch_named(self, name: str) -> str:
        """Start a registered workflow."""
        return str(
            (await self.call("POST", f"/v1/workflows/{name}/executions", {"inputs": {}}))["execution_id"]
        )

    async def status(self, execution_id: str) -> str:
        return str((await self.call("GET", f"/workflows/{execution_id}"))["status"])

    async def close(self) -> None:
        self._connection.close()


class RedisDoor:
    """Floor B has no server: its client writes to Redis."""

    def __init__(self, client: redis.asyncio.Redis, script: str) -> None:
        self._client = client
        self._script = script

    @classmethod
    async def open(cls, port: int) -> RedisDoor:
        client = floor_store.connect(port)
        await floor_store.join_group(client)
        return cls(client, await floor_store.load_script(client, "trigger"))

    async def submit(self, document: Document) -> str:
        return await floor_store.store(self._client, document)

    async def trigger(self, execution_id: str) -> None:
        await floor_store.trigger(self._client, self._script, execution_id)

    async def launch(self, document: Document) -> str:
        execution_id = await self.submit(document)
        await self.trigger(execution_id)
        return execution_id

    async def status(self, execution_id: str) -> str:
        return await floor_store.status(self._client, execution_id) or "MISSING"

    async def close(self) -> None:
        await self._client.aclose()
