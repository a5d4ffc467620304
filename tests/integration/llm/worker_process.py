"""A worker in a process of its own, which can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.llm_server import LlmServer

ROOT = Path(__file__).resolve().parents[3]
LEASE_MS = 900


@contextmanager
def worker_process(redis_url: str, server: LlmServer, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker whose model is the server of the test, killed at the end if not before."""
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        "ANTHROPIC_API_KEY": "sk-test",
        "ANTHROPIC_BASE_URL": server.url,
        "LEASE_MS": str(LEASE_MS),
        "LOG_LEVEL": "ERROR",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.worker"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
