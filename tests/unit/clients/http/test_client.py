"""The guarded client against a real server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest

from clients.http.address_guard import AddressGuard
from clients.http.client import GuardedHttpClient, HttpPolicy
from clients.http.network import resolve
from clients.http.wire import NameNotResolved, ResponseTooLarge, TransportFailed
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


async def test_a_json_answer_is_parsed(target: TargetServer, client: GuardedHttpClient) -> None:
    target.answers["/x"] = reply(201, b'{"a": 1}', content_type="application/json", x_more="1")

    result = await client.request("post", f"{target.url}/x?q=1", headers={"X-A": "ü"}, content=b"hello")

    assert (result.status, result.body, result.headers["x-more"]) == (201, {"a": 1}, "1")
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

    assert (await client.request("GET", target.url)).body == "direct"


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

    assert (followed.body, followed.url) == ("GET", f"{target.url}/c")
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


async def test_a_second_address_is_tried_when_the_first_does_not_answer(target: TargetServer) -> None:
    client = guarded(FakeNames(twin=[["127.0.0.2", "127.0.0.1"]]), allow=["twin"])
    target.answers["/"] = reply(200, b"second")

    assert (await client.request("GET", f"http://twin:{target.port}/")).body == "second"
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
