"""The API as a process of its own, on a port that nothing else can take."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tests.source_tree import ROOT


@contextmanager
def api_process(
    redis_url: str,
    *,
    app: str = "main:app",
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run an app under uvicorn; gives the process and its port, to which clients may connect at once.

    The socket is opened here and handed over: a free port that is only looked for may be another's by the
    time the server takes it.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        server: Any = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", app, *arguments, "--log-level", "warning"),
                *("--fd", str(listening.fileno())),
            ],
            cwd=ROOT,
            env={**os.environ, "REDIS_URL": redis_url, **(environment or {})},
            pass_fds=[listening.fileno()],
        )
        port = listening.getsockname()[1]
    try:
        yield server, port
    finally:
        server.kill()
        server.wait()
