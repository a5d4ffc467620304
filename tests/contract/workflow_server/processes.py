"""A whole deployment in processes of its own, for real clients of workflow servers; its network can fail."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.api_process import api_process
from tests.redis_server import RedisServer
from tests.source_tree import ROOT


@dataclass
class Deployment:
    """Redis, an orchestrator, workers, the API, and the contract of workflow servers by itself.

    urls         of the contract beside the native one, and by itself.
    environment  what its workers get besides.
    """

    redis: RedisServer
    port: int
    urls: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(self) -> None:
        self.workers.append(self._start("workers.worker"))

    def start_orchestrator(self) -> None:
        self.others.append(self._start("orchestrator.starter"))

    def kill_workers(self) -> None:
        """Kill every worker, as a machine that is lost does."""
        for worker in self.workers:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        self.workers.clear()

    def close(self) -> None:
        self.kill_workers()
        for process in self.others:
            process.kill()
            process.wait()

    def _start(self, module: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "REDIS_URL": self.redis.url,
            "LEASE_MS": "1500",
            "LOG_LEVEL": "WARNING",
            **self.environment,
        }
        return subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, env=environment)


@contextmanager
def deployment(
    directory: Path, environment: dict[str, str] | None = None, api: dict[str, str] | None = None
) -> Iterator[Deployment]:
    """Start it all, with two workers. environment: what they get besides; api: what the API gets."""
    redis = RedisServer(directory, is_durable=True, fsync="everysec")
    redis.start()
    try:
        with (
            api_process(redis.url, environment=api) as (_, port),
            api_process(redis.url, app="main:workflow_server", arguments=["--factory"], environment=api) as (
                _,
                alone,
            ),
        ):
            urls = {"llama": f"http://127.0.0.1:{port}/llama", "alone": f"http://127.0.0.1:{alone}"}
            made = Deployment(redis, port, urls, environment or {})
            try:
                made.start_orchestrator()
                made.start_worker()
                made.start_worker()
                yield made
            finally:
                made.close()
    finally:
        redis.kill()


class Cutting:
    """Passes connections on, and cuts those that stream events within the second event, three times."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()
        #: How often it has cut.
        self.cuts = 0

    async def serve(self) -> asyncio.Server:
        """Listen on a port of its own."""
        return await asyncio.start_server(self._pass_on, "127.0.0.1", 0)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, thither = await asyncio.open_connection("127.0.0.1", self._port)
        head = await reader.read(64 * 1024)
        thither.write(head)
        forth = asyncio.create_task(self._copy(reader, thither))
        self._tasks.add(forth)
        forth.add_done_callback(self._tasks.discard)
        is_stream = head.startswith(b"GET ") and b"/events/" in head.split(b" ", 2)[1]
        seen = b""
        while chunk := await there.read(64 * 1024):
            seen += chunk
            if is_stream and self.cuts < 3 and seen.count(b"\ndata: ") >= 2:
                # All of the first event, and half of the second.
                self.cuts += 1
                place = seen.index(b"\ndata: ", seen.index(b"\ndata: ") + 1) + 20
                writer.write(chunk[: max(0, place - (len(seen) - len(chunk)))])
                await writer.drain()
                writer.transport.abort()
                break
            writer.write(chunk)
            await writer.drain()
        forth.cancel()
        writer.close()
        thither.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(64 * 1024):
            writer.write(chunk)
            await writer.drain()
