"""How a start is answered: at once or, with `Prefer: wait=N`, once the execution has ended."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import admit_again, engine_of
from api.problems import RequestInvalid
from api.responses import json_response, location, replay_headers, with_warnings
from api.schemas.execution_views import view_fields
from api.schemas.starts import OriginFields
from api.streaming.ends import Expected
from api.streaming.listener import until_gone
from orchestrator.definitions.targets import TARGET_FIELDS
from orchestrator.errors import Problem
from orchestrator.operations.origin import Origin
from orchestrator.operations.results import Submitted

#: When a start is answered with the whole execution.
IN_TIME = "Ended within the time of `Prefer: wait=N`"
#: The longest wait that a request may ask for.
MOST_WAIT_S = 60


def origin_of(
    sent: OriginFields,
    *,
    trigger: Mapping[str, Any] | None = None,
    workflow_id: str | None = None,
    workflow_version: int | None = None,
    waiter: str | None = None,
) -> Origin:
    """Say where an execution comes from that this body starts."""
    return Origin(
        workflow_id=workflow_id,
        workflow_version=workflow_version,
        labels=sent.labels,
        trigger=trigger,
        execution_key=sent.execution_key,
        id_conflict_policy=sent.id_conflict_policy,
        waiter=waiter,
        notify={name: value for name in TARGET_FIELDS if (value := getattr(sent, name)) is not None},
    )


async def started(
    request: Request,
    submitted: Submitted,
    *,
    wait_s: int | None,
    answer: Mapping[str, Any] | None = None,
    status: int = 202,
    expected: Expected | None = None,
) -> Response:
    """Answer a start; where the client would wait, once it has ended or that time is over.

    wait_s  as `preferred_wait_s` gave it before the start; None for an execution that will not end.
    answer  what is said of an execution that has not ended; its id and status where nothing else is given.
    status  of that answer; 200 where nothing was created. One that ended in time is answered with 200 and
            its whole view.
    expected  of a start that `expecting` was made for.
    """
    execution_id = submitted.execution_id
    headers = location(execution_id) | replay_headers(submitted.replayed)
    if wait_s is not None:
        headers["Preference-Applied"] = f"wait={wait_s}"
        if await ended_in_time(request, execution_id, wait_s, expected=told_of(submitted, expected)):
            view = await engine_of(request).executions.get(execution_id)
            return json_response(with_warnings(view_fields(view), submitted.warnings), headers=headers)
    if answer is None:
        answer = {"execution_id": execution_id, "status": str(submitted.status)}
    if submitted.existing:
        answer, status = {**answer, "existing": True}, 200
    if submitted.warnings:
        answer = with_warnings(answer, submitted.warnings)
    return json_response(answer, status=status, headers=headers)


def preferred_wait_s(request: Request) -> int | None:
    """Read how long a client would wait for the end (RFC 7240); None where it does not say.

    To be called before anything is started: what is wrong with a request must not come after its effect.
    Raises RequestInvalid.
    """
    for preference in ",".join(request.headers.getlist("prefer")).split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            text = value.strip().strip('"').strip()
            if text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= MOST_WAIT_S:
                return int(text)
            message = f"Prefer: 'wait' must be whole seconds, 0 to {MOST_WAIT_S}; found {text[:40]!r}"
            raise RequestInvalid([Problem("header.Prefer", "wrong_value", message)])
    return None


def expecting(request: Request, *, wait: bool = True) -> AbstractContextManager[Expected]:
    """Begin to listen to the end of what is about to be started, where its client would wait for that."""
    return reach_of(request).hub.expecting() if wait else nullcontext(Expected(None))


def told_of(submitted: Submitted, expected: Expected | None) -> Expected | None:
    """Give what listens to the end of a new execution; None for one that was there, which tells others."""
    if expected is None or not (submitted.replayed or submitted.existing):
        return expected
    expected.close()
    return None


async def ended_in_time(
    request: Request, execution_id: str, wait_s: float, *, expected: Expected | None = None
) -> bool:
    """Wait for the end of an execution, for as long as the client stays.

    execution_id  of the caller's own, as a question to the engine has given it.
    expected      as `told_of` gives it.
    """
    hub = reach_of(request).hub
    gone = asyncio.ensure_future(until_gone(request.receive))
    try:
        has_ended = await hub.wait_for_end(execution_id, wait_s, until=gone, expected=expected)
        # Before anything of it is told: the key may have been revoked meanwhile.
        await admit_again(request)
        return has_ended
    finally:
        gone.cancel()
