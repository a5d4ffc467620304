"""Parses request bodies, headers and query parameters, and refuses those without the documented shape.

Definitions are only parsed; they are checked once, by the engine at submission. No template is rendered and
no URL is looked at.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar, get_origin

from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from api.access import Reach, reach_of
from api.auth import engine_of
from api.misread import misread
from api.problems import RequestInvalid, pydantic_problems
from api.refusals import YAML_TYPES
from headrace.wording import did_you_mean, kind_of
from orchestrator.documents import strict_json
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import no_workflow
from orchestrator.documents.yaml import Locate, load_yaml, located
from orchestrator.engine import Idempotency
from orchestrator.errors import DefinitionInvalid, ExecutionNotFound, NodeNotFound, Problem
from orchestrator.operations.origin import KEY_CHARS, MOST_LABELS, is_on_a_line

Envelope = TypeVar("Envelope", bound=BaseModel)

#: What names a signal.
_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")
#: A node, or one item of a mapped node.
_UNIT = re.compile(r"[A-Za-z0-9_.-]{1,128}(\[\d{1,6}\])?\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"\Z')
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?\Z")


def execution_id_in(text: str) -> str:
    """Accept a path segment as the id or the key of an execution.

    Raises ExecutionNotFound for what can be neither.
    """
    if not 1 <= len(text) <= KEY_CHARS or not is_on_a_line(text):
        raise ExecutionNotFound(text[:KEY_CHARS])
    return text


async def execution_in(request: Request, text: str) -> str:
    """Give the id of the execution that a path segment names, for answers that name it too.

    Raises ExecutionNotFound.
    """
    return await engine_of(request).executions.find(execution_id_in(text))


def unit_in(execution_id: str, node_id: str) -> tuple[str, str]:
    """Accept path segments as an execution and a node of it, or an item such as `fetch[3]`.

    Raises NodeNotFound, ExecutionNotFound for what cannot be one.
    """
    if not _UNIT.match(node_id):
        raise NodeNotFound(execution_id, node_id)
    return execution_id_in(execution_id), node_id


def trigger_in(sent: Any) -> tuple[bool, dict[str, Any] | None]:
    """Read the `trigger` of a submission: whether it starts, and the document. Raises RequestInvalid."""
    if isinstance(sent, bool):
        return sent, None
    if isinstance(sent, dict):
        return True, sent
    message = f"'trigger' must be true, false or an object; found {kind_of(sent)}"
    raise RequestInvalid([Problem("trigger", "wrong_type", message)])


def labels_in(sent: list[str]) -> list[tuple[str, str]]:
    """Read the labels that a list is narrowed to, each `name:value`. Raises RequestInvalid."""
    labels = [tuple(text.split(":", 1)) for text in sent]
    if len(labels) > MOST_LABELS or any(len(label) < 2 or not all(label) for label in labels):
        message = f"'label' must be name:value, at most {MOST_LABELS} times; found {', '.join(sent)[:80]!r}"
        raise RequestInvalid([Problem("query.label", "wrong_value", message)])
    return [(name, value) for name, value in labels]


def signal_name_in(name: str) -> str:
    """Accept a path segment as the name of a signal. Raises RequestInvalid for what cannot be one."""
    if not _ID.match(name):
        message = f"{name[:140]!r} is not a signal's name: 1 to 128 of A-Z a-z 0-9 _ . -"
        raise RequestInvalid([Problem("path.name", "wrong_value", message)])
    return name


def duration_ms_in(value: Any, field: str, *, minimum_ms: int = 0) -> int:
    """Read a duration of an envelope. Raises RequestInvalid."""
    try:
        return parse_duration_ms(value, minimum_ms=minimum_ms)
    except ValueError as error:
        raise RequestInvalid([Problem(field, "wrong_value", f"'{field}': {error}")]) from error


def media_type_of(request: Request) -> str:
    """Give the content type of a body without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_yaml(request: Request) -> bool:
    """Say whether the content type names the body as YAML."""
    return media_type_of(request) in YAML_TYPES


async def read_definition(request: Request) -> Any:
    """Give a body that is a definition: YAML as it came, JSON parsed. Raises RequestInvalid."""
    body, reach = await request.body(), reach_of(request)
    if is_yaml(request):
        return body
    max_depth = reach.engine.limits.max_depth
    return await reach.turns.read(body, lambda: parse_definition(body, max_depth=max_depth))


def parse_definition(body: bytes, *, max_depth: int = 64) -> dict[str, Any]:
    """Parse the body of a submission. Raises DefinitionInvalid, kind shape."""
    if not body.strip():
        raise RequestInvalid([Problem("", "missing_body", no_workflow(None), line=1, column=1)])
    document = strict_json.parse(body, max_depth=max_depth)
    if isinstance(document, dict):
        return document
    problem = Problem("", "wrong_type", f"a workflow must be a JSON object; found {kind_of(document)}")
    raise RequestInvalid([problem])


async def read_envelope(request: Request, model: type[Envelope], *, may_be_empty: bool = False) -> Envelope:
    """Read a body that is an envelope of ours, as `parse_envelope` does; a large one in its turn."""
    body, reach = await request.body(), reach_of(request)
    return await reach.turns.read(
        body,
        lambda: parse_envelope(
            model,
            body,
            is_yaml=is_yaml(request),
            max_depth=reach.engine.limits.max_depth,
            may_be_empty=may_be_empty,
        ),
    )


def parse_envelope(
    model: type[Envelope],
    body: bytes,
    *,
    is_yaml: bool = False,
    max_depth: int = 64,
    may_be_empty: bool = False,
) -> Envelope:
    """Parse a body that is an envelope of ours; an empty one stands for `{}` where the route allows it."""
    if not body.strip():
        if may_be_empty:
            return model()
        raise RequestInvalid([Problem("", "missing_body", "a JSON body is required; found none")])
    try:
        if is_yaml:
            document, _ = load_yaml(body, limits=Limits(max_depth=max_depth))
        else:
            document = strict_json.parse(body, max_depth=max_depth)
    except DefinitionInvalid as error:
        # The same parser serves definitions; here there is none, so its findings go by the request's code.
        takes_yaml = "definition" in model.model_fields
        hint = (
            "YAML is read where the Content-Type says so, and as text in 'definition'" if takes_yaml else None
        )
        raise RequestInvalid(
            [
                replace(each, hint=each.hint or hint) if takes_yaml and each.code == "bad_json" else each
                for each in error.problems
            ]
        ) from error
    if not isinstance(document, dict):
        message = f"the body must be a JSON object; found {kind_of(document)}"
        raise RequestInvalid([Problem("", "wrong_type", message)])
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = misread(model, document) or pydantic_problems(error.errors(include_url=False), model)
        raise RequestInvalid(found) from error


@asynccontextmanager
async def definition_in(sent: Any, reach: Reach) -> AsyncIterator[dict[str, Any]]:
    """Give the definition of an envelope; what is found wrong with YAML gets line and column."""
    document, locate = await readable_in(sent, reach)
    if locate is None:
        yield document
        return
    if not isinstance(document, dict):
        found = f"a workflow must be a YAML mapping; found {kind_of(document)}"
        message = no_workflow(None) if document is None else found
        raise RequestInvalid([Problem("definition", "wrong_type", message, line=1, column=1)])
    try:
        yield document
    except DefinitionInvalid as error:
        raise DefinitionInvalid(located(error.problems, locate)) from error


async def readable_in(sent: Any, reach: Reach) -> tuple[Any, Locate | None]:
    """Give a document that is to be judged, whatever it is; for YAML with the places of its values.

    Raises DefinitionInvalid for YAML that cannot be read, RequestInvalid for what is neither.
    """
    if isinstance(sent, str | bytes):
        return await reach.turns.read(sent, lambda: load_yaml(sent, limits=reach.engine.limits))
    if isinstance(sent, dict):
        return sent, None
    message = f"'definition' must be an object, or YAML as text; found {kind_of(sent)}"
    raise RequestInvalid([Problem("definition", "wrong_type", message)])


@asynccontextmanager
async def optional_definition_in(sent: Any, reach: Reach) -> AsyncIterator[dict[str, Any] | None]:
    """Give the definition of an envelope that may have none."""
    if sent is None:
        yield None
    else:
        async with definition_in(sent, reach) as document:
            yield document


def known_query(request: Request) -> None:
    """Refuse query parameters that the route does not have, and those given twice: neither has an effect."""
    route = request.scope.get("route")
    fields = route.dependant.query_params if isinstance(route, APIRoute) else []
    known = sorted(field.alias for field in fields)
    lists = {field.alias for field in fields if get_origin(field.field_info.annotation) is list}
    found = []
    for name in request.query_params:
        path = f"query.{name[:80]}"
        if name not in known:
            allowed = f"allowed: {', '.join(known)}" if known else "this route takes none"
            message = f"unknown query parameter {name[:80]!r} ({allowed})"
            found.append(Problem(path, "unknown_field", message, did_you_mean(name, known)))
        elif name not in lists and len(request.query_params.getlist(name)) > 1:
            found.append(Problem(path, "wrong_value", f"the query parameter {name!r} comes more than once"))
    if found:
        raise RequestInvalid(found)


def idempotency_of(request: Request, body: bytes) -> Idempotency | None:
    """Read Idempotency-Key, quoted as in the draft standard or bare, and fingerprint the body."""
    text = request.headers.get("idempotency-key")
    if text is None:
        return None
    quoted = _QUOTED.match(text.strip())
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text.strip()
    key = idempotency_key_in(key, "Idempotency-Key", path="header.Idempotency-Key")
    return Idempotency.named(key, route=f"{request.method} {request.url.path}", body=body)


def idempotency_key_in(key: str, name: str, *, path: str | None = None) -> str:
    """Accept the key of a request that is made once. Raises RequestInvalid.

    name, path  what the caller calls it, and where it stands; the same where no path is given.
    """
    if not _KEY.match(key):
        message = f"{name} must be 1 to 255 printable ASCII characters"
        raise RequestInvalid([Problem(path or name, "wrong_value", message)])
    return key


def joined_headers(request: Request) -> dict[str, str]:
    """Give the headers of a request by their names in lower case; several of one name are joined."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def repeat_id_of(request: Request) -> str:
    """Name a request that changes nothing when it is made again: its idempotency key, or else its own id."""
    return str(request.headers.get("idempotency-key") or request.scope["headrace.request_id"])
