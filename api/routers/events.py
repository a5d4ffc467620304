"""What happens: an execution's history, in parts or live; and what changes in lists."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from api.access import reach_of
from api.auth import engine_of, identity_of
from api.problems import RequestInvalid
from api.responses import event_stream, json_response, problems
from api.schemas.events import HistoryLine, Wire
from api.schemas.feed import FeedLine
from api.schemas.history import HistoryPart, history_fields
from api.streaming.event_stream import EventStream
from api.streaming.feed_stream import FeedStream
from api.validator import execution_id_in, execution_in, unit_in
from orchestrator.errors import Problem

router = APIRouter(prefix="/v1", tags=["events"])

#: Larger than the number of any event, and still one that Redis takes.
_MOST = 10**18
_FEED = event_stream(
    FeedLine,
    description="`ready`, `totals`, and from then on what changes, until the client leaves.",
    fields=("event", "retry"),
    example='event: ready\ndata: {}\n\nevent: totals\ndata: {"approvals":0,"dead":2}\n\n',
)
_STREAMED = event_stream(
    HistoryLine,
    description="The history from the asked point on, then live until the execution has ended.",
    fields=("id", "event", "retry"),
    has_lines=True,
    over="The execution has ended and you have seen it all; EventSource stops on this.",
    example='id: 2\nevent: execution.started\ndata: {"seq":2,"type":"execution.started"}\n\n',
)


@router.get(
    "/executions/{execution_id}/events",
    operation_id="executions_events",
    summary="Events with replay and tail, as SSE or (by Accept) NDJSON",
    response_class=Response,
    responses={**_STREAMED, **problems(404, 422, 503)},
)
async def events(
    request: Request,
    execution_id: str,
    after: Annotated[int | None, Query(ge=0, description="Only events with a larger id.")] = None,
    start: Annotated[Literal["start", "now"], Query(alias="from")] = "start",
    accept: Annotated[str, Header()] = "*/*",
    last_event_id: Annotated[str | None, Header(description="Wins over `after`, that over `from`")] = None,
) -> Response:
    # All checks come before the first byte: inside a stream an error could no longer have a status.
    execution_id = await execution_in(request, execution_id)
    reach = reach_of(request)
    position = await engine_of(request).events.position(
        execution_id, after=_event_id(last_event_id, after), is_from_now=start == "now"
    )
    if position is None:
        return Response(status_code=204)
    wire: Wire = "ndjson" if "ndjson" in accept and "text/event-stream" not in accept else "sse"
    credential = identity_of(request).credential
    return EventStream(reach.hub, execution_id, after=position, wire=wire, credential=credential)


@router.get(
    "/executions/{execution_id}/history",
    operation_id="executions_history",
    summary="Events in parts: the newest first, or from any number on",
    response_model=HistoryPart,
    responses=problems(404, 422, 503),
)
async def history(
    request: Request,
    execution_id: str,
    before: Annotated[int | None, Query(ge=1, le=_MOST, description="Only events with a smaller id.")] = None,
    after: Annotated[
        int | None,
        Query(ge=0, le=_MOST, description="Only events with a larger id, those that follow it."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    node: Annotated[
        str | None,
        Query(description="Only events of this node and its items, or of one item, such as `fetch[3]`."),
    ] = None,
    kinds: Annotated[
        list[str], Query(alias="type", description="Only events of this type, or of these.")
    ] = [],  # noqa: B006
) -> Response:
    if node is not None:
        execution_id, node = unit_in(execution_id, node)
    page = await engine_of(request).events.page(
        execution_id_in(execution_id),
        before=before,
        after=after,
        limit=limit,
        unit=node,
        types=frozenset(kinds),
    )
    return json_response(history_fields(page))


@router.get(
    "/feed",
    operation_id="executions_feed",
    summary="What changes in the list of executions, live, as SSE",
    response_class=Response,
    responses=_FEED,
)
async def feed(request: Request) -> Response:
    return FeedStream(reach_of(request).hub, engine_of(request), credential=identity_of(request).credential)


def _event_id(last_event_id: str | None, after: int | None) -> int | None:
    if last_event_id is None or not last_event_id.strip():
        return after
    # The store's own form of an id, `7-0`, is taken as well: people copy it from XRANGE.
    text = last_event_id.strip().removesuffix("-0")
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    message = f"Last-Event-ID must be the id of an event, a whole number; found {last_event_id[:40]!r}"
    raise RequestInvalid([Problem("header.Last-Event-ID", "wrong_value", message)])
