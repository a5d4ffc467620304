"""`/ui/session`: a browser's session, so that no page needs to keep a key."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import reach_of
from api.owners import COOKIE, session_in
from api.responses import body_of, problems
from api.schemas.access import SessionRequest
from api.validator import read_envelope
from orchestrator.operations.authentication import SESSION_MS

router = APIRouter(prefix="/ui/session", tags=["keys"])


@router.post(
    "",
    operation_id="session_open",
    summary="Open a session with a key; it ends with the key, and after 12 hours",
    status_code=204,
    response_class=Response,
    responses=problems(401, 413, 422, 503),
    openapi_extra=body_of(SessionRequest),
)
async def open_session(request: Request) -> Response:
    sent = await read_envelope(request, SessionRequest)
    cookie = await reach_of(request).engine.authentication.open_session(sent.key)
    answer = Response(status_code=204)
    _set(answer, request, cookie, SESSION_MS // 1_000)
    return answer


@router.delete(
    "",
    operation_id="session_close",
    summary="Close the session of this browser",
    status_code=204,
    response_class=Response,
    responses=problems(503),
)
async def close_session(request: Request) -> Response:
    cookie = session_in(request.scope.get("headrace.headers", {}))
    if cookie is not None:
        await reach_of(request).engine.authentication.close_session(cookie)
    answer = Response(status_code=204)
    _set(answer, request, "", 0)
    return answer


def _set(answer: Response, request: Request, cookie: str, lasts_s: int) -> None:
    """No script reads the cookie, and the browser adds it to requests of this site's own pages only."""
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=lasts_s,
        path=reach_of(request).root_path or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
