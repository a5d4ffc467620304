"""The API on a socket that is open already: `python -m cli.stack.api_server FD [main:APP]`.

Not `uvicorn --fd`: it takes every socket for a UNIX one, and leaves small packets waiting (no TCP_NODELAY).
"""

from __future__ import annotations

import argparse
import gc
import socket

from uvicorn import Config, Server

#: How long open requests may take at the end.
GRACEFUL_S = 3
#: Apps that are made when their module is imported; others are functions that make one.
APPS = ("main:app",)


def serve(listener: socket.socket, app: str) -> None:
    """Serve until SIGTERM or SIGINT. app: as uvicorn takes it; a function makes it."""
    config = Config(
        app,
        factory=app not in APPS,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACEFUL_S,
    )
    # What is imported stays: to look through it for garbage takes a sixth of the start.
    gc.disable()
    config.load()
    gc.enable()
    Server(config).run(sockets=[listener])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m cli.stack.api_server", description="Serve the API on an open socket."
    )
    parser.add_argument("fd", type=int, help="Its file descriptor.")
    parser.add_argument("app", nargs="?", default=APPS[0], help="What is served.")
    given = parser.parse_args()
    serve(socket.socket(fileno=given.fd), given.app)


if __name__ == "__main__":
    main()
