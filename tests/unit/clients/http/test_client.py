"""The guarded client against a real server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from clients.http.address_guard import AddressGuard
from clients.http.client import GuardedHttpClient, HttpPolicy
from clients.http.network import resolve
from clients.http.wire import NameNotResolved, RedirectRefused, ResponseTooLarge, TransportFailed
from tests.security.ssrf import PRODUCTION, FakeNames, guarded
from tests.unit.clients.http.target_server import Seen, TargetServer, reply, running_target

DEVELOPMENT = HttpPolicy.for_environment("development")


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    async with running_target() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[GuardedHttpClient]:
    made = GuardedHttpClient(DEVELOPMENT)
    yield made
    await made.aclose()


async def test_an_answer_comes_as_it_was_sent(target: TargetServer, client: GuardedHttpClient) -> None:
    target.answers["/x"] = reply(201, b'{"a": 1}', content_type="application/json", x_more="1")

    result = await client.request("post", f"{target.url}/x?q=1", headers={"X-A": "ü"}, content=b"hello")

    assert (result.status, result.content, result.headers["x-more"]) == (201, b'{"a": 1}', "1")
    (seen,) = target.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/x?q=1", b"hello")
    assert seen.headers["host"] == f"127.0.0.1:{target.port}"
    assert seen.headers["x-a"].encode("latin-1").decode() == "ü"
    assert seen.headers["user-agent"].startswith("headrace/")


async def test_connections_are_kept_but_cookies_are_not(
    target: TargetServer, client: GuardedHttpClient
) -> None:
    target.answers["/"] = reply(200, b"ok", set_cookie="session=of-another-execution; Path=/")

    for _ in range(3):
        await client.request("GET", target.url)

    assert target.connections == 1
    assert all("cookie" not in seen.headers for seen in target.seen)


async def test_proxies_of_the_environment_are_not_used(
    target: TargetServer, client: GuardedHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    target.answers["/"] = reply(200, b"direct")

    assert (await client.request("GET", target.url)).content == b"direct"


async def test_an_error_status_is_an_answer(target: TargetServer, client: GuardedHttpClient) -> None:
    assert (await client.request("GET", f"{target.url}/none")).status == 404


async def test_a_refused_connection_was_not_sent(client: GuardedHttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        with pytest.raises(TransportFailed) as failed:
            await client.request("GET", f"http://127.0.0.1:{port}/x?key=secret")

    assert (failed.value.kind, failed.value.is_sent, failed.value.retryable) == ("connect", False, True)
    assert "secret" not in str(failed.value)


async def test_a_host_without_an_address_says_so(client: GuardedHttpClient) -> None:
    with pytest.raises(NameNotResolved, match=r"no-such-host\.invalid"):
        await client.request("GET", "http://no-such-host.invalid/")


async def test_a_broken_answer_may_have_been_received(
    target: TargetServer, client: GuardedHttpClient
) -> None:
    target.answers["/"] = b"this is not http\r\n\r\n"

    with pytest.raises(TransportFailed) as failed:
        await client.request("GET", target.url)

    assert (failed.value.kind, failed.value.is_sent) == ("protocol", True)


async def test_the_time_limit_covers_the_whole_call(target: TargetServer, client: GuardedHttpClient) -> None:
    async def never(_: Seen) -> bytes:
        await asyncio.Event().wait()
        return b""

    target.answers["/"] = never

    with pytest.raises(TransportFailed) as failed:
        await client.request("GET", target.url, timeout_s=0.1)

    assert (failed.value.kind, failed.value.is_sent) == ("timeout", True)


async def test_a_large_body_is_stopped_at_the_limit(target: TargetServer, client: GuardedHttpClient) -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    target.answers["/big"] = reply(200, b"x" * 5000)
    target.answers["/bomb"] = reply(200, bomb, content_encoding="gzip")

    with pytest.raises(ResponseTooLarge):
        await client.request("GET", f"{target.url}/big", max_bytes=1000)
    with pytest.raises(ResponseTooLarge):
        await client.request("GET", f"{target.url}/bomb")
    assert (await client.request("GET", f"{target.url}/big")).content == b"x" * 5000


async def test_redirects_are_followed_within_a_limit(target: TargetServer, client: GuardedHttpClient) -> None:
    target.answers["/a"] = reply(302, location="/b")
    target.answers["/b"] = reply(307, location="/c")
    target.answers["/c"] = lambda seen: reply(200, seen.method.encode())
    target.answers["/loop"] = reply(302, location="/loop")

    followed = await client.request("POST", f"{target.url}/a", content=b"x")
    stayed = await client.request("GET", f"{target.url}/a", follow_redirects=False)

    assert (followed.content, followed.url) == (b"GET", f"{target.url}/c")
    assert stayed.status == 302
    with pytest.raises(TransportFailed, match="more than 5 redirects"):
        await client.request("GET", f"{target.url}/loop")


async def test_a_redirect_that_keeps_the_method_keeps_the_body(
    target: TargetServer, client: GuardedHttpClient
) -> None:
    target.answers["/a"] = reply(308, location="/b")
    target.answers["/b"] = reply(200)

    await client.request("POST", f"{target.url}/a", content=b"payload", headers={"authorization": "t"})

    assert (target.seen[-1].method, target.seen[-1].body) == ("POST", b"payload")
    assert target.seen[-1].headers["authorization"] == "t"


async def test_secrets_stay_behind_when_a_redirect_leaves_the_origin(
    target: TargetServer, client: GuardedHttpClient
) -> None:
    target.answers["/a"] = reply(302, location=f"http://localhost:{target.port}/b")
    target.answers["/b"] = reply(200)

    await client.request(
        "GET", f"{target.url}/a", headers={"Authorization": "t", "X-Key": "k", "Accept": "a/b"}
    )

    assert target.seen[-1].path == "/b"
    assert not {"authorization", "x-key"} & target.seen[-1].headers.keys()
    assert target.seen[-1].headers["accept"] == "a/b"


@pytest.mark.parametrize(("status", "method"), [(307, "POST"), (308, "PATCH"), (302, "PUT"), (301, "DELETE")])
async def test_a_body_does_not_follow_a_redirect_to_another_origin(
    target: TargetServer, client: GuardedHttpClient, status: int, method: str
) -> None:
    target.answers["/a"] = reply(status, location=f"http://localhost:{target.port}/b")
    target.answers["/b"] = reply(200)

    with pytest.raises(RedirectRefused, match="resend_body_across_origins") as refused:
        await client.request(method, f"{target.url}/a", content=b"hunter2")
    await client.request(method, f"{target.url}/a")
    await client.request(
        method, f"{target.url}/a", content=b"x", headers={"Idempotency-Key": "k"}, resends_body=True
    )

    assert (refused.value.error_type, refused.value.retryable) == ("Http.RedirectRefused", False)
    assert [(seen.path, seen.body) for seen in target.seen if seen.path == "/b"] == [
        ("/b", b""),
        ("/b", b"x"),
    ]
    assert "idempotency-key" not in target.seen[-1].headers


async def test_a_header_with_a_secret_stays_behind_whatever_its_name(
    target: TargetServer, client: GuardedHttpClient
) -> None:
    target.answers["/a"] = reply(302, location=f"http://localhost:{target.port}/b")
    target.answers["/b"] = reply(200)
    headers = {"User-Agent": "hunter2", "Accept": "a/b"}

    await client.request("GET", f"{target.url}/a", headers=headers, private=["User-Agent"])

    assert target.seen[-1].headers["accept"] == "a/b"
    assert "hunter2" not in target.seen[-1].headers.values()


ENDLESS = {
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000,
    "one header": b"HTTP/1.1 200 X\r\nX-A: " + b"v" * 1_500_000,
    "headers": b"HTTP/1.1 200 X\r\n" + b"X-A: %s\r\n" % (b"v" * 300) * 5_000,
    "a status": b"HTTP/1.1 200 " + b"X" * 1_500_000,
    "the size of a chunk": b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 1_500_000,
    "trailers": b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X-A: v\r\n" * 200_000,
    "empty blocks": b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\n\r\n"
    + zlib.compressobj(wbits=31).flush(zlib.Z_FULL_FLUSH)
    + b"\x00\x00\x00\xff\xff" * 300_000,
}


@pytest.mark.parametrize("endless", ENDLESS)
async def test_an_answer_without_end_is_cut_by_its_size(target: TargetServer, endless: str) -> None:
    client = GuardedHttpClient(replace(DEVELOPMENT, max_response_bytes=1000))
    target.answers["/"] = ENDLESS[endless]

    with pytest.raises((ResponseTooLarge, TransportFailed)) as failed:
        await client.request("GET", target.url)

    assert (
        "KiB" in str(failed.value) or "larger than" in str(failed.value) or "on the wire" in str(failed.value)
    )
    await client.aclose()


async def test_a_body_in_very_short_pieces_lets_others_run(
    target: TargetServer, client: GuardedHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.http.client.STEP_S", 0.0)
    target.answers["/"] = (
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 2_000 + b"0\r\n\r\n"
    )
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    result = await client.request("GET", target.url)
    other.cancel()

    assert result.content == b"x" * 2_000
    assert turns >= 2_000


async def test_a_packed_answer_that_is_cut_is_no_answer(
    target: TargetServer, client: GuardedHttpClient
) -> None:
    target.answers["/"] = reply(200, gzip.compress(b"rows" * 1000)[:-20], content_encoding="gzip")

    with pytest.raises(TransportFailed, match="breaks off") as failed:
        await client.request("GET", target.url)

    assert (failed.value.kind, failed.value.is_sent, failed.value.retryable) == ("protocol", True, True)


async def test_a_second_address_is_tried_when_the_first_does_not_answer(target: TargetServer) -> None:
    client = guarded(FakeNames(twin=[["127.0.0.2", "127.0.0.1"]]), allow=["twin"])
    target.answers["/"] = reply(200, b"second")

    assert (await client.request("GET", f"http://twin:{target.port}/")).content == b"second"
    await client.aclose()


def test_production_allows_what_is_listed_and_the_services() -> None:
    policy = HttpPolicy.for_environment(
        "production", allow_private=["10.0.0.0/8"], services={"service-a": "http://echo:81/base"}
    )

    assert PRODUCTION.guard == AddressGuard()
    assert policy.guard.endpoints == {("echo", 81)}
    assert policy.guard.refuse_address(ipaddress.ip_address("10.0.0.1"), "x", 80) is None
    assert policy.guard.refuse_address(ipaddress.ip_address("192.168.0.1"), "x", 80)


async def test_the_system_reads_encoded_numbers_as_what_they_mean() -> None:
    assert [str(each) for each in await resolve("0x7f.1", 80)] == ["127.0.0.1"]
