"""The body of a registration: a definition, or one in an envelope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request
from pydantic import ValidationError

from api.access import reach_of
from api.problems import RequestInvalid, pydantic_problems
from api.responses import JSON
from api.schemas.registry import RegisterRequest
from api.validator import is_yaml, media_type_of, parse_definition
from orchestrator.definitions.registry import Source

YAML = "application/yaml"


@dataclass(frozen=True, slots=True)
class Sent:
    """What the body of a registration holds.

    definition  an object, or YAML that is still to be read.
    body        the definition as JSON, by which the engine knows one that it has compiled before.
    """

    definition: Any
    source: Source
    body: bytes | None
    labels: dict[str, str] | None = None
    is_active: bool | None = None


async def read_registration(request: Request) -> Sent:
    """Read the body of a registration: a definition, or one in an envelope. Raises RequestInvalid."""
    body, reach = await request.body(), reach_of(request)
    if is_yaml(request):
        return Sent(body, Source(body, media_type_of(request)), None)
    document = await reach.turns.read(
        body, lambda: parse_definition(body, max_depth=reach.engine.limits.max_depth)
    )
    # A definition has no field of that name.
    if "definition" not in document:
        return Sent(document, Source(body, JSON), body)
    try:
        sent = RegisterRequest.model_validate(document)
    except ValidationError as error:
        found = pydantic_problems(error.errors(include_url=False), RegisterRequest)
        raise RequestInvalid(found) from error
    if isinstance(sent.definition, str):
        source, text = Source(sent.definition.encode(), YAML), None
    else:
        text = orjson.dumps(sent.definition)
        source = Source(text, JSON)
    return Sent(sent.definition, source, text, sent.labels, sent.is_active)
