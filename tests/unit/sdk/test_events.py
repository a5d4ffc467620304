"""How a history is followed: over broken streams, to its end, and no further than makes sense."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from headrace import events, transport
from headrace.backoff import Backoff
from headrace.client import Client
from headrace.errors import ApiError, NotFound, ServerUnreachable
from tests.unit.sdk.answering import Clock, client_of, frame, recording_answer, stream


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RECONNECT", Backoff(first_s=0.0, most_s=0.0))


async def test_a_broken_stream_is_taken_up_where_it_broke() -> None:
    asked: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("Last-Event-ID"))
        if len(asked) == 1:
            return stream(
                "retry: 2000\n\n", frame(1, "execution.created"), ": ping\n\n", frame(2, "node.queued")
            )
        if len(asked) == 2:
            raise httpx2.ConnectError("gone")
        if len(asked) == 3:
            return httpx2.Response(503, text="starting")
        return stream(frame(2, "node.queued"), frame(3, "execution.completed"))

    async with client_of(answer) as client:
        seqs = [event.seq async for event in client.executions.events("e1")]

    assert seqs == [1, 2, 3]
    assert asked == [None, "2", "2", "2"]


async def test_a_history_read_to_its_end_needs_no_terminal_event() -> None:
    async with client_of(lambda _: httpx2.Response(204)) as client:
        assert [event async for event in client.executions.events("e1", after=9)] == []


async def test_a_gap_is_told_and_does_not_move_the_cursor() -> None:
    gap = 'event: gap\ndata: {"type": "gap", "execution_id": "e1", "data": {"after": 0, "next": 5}}\n\n'

    async with client_of(lambda _: stream(gap, frame(5, "execution.failed"))) as client:
        found = [(event.seq, event.type) async for event in client.executions.events("e1")]

    assert found == [(0, "gap"), (5, "execution.failed")]


async def test_following_gives_up_when_nobody_answers_for_long() -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    async with client_of(answer) as client:
        with pytest.raises(ServerUnreachable, match="refused"):
            async for _ in client.executions.events("e1", give_up_after_s=0.0):
                pass


@pytest.mark.parametrize("breaks", [False, True])
async def test_a_long_quiet_stream_does_not_count_as_time_without_a_server(
    monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    clock, asked = Clock(), 0
    monkeypatch.setattr(events, "time", clock)

    async def quiet() -> AsyncIterator[bytes]:
        yield frame(1, "node.waiting").encode()
        clock.now_s += 3600
        yield b": ping\n\n"
        if breaks:
            raise httpx2.ReadError("connection reset")

    def answer(_: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=quiet())
        if asked == 2:
            raise httpx2.ConnectError("starting")
        return stream(frame(2, "execution.completed"))

    async with client_of(answer) as client:
        seqs = [event.seq async for event in client.executions.events("e1")]

    assert seqs == [1, 2]


def test_the_client_that_waits_counts_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(events, "time", clock)

    def quiet() -> Iterator[bytes]:
        yield frame(1, "node.waiting").encode()
        clock.now_s += 3600

    answers: list[httpx2.Response | Exception] = [
        httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=quiet()),
        httpx2.ConnectError("starting"),
        httpx2.Response(200, html="<html>welcome</html>"),
    ]

    def answer(_: httpx2.Request) -> httpx2.Response:
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    client = Client("http://server", transport=httpx2.MockTransport(answer))
    with client, pytest.raises(ApiError, match="no events can be read"):
        list(client.executions.events("e1"))

    assert not answers


async def test_a_stream_that_breaks_at_once_each_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(events, "time", clock)

    async def broken() -> AsyncIterator[bytes]:
        clock.now_s += 1
        raise httpx2.ReadError("connection reset")
        yield b""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=broken())

    async with client_of(answer) as client:
        with pytest.raises(ServerUnreachable, match="connection reset"):
            async for _ in client.executions.events("e1"):
                pass

    assert clock.now_s == 61


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (httpx2.Response(200, html="<html>welcome</html>"), "got 'text/html'"),
        (stream(f"data: {'x' * transport.LARGEST_EVENT_BYTES}\n\n"), "byte limit"),
    ],
    ids=["a page", "a huge event"],
)
async def test_what_no_other_try_makes_a_stream_is_reported_at_once(
    answer: httpx2.Response, found: str
) -> None:
    asked: list[httpx2.Request] = []

    async with client_of(recording_answer(answer, asked)) as client:
        with pytest.raises(ApiError, match=f"no events can be read from http://server/.*{found}"):
            async for _ in client.executions.events("e1"):
                pass

    assert len(asked) == 1


async def test_a_refused_stream_is_not_asked_for_again() -> None:
    asked = 0

    def answer(_: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        return httpx2.Response(404, json={"detail": "no such execution"})

    async with client_of(answer) as client:
        with pytest.raises(NotFound):
            async for _ in client.executions.events("e1"):
                pass

    assert asked == 1
