"""The guarded client against a real server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence

import pytest

from clients.address_guard import AddressGuard, IPAddress
from clients.guarded_network import resolve
from clients.http_client import GuardedHttpClient, HttpPolicy
from clients.http_wire import (
    HttpError,
    NameNotResolved,
    RequestInvalid,
    ResponseTooLarge,
    SsrfBlocked,
    TransportFailed,
)
from tests.unit.clients.target_server import Seen, TargetServer, reply, running_target

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


# ------------------------------------------------------------------ SSRF


class FakeNames:
    """Names with the answers a test gives them, one per look-up; numbers are read by the system as always."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[IPAddress]:
        self.asked.append(host)
        lists = self.answers.get(host.rstrip("."))
        if lists is None:
            info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            return [ipaddress.ip_address(entry[4][0]) for entry in info]
        texts = lists.pop(0) if len(lists) > 1 else lists[0]
        return [ipaddress.ip_address(text) for text in texts]


HOSTS_TO_LOOPBACK = [
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1",
    "0177.0.0.1", "017700000001", "0177.1", "0", "0.0.0.0", "0x0", "00.0.0.0", "127.0.0.1.", "[::1]", "[::]",
    "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[::ffff:0:127.0.0.1]", "[fe80::1]",
    "[fec0::1]", "[fd00::1]", "[fd00:ec2::254]", "10.0.0.1", "0xa000001", "172.16.0.1", "192.168.0.1",
    "3232235521",
    "0300.0250.0.1", "100.64.0.1", "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "198.18.0.1", "192.0.0.1", "224.0.0.1",
    "255.255.255.255",
    "127。0。0。1", "①②⑦.⓪.⓪.①", "１２７.0.0.1",
]  # fmt: skip
NAMES_TO_INSIDE = {
    "localhost": ["127.0.0.1"], "localhost.": ["127.0.0.1"], "LOCALHOST": ["::1"],
    "inside.example": ["10.0.0.1"],
    "127.0.0.1.nip.example": ["127.0.0.1"], "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "six.example": ["2606:4700::1", "::1"], "linklocal.example": ["fe80::1%eth0"], "ula.example": ["fd12::1"],
    "mapped.example": ["::ffff:127.0.0.1"], "nat64.example": ["64:ff9b::7f00:1"],
    "metadata.google.internal": ["93.184.216.34"], "METADATA.google.internal.": ["93.184.216.34"],
    "meta.example": ["169.254.169.254"], "cgnat.example": ["100.100.100.200"], "zero.example": ["0.0.0.0"],
}  # fmt: skip
PRODUCTION = HttpPolicy.for_environment("production")


def guarded(names: FakeNames, *, allow: Sequence[str] = ()) -> GuardedHttpClient:
    return GuardedHttpClient(HttpPolicy(guard=AddressGuard.from_list(allow), timeout_s=2), resolver=names)


@pytest.mark.parametrize("host", HOSTS_TO_LOOPBACK)
async def test_no_spelling_of_an_inside_address_reaches_the_sentinel(target: TargetServer, host: str) -> None:
    client = guarded(FakeNames())

    with pytest.raises(HttpError) as refused:
        await client.request("GET", f"http://{host}:{target.port}/")
    await client.aclose()

    assert isinstance(refused.value, SsrfBlocked | RequestInvalid | NameNotResolved)
    assert target.connections == 0


@pytest.mark.parametrize("host", NAMES_TO_INSIDE)
async def test_no_name_that_points_inside_reaches_the_sentinel(target: TargetServer, host: str) -> None:
    names = FakeNames()
    names.answers[host.lower().rstrip(".")] = [NAMES_TO_INSIDE[host]]
    client = guarded(names)

    with pytest.raises(SsrfBlocked):
        await client.request("GET", f"http://{host}:{target.port}/")
    await client.aclose()

    assert target.connections == 0


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://[::1]:{port}/", "http://2130706433:{port}/",
     "http://inside.example:{port}/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd",
     "gopher://127.0.0.1:{port}/_GET", "ftp://127.0.0.1/", "http://u:p@127.0.0.1:{port}/",
     "http://door:6379/",
     "http://metadata/", "/hop"],
)  # fmt: skip
async def test_every_hop_of_a_redirect_is_checked(target: TargetServer, location: str) -> None:
    names = FakeNames(door=[["127.0.0.1"]], inside_example=[["127.0.0.1"]], metadata=[["127.0.0.1"]])
    client = guarded(names, allow=[f"door:{target.port}"])
    target.answers["/"] = reply(302, location=location.format(port=target.port))
    target.answers["/hop"] = reply(302, location=f"http://127.0.0.1:{target.port}/inside")

    with pytest.raises(SsrfBlocked):
        await client.request("GET", f"http://door:{target.port}/")
    await client.aclose()

    assert {seen.path for seen in target.seen} <= {"/", "/hop"}
    assert all(seen.headers["host"].startswith("door:") for seen in target.seen)


async def test_a_name_that_changes_its_answer_is_dialled_at_the_checked_one(target: TargetServer) -> None:
    names = FakeNames(rebind=[["127.0.0.1"], ["169.254.169.254"]])
    client = guarded(names, allow=["127.0.0.0/8"])
    target.answers["/"] = reply(200, b"checked")

    result = await client.request("GET", f"http://rebind:{target.port}/")
    await client.aclose()

    assert (result.body, names.asked) == ("checked", ["rebind"])


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
