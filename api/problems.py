"""Every failure as one problem document (RFC 9457), and the one table from error type to HTTP status.

A body carries `type`, `title`, `status`, `detail`, `instance`, and beyond the RFC `code` (stable, for
programs), `request_id`, and `errors` where several things are wrong at once: `{path, code, message, hint?,
line?, column?}`.
"""

# long: the status of every failure, in one table

import functools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from api import refusals
from api.error_shapes import Failure, shape_of
from headrace.configs import expectation, field_names, model_at
from headrace.wording import did_you_mean, quoted
from orchestrator import errors
from orchestrator.errors import Problem

log = logging.getLogger("headrace.api")

#: Makes an error of ours of a foreign one.
StoreErrorMaker = Callable[[Exception], errors.HeadraceError]

PROBLEM_JSON = "application/problem+json"
#: Below it the senders of webhooks are answered; see `problem_response`.
WEBHOOKS = "/webhooks/"
#: Seconds a client is asked to wait before it tries a store that is away again.
RETRY_AFTER_S = 1
#: Problems spelled out in `detail`; all of them are in `errors`.
DETAIL_PROBLEMS = 3


class RequestInvalid(errors.ProblemsFound):
    """The request does not have the documented shape; nothing was done."""

    def __str__(self) -> str:
        return _summary([problem.message for problem in self.problems])


class BodyTooLarge(errors.HeadraceError):
    """The body is over the limit of its route; the rest of it was not read."""

    code: ClassVar[str] = "BODY_TOO_LARGE"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the request body is larger than the {limit_bytes:,} bytes allowed here")


class SimulationFailed(errors.HeadraceError):
    """The simulation came to no end: it needs too much time, or the process that plays it broke."""

    code: ClassVar[str] = "SIMULATION_FAILED"


class SimulatorBusy(errors.TooBusy):
    """Enough simulations wait for their turn; nothing was played."""

    code: ClassVar[str] = "SIMULATOR_BUSY"


@dataclass(frozen=True, slots=True)
class Door:
    """How one type of error is answered."""

    status: int
    title: str
    #: Says it instead of the error's own message, where a documented contract fixes the words.
    detail: str | None = None
    retry_after_s: int | None = None


#: The one place where an error gets its HTTP status. A subclass without a row uses its parent's.
DOORS: Mapping[type[Exception], Door] = {
    errors.ProblemsFound: Door(422, "Request refused"),
    errors.DefinitionInvalid: Door(400, "Definition refused"),  # or 422, 413: see `definition_status`
    errors.ExecutionNotFound: Door(404, "Not found", detail="Execution ID not found"),
    errors.NodeNotFound: Door(404, "Not found"),
    errors.OutputNotFound: Door(404, "Not found"),
    errors.InvalidTransition: Door(409, "Not possible in this state"),
    errors.InputsConflict: Door(409, "Inputs are fixed by the first trigger"),
    errors.TriggerConflict: Door(409, "The trigger is fixed by the first one"),
    errors.ExecutionKeyTaken: Door(409, "Key taken"),
    errors.StartInvalid: Door(422, "Start refused"),
    errors.InputsInvalid: Door(422, "Inputs refused"),
    errors.IdempotencyConflict: Door(422, "Idempotency key already used"),
    errors.StoreFull: Door(503, "The store is full", retry_after_s=30),
    errors.StoreUnavailable: Door(503, "The store is away", retry_after_s=RETRY_AFTER_S),
    errors.StoreDamaged: Door(500, "Damaged in the store"),
    errors.LayoutUnknown: Door(409, "Of another version"),
    errors.StoreForbidden: Door(500, "Server misconfigured"),
    errors.DurabilityUnknown: Door(503, "Not known to be on disk", retry_after_s=RETRY_AFTER_S),
    errors.TooBusy: Door(503, "Too busy", retry_after_s=RETRY_AFTER_S),
    errors.TemplateError: Door(400, "Template refused"),
    errors.ConfigError: Door(500, "Server misconfigured"),
    errors.PayloadInvalid: Door(422, "Payload refused"),
    errors.PayloadTooLarge: Door(413, "Payload too large"),
    errors.SignalsFull: Door(429, "Too many signals kept"),
    errors.InboxFull: Door(429, "Too many letters wait"),
    errors.RateLimited: Door(429, "Too many requests"),
    errors.ApprovalNotFound: Door(404, "Not found"),
    errors.NotAssigned: Door(403, "Not yours to decide"),
    errors.AlreadyDecided: Door(409, "Already decided"),
    errors.AlreadyVoted: Door(409, "Already approved"),
    errors.ShownChanged: Door(409, "What was shown has changed"),
    errors.NotWaiting: Door(409, "Not possible in this state"),
    errors.NodeBusy: Door(409, "Not possible in this state"),
    errors.AttemptChanged: Door(409, "Another attempt by now"),
    errors.OutputRefused: Door(422, "Output refused"),
    errors.ApiKeyInvalid: Door(401, "Key refused"),
    errors.ApiKeyNotFound: Door(404, "Not found"),
    errors.TooManyApiKeys: Door(409, "Too many keys"),
    errors.TenantNotFound: Door(404, "Not found"),
    errors.TenantExists: Door(409, "Name already taken"),
    errors.TenantDisabled: Door(403, "Tenant disabled"),
    errors.WorkflowNotFound: Door(404, "Not found"),
    errors.WorkflowInactive: Door(409, "Paused"),
    errors.WorkflowChanged: Door(412, "Changed meanwhile"),
    errors.PreconditionRequired: Door(428, "If-Match needed"),
    errors.ScheduleNotFound: Door(404, "Not found"),
    errors.ScheduleChanged: Door(412, "Changed meanwhile"),
    errors.ScheduleDeclared: Door(409, "Declared in a document"),
    errors.ScheduleNameTaken: Door(409, "Name already taken"),
    errors.TooManySchedules: Door(409, "Too many schedules"),
    errors.BackfillUnderWay: Door(409, "A backfill is under way"),
    errors.WebhookNotFound: Door(404, "Not found"),
    errors.WebhookExists: Door(409, "Path taken"),
    errors.WebhookChanged: Door(412, "Changed meanwhile"),
    errors.WebhookInactive: Door(409, "Inactive"),
    errors.TooManyWebhooks: Door(409, "Too many webhooks"),
    errors.TooManySecrets: Door(409, "Too many secrets"),
    errors.SignatureInvalid: Door(401, "Signature refused"),
    errors.CursorInvalid: Door(422, "Request refused"),
    BodyTooLarge: Door(413, "Body too large"),
    SimulatorBusy: Door(503, "Too busy", retry_after_s=5),
    SimulationFailed: Door(503, "The simulation failed"),
    errors.DeadEntryNotFound: Door(404, "Not found"),
    errors.DeliveryNotFound: Door(404, "Not found"),
    refusals.MalformedRequest: Door(400, "Not HTTP"),
    refusals.KeyRequired: Door(401, "Key required"),
    refusals.ScopeMissing: Door(403, "Scope missing"),
    refusals.ReplayDisabled: Door(403, "Switched off"),
    refusals.OperatorOnly: Door(403, "The operator's"),
    refusals.CrossSiteRequest: Door(403, "Another site's page"),
    refusals.RequestTooSlow: Door(408, "Too slow"),
    refusals.UnsupportedBody: Door(415, "Content type not read"),
    refusals.UnknownHost: Door(421, "Not this server's name"),
    refusals.HeaderTooLarge: Door(431, "Header too large"),
}
_INTERNAL = Door(500, "Internal error")

_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


def definition_status(kinds: Iterable[str]) -> int:
    """Pick the status of a refused definition: too big beats badly shaped beats badly connected."""
    found = set(kinds)
    if "size" in found:
        return 413
    return 422 if "shape" in found else 400


def door_of(error: Exception) -> Door:
    """Find the row of an error, by its type or the nearest parent's."""
    return next((DOORS[kind] for kind in type(error).__mro__ if kind in DOORS), _INTERNAL)


def request_id_of(scope: Mapping[str, Any]) -> str:
    """Give the id the request came with, or was given on arrival."""
    found = scope.get("headrace.request_id", "")
    return found if isinstance(found, str) else ""


def problem_response(
    scope: Mapping[str, Any],
    *,
    status: int,
    title: str,
    detail: str,
    code: str,
    problems: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Build the answer every failure gives.

    A problem document, unless the contract of the path says otherwise. To a sender of webhooks it has an
    `error` as well, `{code, message, details}`: many look for nothing else.
    """
    failure = Failure(
        status=status,
        title=title,
        detail=detail,
        code=code,
        path=str(scope.get("path", "")),
        request_id=request_id_of(scope),
        problems=problems,
        extra=extra or {},
    )
    if (shape := shape_of(scope)) is not None:
        status, content = shape.write_failure(failure)
        return _json(content, status, headers)
    body: dict[str, Any] = {
        "type": "/problems/" + code.lower().replace("_", "-"),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": failure.path,
        "code": code,
        "request_id": failure.request_id,
    }
    if problems:
        body["errors"] = list(problems)
    if extra:
        body.update(extra)
    if failure.path.startswith(WEBHOOKS):
        short = "NOT_FOUND" if status == 404 else code
        body["error"] = {"code": short, "message": detail, "details": list(problems)}
    return _json(body, status, headers, PROBLEM_JSON)


def _json(
    content: Any, status: int, headers: Mapping[str, str] | None, media_type: str = "application/json"
) -> Response:
    return Response(orjson.dumps(content, default=str), status, headers, media_type)


def respond(scope: Mapping[str, Any], error: Exception) -> Response:
    """Turn an error into its problem document; an unknown one becomes a 500 without details."""
    door = door_of(error)
    if door is _INTERNAL:
        return problem_response(
            scope,
            status=500,
            title=door.title,
            detail="something went wrong inside; the log has it under this request_id",
            code="INTERNAL",
        )
    problems = list(getattr(error, "problems", ()))
    status, detail = door.status, door.detail or str(error)
    if isinstance(error, errors.DefinitionInvalid):
        status = definition_status(str(problem.kind) for problem in problems)
        detail = _summary([problem.message for problem in problems]) or detail
    retry_after_s = getattr(error, "retry_after_s", door.retry_after_s)
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    if status == 401:
        scheme = "Signature" if isinstance(error, errors.SignatureInvalid) else "Bearer"
        headers["WWW-Authenticate"] = f'{scheme} realm="headrace"'
    extra = {
        name: getattr(error, name)
        for name in (
            "execution_id",
            "node_id",
            "entry_id",
            "limit_bytes",
            "recorded",
            "shown",
            "scope",
            "key_id",
        )
        if getattr(error, name, None) is not None
    }
    return problem_response(
        scope,
        status=status,
        title=door.title,
        detail=detail,
        code=str(getattr(error, "code", "INTERNAL")),
        problems=[problem.to_dict() for problem in problems],
        headers=headers,
        extra=extra,
    )


def install_handlers(app: FastAPI, store_errors: Mapping[type[Exception], StoreErrorMaker]) -> None:
    """Make the app answer every failure as a problem document.

    store_errors  foreign types and what each means to a client; nothing here knows the store's own client.
    """
    for kind, meaning in store_errors.items():
        app.add_exception_handler(kind, functools.partial(_on_store_error, meaning))
    app.add_exception_handler(errors.HeadraceError, _on_error)
    app.add_exception_handler(errors.CursorInvalid, _on_bad_cursor)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)


def pydantic_problems(
    found: Iterable[Mapping[str, Any]], model: type[BaseModel] | None = None
) -> list[Problem]:
    """Word pydantic's findings as problems: where, what was found, what is allowed."""
    problems = []
    for entry in found:
        where = [str(part) for part in entry["loc"]]
        path = ".".join(where) or "body"
        if entry["type"] == "extra_forbidden":
            holder = model_at(model, entry["loc"][:-1])
            names = field_names(holder) if holder else []
            choice = f" (allowed: {', '.join(names)})" if names else ""
            hint = did_you_mean(where[-1], names)
            problems.append(Problem(path, "unknown_field", f"unknown field '{path}'{choice}", hint))
        elif entry["type"] == "missing":
            problems.append(Problem(path, "missing_field", f"'{path}' is required"))
        else:
            text = f"'{path}' {expectation([entry])}; found {_shorten(quoted(entry.get('input')))}"
            problems.append(Problem(path, "wrong_value", text))
    return problems


async def _on_error(request: Request, error: Exception) -> Response:
    door = door_of(error)
    if door.status >= 500:
        log.error("request.failed", extra={"request_id": request_id_of(request.scope), "error": str(error)})
    return respond(request.scope, error)


async def _on_bad_cursor(request: Request, error: Exception) -> Response:
    return respond(request.scope, RequestInvalid([Problem("query.cursor", "wrong_value", str(error))]))


async def _on_store_error(meaning: StoreErrorMaker, request: Request, error: Exception) -> Response:
    # Where the store is, and what exactly it has answered, is for the log alone.
    log.warning("store.failed", extra={"error": f"{type(error).__name__}: {error}"})
    return await _on_error(request, meaning(error))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, method = request.scope.get("path", ""), request.scope.get("method", "")
    detail, headers = str(error.detail), error.headers
    if error.status_code == 404 and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"no route for {path}"
    if error.status_code == 405:
        allowed = _methods_of(request)
        detail = f"{method} is not possible on {path}; allowed: {allowed}"
        headers = {**(headers or {}), "Allow": allowed}
    title = HTTPStatus(error.status_code).phrase
    code = _CODES.get(error.status_code, title.upper().replace(" ", "_"))
    return problem_response(
        request.scope, status=error.status_code, title=title, detail=detail, code=code, headers=headers
    )


def _methods_of(request: Request) -> str:
    """List the methods of every route of a path; HEAD is answered wherever GET is."""
    found: set[str] = set()
    for included in request.app.routes:
        # FastAPI keeps the routes of a router behind it.
        router = getattr(included, "original_router", None)
        for route in [included] if router is None else router.routes:
            if route.matches(request.scope)[0] is not Match.NONE:
                found |= getattr(route, "methods", None) or set()
    return ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # The first part of `loc` says query, path or header: worth keeping, it tells where to look.
    return respond(request.scope, RequestInvalid(pydantic_problems(error.errors())))


def _summary(messages: Sequence[str]) -> str:
    text = "; ".join(messages[:DETAIL_PROBLEMS])
    rest = len(messages) - DETAIL_PROBLEMS
    return f"{text}; and {rest} more, see errors" if rest > 0 else text


def _shorten(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
