"""Serves the page that is measured: files of `ui/` and of this directory, under the policy of the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from api.page.files import MEDIA_TYPES
from api.page.routes import HEADERS

_HERE = Path(__file__).parent
_ROOTS = {"/ui/static/": _HERE.parents[1] / "ui", "/benchmark/": _HERE}


@contextmanager
def served_page() -> Iterator[str]:
    """Serve on a free port of loopback; gives the address of the page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/benchmark/page.html"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = _file_of(urlsplit(self.path).path)
        self.send_response(200 if found else 404)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        body = found.read_bytes() if found else b""
        if found:
            self.send_header("Content-Type", MEDIA_TYPES[found.suffix])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not worth a line each."""


def _file_of(path: str) -> Path | None:
    for prefix, root in _ROOTS.items():
        found = (root / path.removeprefix(prefix)).resolve()
        if path.startswith(prefix) and found.is_relative_to(root) and found.suffix in MEDIA_TYPES:
            return found if found.is_file() else None
    return None
