"""Play a definition without running anything real."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import reach_of
from api.problems import RequestInvalid, SimulationFailed
from api.responses import body_of, json_response, problems
from api.schemas.simulation import SimulationAnswer, SimulationRequest
from api.validator import read_envelope
from orchestrator.errors import DefinitionInvalid, InputsInvalid, Problem, StartInvalid, StoreUnavailable

router = APIRouter(prefix="/v1/simulate", tags=["workflow"])


@router.post(
    "",
    operation_id="definitions_simulate",
    summary="Play a definition with stubbed handlers and virtual time; nothing real is called or kept",
    response_model=SimulationAnswer,
    responses=problems(400, 413, 422, 503),
    openapi_extra=body_of(SimulationRequest),
)
async def simulate(request: Request) -> Response:
    asked = await read_envelope(request, SimulationRequest)
    answer = await reach_of(request).simulator.play(asked.model_dump())
    if refused := answer.get("error"):
        raise _error(refused["code"], refused["message"], [Problem(**each) for each in refused["problems"]])
    return json_response(answer["result"])


def _error(code: str, message: str, found: list[Problem]) -> Exception:
    """Give the error that the process reported, as the table of errors knows it."""
    if code == DefinitionInvalid.code:
        about_stubs = bool(found) and all(problem.path.startswith("stubs") for problem in found)
        return RequestInvalid(found) if about_stubs else DefinitionInvalid(found)
    if code == InputsInvalid.code:
        return InputsInvalid(found)
    if code == StartInvalid.code:
        return StartInvalid(found)
    return StoreUnavailable(message) if code == StoreUnavailable.code else SimulationFailed(message)
