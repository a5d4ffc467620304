"""The page of workflow servers: a few small files of our own, and nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response

_FILES = Path(__file__).parent / "page"
#: Nothing is loaded from elsewhere, no other script or style runs, and no page may show this one in a frame.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


async def page() -> Response:
    return _file("page.html", "text/html")


async def script() -> Response:
    return _file("page.js", "text/javascript")


async def script_of_calls() -> Response:
    return _file("page-calls.js", "text/javascript")


async def script_of_graph() -> Response:
    return _file("page-graph.js", "text/javascript")


async def style() -> Response:
    return _file("page.css", "text/css")


def _file(name: str, media_type: str) -> Response:
    return Response((_FILES / name).read_bytes(), headers=_HEADERS, media_type=media_type)
