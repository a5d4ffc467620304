"""A way to the API that can be cut: connections through it break at once, as they do where a network goes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tests.browser.stack import Stack


class Network:
    """Passes connections on, until it is cut and where it is not down."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._port = int(stack.url.rpartition(":")[2])
        self._open: set[asyncio.StreamWriter] = set()
        self._is_down = False
        self.url = ""

    def cut(self) -> None:
        """Break every connection, and take no new one until it is mended."""
        self._stack.run(self._cut())

    def mend(self) -> None:
        """Take connections again."""
        self._is_down = False

    async def _cut(self) -> None:
        self._is_down = True
        for writer in list(self._open):
            writer.transport.abort()

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down:
            writer.transport.abort()
            return
        there, thither = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, thither}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copy(reader, thither))
                both.create_task(self._copy(there, writer))
        finally:
            self._open -= {writer, thither}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(64 * 1024):
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@contextmanager
def network(stack: Stack) -> Iterator[Network]:
    """Lay a way to the API of a stack."""
    made = Network(stack)
    server = stack.run(made.listen())

    async def close() -> None:
        server.close()
        await made._cut()

    try:
        yield made
    finally:
        stack.run(close())
