"""What a connection may cost before there is a request: bytes and time, on a clock that the tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api import http_protocol
from api.http_protocol import BODY_BYTES_PER_S, BODY_S, HEADER_BYTES, HEADER_S, GuardedProtocol
from tests.unit.api.connections import Connection

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /workflow HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST /workflow HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    made = Connection()
    yield made
    made.hold.set()
    await made.settle()
    made.protocol.connection_lost(None)


def header_of(size_bytes: int) -> bytes:
    """A request whose header has exactly this size."""
    begin, end = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"\r\n\r\n"
    return begin + b"a" * (size_bytes - len(begin) - len(end)) + end


@pytest.mark.parametrize("pieces_of", [1, 1_000, HEADER_BYTES, 1 << 20])
async def test_a_header_up_to_the_limit_is_read_and_one_over_it_refused(
    connection: Connection, pieces_of: int
) -> None:
    for size_bytes, status in ((HEADER_BYTES - 1, 200), (HEADER_BYTES + 1, 431)):
        text = header_of(size_bytes)
        await connection.send(*(text[at : at + pieces_of] for at in range(0, len(text), pieces_of)))
        assert connection.statuses[-1] == status

    assert connection.problem["code"] == "HEADER_TOO_LARGE"
    assert connection.problem["limit_bytes"] == HEADER_BYTES
    assert connection.wire.eof


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /livez HTTP/1.1\r\nX-A: ",
        b"GET /livez HTTP/1.1\r\nX-",
        b"GET /",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-",
        GET + b"GET /livez HTTP/1.1\r\nX-A: ",
    ],
)
async def test_the_parser_gets_no_more_than_the_limit_of_an_endless_header(
    connection: Connection, begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed = 0
    feed = HttpToolsProtocol.data_received

    def counted(self: GuardedProtocol, data: bytes) -> None:
        nonlocal fed
        fed += len(data)
        feed(self, data)

    monkeypatch.setattr(HttpToolsProtocol, "data_received", counted)
    await connection.send(begin)
    for _ in range(50):
        await connection.send(b"a" * 100_000)

    assert connection.statuses[-1] in (400, 431)  # a name or a method of that length may be refused sooner
    assert fed <= len(begin) + HEADER_BYTES
    assert connection.wire.is_shut


async def test_blank_lines_without_an_end_are_cut(connection: Connection) -> None:
    await connection.send(*[b"\r\n" * 10_000] * 10)

    assert connection.statuses == [431]


@pytest.mark.parametrize(
    "tail",
    [b"2\r\n{}\r\n0\r\nX-A: " + b"a" * HEADER_BYTES, b"1;x=" + b"a" * HEADER_BYTES, b"0" * HEADER_BYTES],
)
async def test_trailers_and_extensions_of_chunks_are_counted_too(connection: Connection, tail: bytes) -> None:
    await connection.send(CHUNKED, tail, b"a" * HEADER_BYTES)

    assert connection.statuses in ([431], [400])
    assert connection.bodies == [None]


async def test_a_trailer_is_no_header_of_the_request(connection: Connection) -> None:
    await connection.send(CHUNKED, b"2\r\n{}\r\n0\r\nOrigin: http://localhost\r\n\r\n")

    assert connection.statuses == [200]
    assert connection.bodies == [b"{}"]
    assert b"origin" not in dict(connection.headers)


async def test_a_large_body_is_no_header(connection: Connection) -> None:
    size_bytes = 5 * HEADER_BYTES

    await connection.send(POST % size_bytes + b"a" * size_bytes + GET)

    assert connection.statuses == [200, 200]
    assert connection.bodies == [b"a" * size_bytes, b""]


@pytest.mark.parametrize("sent", [b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"])
async def test_a_header_that_does_not_come_whole_is_refused_in_time(
    connection: Connection, sent: bytes
) -> None:
    await connection.send(sent)
    await connection.wait(HEADER_S - 1)
    assert connection.statuses == []

    await connection.wait(2)

    assert connection.statuses == [408]
    assert connection.problem["code"] == "REQUEST_TOO_SLOW"
    await connection.wait(http_protocol.LINGER_S)
    assert connection.wire.is_shut


async def test_a_header_that_drips_gets_no_more_time(connection: Connection) -> None:
    text = header_of(200)
    for at in range(100):
        await connection.send(text[at : at + 1])
        await connection.wait(HEADER_S / 50)

    assert connection.statuses == [408]


async def test_a_connection_without_a_request_is_closed_without_an_answer(connection: Connection) -> None:
    await connection.wait(HEADER_S + 1)

    assert connection.wire.is_shut
    assert connection.wire.written == b""


async def test_bytes_that_were_in_time_count_though_the_loop_was_held_up(connection: Connection) -> None:
    await connection.send(GET[:10])

    connection.clock.advance(HEADER_S)  # timers first, then what had arrived meanwhile
    await connection.send(GET[10:])

    assert connection.statuses == [200]


async def test_a_body_that_stops_is_refused_and_its_route_finds_the_client_gone(
    connection: Connection,
) -> None:
    await connection.send(POST % 1_000, b"a" * 100)
    await connection.wait(BODY_S + 1)

    assert connection.statuses == [408]
    assert connection.bodies == [None]


async def test_a_body_that_drips_is_refused_however_long_it_goes_on(connection: Connection) -> None:
    await connection.send(POST % 1_000)
    for _ in range(40):
        await connection.send(b"a")
        await connection.wait(BODY_S / 30)

    assert connection.statuses == [408]


async def test_a_slow_but_steady_body_is_taken(connection: Connection) -> None:
    seconds = int(3 * BODY_S)
    await connection.send(POST % (seconds * BODY_BYTES_PER_S))
    for _ in range(seconds):
        await connection.send(b"a" * BODY_BYTES_PER_S)
        await connection.wait(1)

    assert connection.statuses == [200]


async def test_an_answer_that_takes_long_is_not_cut_by_what_is_sent_behind_it(connection: Connection) -> None:
    await connection.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /li")
    await connection.wait(10 * HEADER_S)
    assert connection.statuses == []

    connection.hold.set()
    await connection.send(b"vez HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert connection.statuses == [200, 200]


async def test_garbage_behind_a_request_ends_the_connection_after_its_answer(connection: Connection) -> None:
    await connection.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x00\x01 garbage\r\n\r\n", GET)
    assert connection.statuses == []

    connection.hold.set()
    await connection.settle()

    assert connection.statuses == [200]
    assert connection.wire.is_shut


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00", b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00"]
)
async def test_what_is_no_request_gets_a_problem(connection: Connection, sent: bytes) -> None:
    await connection.send(sent)

    assert connection.statuses == [400]
    assert connection.problem["code"] == "MALFORMED_REQUEST"


async def test_what_a_refused_client_goes_on_sending_is_thrown_away_and_then_cut(
    connection: Connection,
) -> None:
    await connection.send(b"HELLO\r\n\r\n")
    await connection.send(GET)
    assert not connection.wire.is_shut

    await connection.send(b"a" * (http_protocol.LINGER_BYTES + 1))

    assert connection.wire.is_shut
    assert connection.statuses == [400]


async def test_a_connection_between_two_requests_is_left_to_the_keep_alive_time(
    connection: Connection,
) -> None:
    await connection.send(GET)
    await connection.wait(4)
    assert not connection.wire.is_shut

    await connection.send(GET)
    await connection.wait(4)

    assert connection.statuses == [200, 200]
    assert not connection.wire.is_shut


def test_without_a_server_of_ours_there_is_none_to_guard() -> None:
    assert not http_protocol.guard_server()


async def test_an_answer_leaves_in_one_write(connection: Connection) -> None:
    await connection.send(GET)
    await connection.send(GET)

    assert connection.statuses == [200, 200]
    assert connection.wire.writes == 2


async def test_the_head_of_a_stream_does_not_wait_for_its_first_line(connection: Connection) -> None:
    await connection.send(GET.replace(b"/livez", b"/stream"))

    assert connection.statuses == [200]
