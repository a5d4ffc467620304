"""Calls of the operations in the OpenAPI document, as it allows them and not, and what answers must be."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from requests import PreparedRequest, Request
from schemathesis import Case, CheckContext, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
)

from docs import generate
from tests.contract.openapi_world import BASE_URL, DEFINITIONS, World

Operation = APIOperation[Any, Any, Any, Any]
Call = Case[Any]

DOCUMENT = generate.openapi()
OPERATIONS: list[Operation] = [
    found.ok()  # type: ignore[union-attr]  # a document that cannot be read fails every test
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
]

#: Calls change what the next one finds: none is made again, and none is looked for that fails more simply.
ONCE = settings(
    phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


def is_plain(operation: Operation) -> bool:
    """Whether all calls of an operation are the same."""
    return not any((operation.path_parameters, operation.query, operation.headers, operation.body))


@st.composite
def calls(draw: st.DrawFn, operation: Operation, world: World) -> Call:
    """Draw a call that its schema allows or does not, three of four for something that is there."""
    modes = [GenerationMode.POSITIVE]
    if operation.query or operation.body:
        # Without either nothing can be wrong: any text is a path.
        modes.append(GenerationMode.NEGATIVE)
    mode = draw(st.sampled_from(modes))
    case = draw(operation.as_strategy(generation_mode=mode))
    if draw(st.integers(0, 3)):
        place = draw(st.sampled_from(world.places))
        point(case, place)
        if mode is GenerationMode.POSITIVE:
            aim(case, place)
            if isinstance(case.body, dict) and draw(st.booleans()):
                mend(case.body, draw)
    if not draw(st.integers(0, 9)):
        case.query["no_such_field"] = "1"
    return case


def point(case: Call, place: dict[str, Any]) -> None:
    """Give a call the path of something that is there."""
    for name in case.path_parameters.keys() & place.keys():
        case.path_parameters[name] = quote(str(place[name]), safe="")


def aim(case: Call, place: dict[str, Any]) -> None:
    """Give a call what belongs to that: wherever it has something by one of the same names."""
    for values in (case.query, case.headers, case.body):
        if isinstance(values, dict):
            values.update({name: place[name] for name in sorted(values.keys() & place.keys())})


def mend(body: dict[str, Any], draw: st.DrawFn) -> None:
    """Put a definition that can be taken where one is, at times with one field as it was drawn."""
    if "definition" in body:
        body["definition"] = draw(definitions(body["definition"]))
    elif "nodes" in body or "dag" in body:
        drawn = dict(body)
        body.clear()
        body.update(draw(definitions(drawn)))


@st.composite
def definitions(draw: st.DrawFn, drawn: Any) -> dict[str, Any]:
    document = dict(draw(st.sampled_from(DEFINITIONS)))
    if isinstance(drawn, dict) and drawn and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(drawn)))
        document[name] = drawn[name]
    return document


def request_of(case: Call) -> PreparedRequest:
    """Give a call as it is sent."""
    asked = case.as_transport_kwargs(base_url=BASE_URL)
    names = ("method", "url", "headers", "data", "json", "params")
    prepared = Request(**{name: asked[name] for name in names if name in asked}).prepare()
    # The checks read bodies as they were sent.
    prepared.headers["Accept-Encoding"] = "identity"
    return prepared


def status_is_named(ctx: CheckContext, response: Response, case: Call) -> None:
    # Each route also promises what any failure looks like; what it gives by itself it has to name.
    named = DOCUMENT["paths"][case.operation.path][case.operation.method]["responses"]
    assert str(response.status_code) in named, f"{response.status_code} is not among {', '.join(named)}"


def lines_are_documented(ctx: CheckContext, response: Response, case: Call) -> None:
    # Schemathesis reads event streams, but no lines of JSON.
    kind = "application/x-ndjson"
    if response.headers.get("content-type") == [kind]:
        named = DOCUMENT["paths"][case.operation.path][case.operation.method]["responses"]["200"]
        schema = named["content"][kind]["schema"] | {"components": DOCUMENT["components"]}
        validator = Draft202012Validator(schema)
        for line in response.content.splitlines():
            validator.validate(json.loads(line))


def is_no_crash(ctx: CheckContext, response: Response, case: Call) -> None:
    # A look at a run that failed is 500 by its contract, which then says what its body is.
    named = DOCUMENT["paths"][case.operation.path][case.operation.method]["responses"]
    if response.status_code != 500 or "500" not in named:
        not_a_server_error(ctx, response, case)


CHECKS = [
    is_no_crash,
    status_is_named,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    lines_are_documented,
    negative_data_rejection,
]


class Findings:
    """Sends calls and keeps what is wrong with the answers, each kind once, with the call that shows it."""

    def __init__(self, world: World) -> None:
        self.wrong: dict[tuple[str, ...], str] = {}
        self._world = world

    def send(self, case: Call) -> Response:
        """Send a call and check its answer."""
        response = self._world.send(request_of(case))
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            kinds = sorted({failure.title for failure in group.exceptions})
            self.wrong.setdefault((case.operation.label, str(response.status_code), *kinds), str(group))
        return response

    def __str__(self) -> str:
        return "\n\n".join(self.wrong.values())
