"""The API on a socket that the stack has opened: `python -m cli.stack.api_server FD`.

Not `uvicorn --fd`: it takes every socket for a UNIX one, and leaves small packets waiting (no TCP_NODELAY).
"""

from __future__ import annotations

import argparse
import socket

from uvicorn import Config, Server

#: How long open requests may take at the end.
GRACEFUL_S = 3


def serve(listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = Config("main:app", access_log=False, log_level="warning", timeout_graceful_shutdown=GRACEFUL_S)
    Server(config).run(sockets=[listener])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m cli.stack.api_server", description="Serve the API on an open socket."
    )
    parser.add_argument("fd", type=int, help="Its file descriptor.")
    serve(socket.socket(fileno=parser.parse_args().fd))


if __name__ == "__main__":
    main()
