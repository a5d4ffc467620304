"""Ports and servers seen from outside, with nothing but a socket.

No Redis client here: importing one takes longer than starting the server this module waits for.
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

LOCAL = "127.0.0.1"
#: Addresses that stand for all of this machine, and where it is reached.
ANYWHERE = {"0.0.0.0": LOCAL, "::": "::1"}
#: Connections that wait to be accepted.
BACKLOG = 2048


def redis_reply(host: str, port: int, *, command: str = "PING", timeout_s: float = 0.5) -> str | None:
    """Send one inline command and return the first line of the reply, or None without one.

    A server that is up answers `+PONG`, one that still reads its data `-LOADING …`, a foreign one anything.
    """
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(512).decode("utf-8", "replace").partition("\r\n")[0] or None
    except OSError:
        return None


def is_redis_up(host: str, port: int, *, timeout_s: float = 0.5) -> bool:
    """Whether a Redis that lets us in answers there."""
    return redis_reply(host, port, timeout_s=timeout_s) == "+PONG"


def redis_directory(host: str, port: int, *, timeout_s: float = 0.5) -> str | None:
    """Where the Redis that answers there keeps its data; None while it does not say."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(b"CONFIG GET dir\r\n")
            reply = b""
            # *2, $3, dir, $LENGTH, the directory: five lines.
            while reply.count(b"\r\n") < 5 and not reply.startswith(b"-"):
                if not (piece := connection.recv(4096)):
                    return None
                reply += piece
    except OSError:
        return None
    lines = reply.decode("utf-8", "replace").split("\r\n")
    return lines[4] if lines[0] == "*2" else None


def http_status(url: str, *, timeout_s: float = 0.5) -> int | None:
    """Status code of a GET, or None where nothing speaks HTTP."""
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or 80
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            words = connection.recv(64).split()
    except OSError:
        return None
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


class NoSuchHost(Exception):
    """A name to listen on that leads nowhere."""


def listen(port: int, *, host: str = LOCAL) -> socket.socket | None:
    """Listen on a port, so that no other process can take it; None where one has it, 0 takes any.

    Raises NoSuchHost.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Connecting first: with SO_REUSEADDR one may bind 127.0.0.1 although another process listens on 0.0.0.0.
    with socket.socket(family) as connection:
        connection.settimeout(0.3)
        try:
            if port and connection.connect_ex((ANYWHERE.get(host, host), port)) == 0:
                return None
        except socket.gaierror as error:
            raise NoSuchHost(f"--host: {host!r} is no address of this machine ({error.strerror})") from None
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Bound alone it could be bound by another process, too, which then listens.
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        return None
    return listener


def listen_from(preferred: int, *, host: str = LOCAL, tries: int = 50) -> socket.socket:
    """Listen on the preferred port if it is free, else on the next free one above it, else on any."""
    for port in (*range(preferred, min(preferred + tries, 65536)), 0):
        if (listener := listen(port, host=host)) is not None:
            return listener
    raise NoSuchHost(f"--host: nothing can listen on {host!r}")


def port_of(listener: socket.socket) -> int:
    """The port that a socket listens on."""
    port: int = listener.getsockname()[1]
    return port


def free_port(preferred: int = 0) -> int:
    """A port that is free now, for a server that opens it itself: another process may take it first."""
    with listen_from(preferred) as listener:
        return port_of(listener)
