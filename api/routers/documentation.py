"""`/docs`: the OpenAPI document as one page to read, without scripts and without anything from elsewhere."""

import asyncio
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import escape
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

#: Nothing is loaded, nothing runs, and no page may show this one in a frame.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font:13px ui-monospace,monospace}pre{background:#8881;padding:.7rem;overflow:auto}"
    "summary{cursor:pointer;padding:.3rem 0}td{padding:.1rem .8rem .1rem 0;vertical-align:top}"
    ":root{color-scheme:light dark}"
)


@router.get("/docs", operation_id="documentation")
async def documentation(request: Request) -> Response:
    # The first one takes a second or two, in which other requests are answered.
    page = await asyncio.to_thread(_page, request.app)
    return Response(page, headers=_HEADERS, media_type="text/html")


@lru_cache(maxsize=4)
def _page(app: FastAPI) -> bytes:
    document = app.openapi()
    info = document["info"]
    lines = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{_text(info['title'])}</title>",
        f"<style>{_STYLE}</style><h1>{_text(info['title'])} {_text(info['version'])}</h1>",
        "<p>All routes, from <a href=openapi.json>openapi.json</a>.</p>",
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            lines += _operation(method, path, operation)
    if schemas := document.get("components", {}).get("schemas"):
        lines.append("<h2>Schemas</h2>")
        lines += [
            _folded(f"<code id='{_text(name)}'>{_text(name)}</code>", schemas[name]) for name in schemas
        ]
    return "\n".join(lines).encode()


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    title = f"<code><b>{method.upper()}</b> {_text(path)}</code> {_text(operation.get('summary', ''))}"
    yield f"<details><summary>{title}</summary><table>"
    for each in operation.get("parameters", ()):
        place = f"{_text(each['in'])}{', required' if each.get('required') else ''}"
        yield f"<tr><td><code>{_text(each['name'])}</code><td>{place}<td>{_text(each.get('description', ''))}"
    yield "</table>"
    if body := operation.get("requestBody"):
        yield _folded("Body", body["content"])
    for status, answer in operation["responses"].items():
        title = f"<code>{_text(status)}</code> {_text(answer.get('description', ''))}"
        yield _folded(title, answer["content"]) if answer.get("content") else f"<p>{title}"
    yield "</details>"


def _folded(title: str, schema: Any) -> str:
    text = orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()
    return f"<details><summary>{title}</summary><pre>{_text(text)}</pre></details>"


def _text(value: object) -> str:
    return escape(str(value))
