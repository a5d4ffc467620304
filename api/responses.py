"""How answers are written, and how routes that read their own body are documented all the same."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.schemas.operations import ProblemDocument
from orchestrator.documents import exact_json
from orchestrator.errors import Problem

JSON = "application/json"

#: The answer of a route that gives any JSON there is.
ANY_JSON: dict[str, Any] = {"description": "Any JSON", "content": {JSON: {"schema": {}}}}

_WORDS = {
    400: "The definition's graph, handlers or references are wrong",
    401: "No key, or one that is unknown, revoked or expired",
    403: "Not yours to do, or sent by a page of another origin",
    404: "Unknown id",
    408: "The request did not come whole in time",
    409: "Not possible in the present state",
    412: "It is in another state than the one that `If-Match` means",
    413: "The body is too large",
    415: "The content type of the body is not read",
    421: "The request is addressed to a host name this server does not have",
    422: "The shape of the request is wrong",
    428: "It exists, and is changed only with `If-Match`",
    429: "Too many; try again later",
    431: "Request line and header fields are too large",
    503: "The store is away, full or busy; try again after `Retry-After`",
}


def json_response(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON; `orjson.Fragment` values are spliced in as they are."""
    return Response(json_text(content), status, headers, JSON)


def json_text(content: Any) -> bytes:
    """Write what `json_response` answers with."""
    return exact_json.dumps(content, default=_plain)


def with_warnings(answer: Mapping[str, Any], warnings: Iterable[Problem]) -> dict[str, Any]:
    """Add to an answer what is likely a mistake in what was sent; nothing is added where nothing is."""
    entries = [problem.to_dict() for problem in warnings]
    return {**answer, "warnings": entries} if entries else dict(answer)


def replay_headers(replayed: bool) -> dict[str, str]:
    """Say that this answer was given before, under the same Idempotency-Key."""
    return {"Idempotency-Replayed": "true"} if replayed else {}


def location(execution_id: str) -> dict[str, str]:
    """Say where an execution that was created is read."""
    return {"Location": f"/v1/executions/{execution_id}"}


def next_link(request: Request, next_cursor: str | None) -> dict[str, str] | None:
    """Link to the next page of the same query; none on the last page."""
    if next_cursor is None:
        return None
    following = request.url.include_query_params(cursor=next_cursor)
    return {"Link": f'<{following.path}?{following.query}>; rel="next"'}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document the failures a route can give; without statuses, all others."""
    return failures(ProblemDocument, *statuses, media_type="application/problem+json")


def failures(
    model: type[BaseModel], *statuses: int, media_type: str = JSON
) -> dict[int | str, dict[str, Any]]:
    """Document failures of this form; without statuses, all others."""
    content = {media_type: {"schema": inline_schema(model)}}
    found: dict[int | str, dict[str, Any]]
    found = {status: {"description": _WORDS[status], "content": content} for status in statuses}
    return found or {"default": {"description": "Any other failure", "content": content}}


def event_stream(
    model: type[BaseModel],
    *,
    description: str,
    fields: Collection[str] = ("id",),
    has_lines: bool = False,
    over: str | None = None,
    example: str | None = None,
) -> dict[int | str, dict[str, Any]]:
    """Document an answer that is a stream of server-sent events.

    model      of the JSON in `data`.
    fields     of a frame beside that: id, event, retry.
    has_lines  the same comes as lines of JSON, too.
    over       when the answer is 204, in words; None where it never is.
    """
    data = {"type": "string", "contentMediaType": JSON, "contentSchema": inline_schema(model)}
    known = {"id": {"type": "string"}, "event": {"type": "string"}, "retry": {"type": "integer"}}
    frame = {"type": "object", "properties": {**{name: known[name] for name in fields}, "data": data}}
    content: dict[str, Any] = {"text/event-stream": {"itemSchema": frame}}
    if example is not None:
        content["text/event-stream"]["example"] = example
    if has_lines:
        content["application/x-ndjson"] = {"schema": inline_schema(model)}
    found: dict[int | str, dict[str, Any]] = {200: {"description": description, "content": content}}
    return found if over is None else {**found, 204: {"description": over}}


def body_of(model: type[BaseModel], *, is_required: bool = True) -> dict[str, Any]:
    """Document the body of a route that reads it itself."""
    content = {JSON: {"schema": inline_schema(model)}}
    return {"requestBody": {"required": is_required, "content": content}}


def _plain(value: object) -> Any:
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


@cache
def inline_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Give a schema without `$defs`, which nothing could refer to inside an OpenAPI document.

    One object for all who ask: it takes ten milliseconds to make, and every route documents a dozen failures.
    """
    schema = model.model_json_schema()
    defs = schema.pop("$defs", {})

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            reference = value.get("$ref", "")
            if isinstance(reference, str) and reference.startswith("#/$defs/"):
                return walk(defs[reference.removeprefix("#/$defs/")])
            return {key: walk(below) for key, below in value.items()}
        return [walk(below) for below in value] if isinstance(value, list) else value

    found = walk(schema)
    assert isinstance(found, dict)
    return found
