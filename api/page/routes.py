"""`/` and `/ui/…`: the shell of the page and its files. Public: what they show is behind other routes."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access import reach_of
from api.compression import accepts_gzip
from api.etags import compressed, etag, is_known
from api.page.files import Content, Files
from api.page.shell import shell_of

router = APIRouter(include_in_schema=False)

FILES = Files(Path(__file__).parents[2] / "ui")
#: First segments below `/ui` that are no pages.
NO_PAGES = frozenset({"session", "static", "context"})

#: Only our own scripts and styles run, text never becomes markup, and no page may show this one in a frame.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types headrace-templates",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Kept, and asked about each time: a new version is on the page at once.
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}


@router.get("/ui/static/{name:path}", operation_id="page_file")
async def file(request: Request, name: str) -> Response:
    found = FILES.find(name)
    if found is None:
        raise HTTPException(404)
    return _answer(request, found)


@router.get("/", operation_id="page_shell")
@router.get("/ui", operation_id="page_shell")
@router.get("/ui/{path:path}", operation_id="page_shell")
async def shell(request: Request, path: str = "") -> Response:
    first, _, rest = path.partition("/")
    if first in NO_PAGES:
        raise HTTPException(404 if rest or first == "static" else 405)
    return _answer(request, shell_of(FILES, reach_of(request).root_path))


def _answer(request: Request, content: Content) -> Response:
    headers = HEADERS | etag(content.tag)
    if is_known(request, content.tag):
        return Response(status_code=304, headers=headers)
    accepted = request.scope["headrace.headers"].get(b"accept-encoding", b"")
    body = content.body
    if content.zipped is not None and accepts_gzip(accepted):
        # Other bytes, and so another strong tag.
        body = content.zipped
        headers |= {"ETag": compressed(headers["ETag"].encode()).decode(), "Content-Encoding": "gzip"}
    return Response(body, headers=headers, media_type=content.media_type)
