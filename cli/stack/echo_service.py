"""A service that answers every call with what it was sent: what the examples call, so that they run anywhere.

`python -m cli.stack.echo_service [--host H] [--port P]`, standard library only. Any path and method work;
two are special:
  /flaky?key=K&times=N   503 for the first N calls with key K, then 200: something to retry
  /slow?seconds=S        answers after S seconds (at most 60)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

DEFAULT_PORT = 8090
LONGEST_BODY_BYTES = 1024 * 1024
MOST_KEYS = 10_000


class EchoServer(ThreadingHTTPServer):
    """The server and its one piece of memory: how often each flaky key was called."""

    daemon_threads = True
    # A 50-wide fan-out connects all at once.
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], listener: socket.socket | None = None) -> None:
        super().__init__(address, EchoHandler, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket = listener
        self._calls: dict[str, int] = {}
        self._guard = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hangs up is no event; anything else is reported as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def count_call(self, key: str) -> int:
        """How many calls this key has had, this one included. The oldest keys are forgotten."""
        with self._guard:
            calls = self._calls.pop(key, 0) + 1
            self._calls[key] = calls
            if len(self._calls) > MOST_KEYS:
                del self._calls[next(iter(self._calls))]
            return calls


class EchoHandler(BaseHTTPRequestHandler):
    """Answer one request with a description of it."""

    protocol_version = "HTTP/1.1"
    server_version = "headrace-echo"
    server: EchoServer

    def answer(self) -> None:
        try:
            self.describe()
        except ValueError as error:
            self.reply(400, {"error": f"not a number: {error}"})

    def describe(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        length = int(self.headers.get("Content-Length") or 0)
        if length > LONGEST_BODY_BYTES:
            self.close_connection = True
            self.reply(413, {"error": f"body of {length} bytes; at most {LONGEST_BODY_BYTES} are read"})
            return
        body = self.rfile.read(length)
        if parts.path.rstrip("/").endswith("/flaky"):
            calls = self.server.count_call(query.get("key", ""))
            if calls <= int(query.get("times", "1")):
                self.reply(503, {"error": f"call {calls} with this key fails on purpose"})
                return
        if parts.path.rstrip("/").endswith("/slow"):
            time.sleep(min(float(query.get("seconds", "1")), 60.0))
        host = self.headers.get("Host", "")
        self.reply(
            200,
            {
                "status": "ok",
                "message": f"echo of {self.command} {parts.path}",
                "host": host,
                "method": self.command,
                "path": parts.path,
                "query": query,
                "body": read_body(body),
            },
        )

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # names of the base class

    def reply(self, status: int, document: dict[str, object]) -> None:
        payload = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the calls are in the history of the caller."""


def read_body(body: bytes) -> object:
    """The body as JSON where it is JSON, as text where it is not, None where there is none."""
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def serve(host: str, port: int, *, listener: socket.socket | None = None) -> None:
    """Serve until SIGTERM or SIGINT.

    listener  a socket that is open already, in place of host and port.
    """
    server = EchoServer((host, port), listener)

    def stop(*_: object) -> None:
        # shutdown() waits for serve_forever(), which this very thread runs.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    host, port = server.socket.getsockname()[:2]
    print(f"echo service on http://{host}:{port}", flush=True)
    with contextlib.closing(server.socket):
        server.serve_forever(poll_interval=0.1)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m cli.stack.echo_service", description="Answer every call with what it was."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--fd", type=int, help="An open socket to serve on, in place of host and port.")
    options = parser.parse_args()
    listener = None if options.fd is None else socket.socket(fileno=options.fd)
    serve(options.host, options.port, listener=listener)


if __name__ == "__main__":
    main()
