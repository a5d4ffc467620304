"""Judge a definition without storing it."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import Reach, reach_of
from api.auth import engine_of
from api.problems import RequestInvalid
from api.responses import body_of, json_response, problems
from api.schemas.validation import Judged, ValidationAnswer, ValidationRequest
from api.schemas.views import validation_fields
from api.validator import read_definition, read_envelope, readable_in
from orchestrator.errors import DefinitionInvalid
from orchestrator.operations.results import Validation

router = APIRouter(prefix="/v1/validate", tags=["workflow"])


@router.post(
    "",
    operation_id="definitions_validate",
    summary="Check a definition, and warn of likely mistakes; nothing is stored",
    response_model=ValidationAnswer,
    responses=problems(413, 422, 503),
    openapi_extra=body_of(Judged),
)
async def validate(
    request: Request,
    document: Annotated[bool, Query(description="Whether to answer with the definition as JSON.")] = False,
) -> Response:
    engine = engine_of(request)
    read: Any = None
    beside: list[Any] = []
    sent = await read_definition(request)
    try:
        read, locate = await readable_in(sent, reach_of(request))
        if isinstance(read, dict) and "definition" in read:  # no definition has a field of that name
            envelope = await read_envelope(request, ValidationRequest)
            read, locate = await readable_in(envelope.definition, reach_of(request))
            beside = await _readable(envelope.beside, reach_of(request))
        found = await engine.definitions.validate(read, beside)
    except DefinitionInvalid as error:  # YAML that cannot be read is a finding too, with its line
        found, locate, read = Validation(tuple(error.problems), (), None), None, None
    return json_response(validation_fields(found, locate) | {"document": read if document else None})


async def _readable(sent: list[Any], reach: Reach) -> list[Any]:
    """Read what can be read of the definitions beside the one that is judged."""
    found = []
    for each in sent:
        with suppress(DefinitionInvalid, RequestInvalid):
            found.append((await readable_in(each, reach))[0])
    return found
