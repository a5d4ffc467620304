"""Cookies of one call: read, kept where they belong, gone with the call."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from clients.http.client import GuardedHttpClient, HttpPolicy
from clients.http.cookies import MAX_COOKIES, MAX_HEADER_CHARS, CookiesOfCall
from clients.http.wire import parse_url
from tests.security.ssrf import FakeNames
from tests.unit.clients.http.target_server import Seen, TargetServer, reply, running_target

NOW_S = 1_800_000_000.0


def sent(set_by: str, *cookies: str, to: str, given: str | None = None) -> str | None:
    """The Cookie header for a URL after another has set cookies."""
    kept = CookiesOfCall()
    kept.take(parse_url(set_by), [(b"Set-Cookie", text.encode("latin-1")) for text in cookies], now_s=NOW_S)
    return kept.header_for(parse_url(to), given)


@pytest.mark.parametrize(
    ("set_by", "cookie", "to", "is_sent"),
    [
        ("http://a.example/in/x", "s=1", "http://a.example/in/y", True),
        ("http://a.example/in/x", "s=1", "http://a.example/in", True),
        ("http://a.example/in/x", "s=1", "http://a.example/inside", False),
        ("http://a.example/in/x", "s=1", "http://a.example/", False),
        ("http://a.example/in/x", "s=1; Path=/", "http://a.example/", True),
        ("http://a.example/in/x", "s=1; Path=/other", "http://a.example/other/z?q=1", True),
        ("http://a.example/", "s=1", "http://b.example/", False),
        ("http://a.example/", "s=1", "http://sub.a.example/", False),
        ("http://a.example/", "s=1; Domain=a.example", "http://sub.a.example/", True),
        ("http://in.a.example/", "s=1; Domain=.A.example", "http://a.example/", True),
        ("http://in.a.example/", "s=1; Domain=a.example", "http://nota.example/", False),
        ("http://in.a.example/", "s=1; Domain=b.example", "http://b.example/", False),
        ("http://in.a.example/", "s=1; Domain=b.example", "http://in.a.example/", False),
        ("http://in.a.example/", "s=1; Domain=example", "http://b.example/", False),
        ("http://1.2.3.4/", "s=1; Domain=2.3.4", "http://9.2.3.4/", False),
        ("http://1.2.3.4/", "s=1", "http://1.2.3.4/", True),
        ("http://a.example/", "s=1", "http://a.example:8080/", False),
        ("http://a.example:8080/", "s=1", "http://a.example:8081/", False),
        ("http://a.example:8080/", "s=1", "http://a.example:8080/", True),
        ("http://a.example/", "s=1", "https://a.example/", True),
        ("https://a.example/", "s=1", "http://a.example/", False),
        ("https://a.example/", "s=1; Secure", "https://a.example/", True),
        ("http://a.example/", "s=1; Secure", "https://a.example/", False),
        ("http://a.example/", "__Secure-s=1", "http://a.example/", False),
        ("https://a.example/", "__Secure-s=1; Secure", "https://a.example/", True),
        ("https://a.example/", "__Host-s=1; Secure; Path=/", "https://a.example/", True),
        ("https://a.example/", "__Host-s=1; Secure; Path=/; Domain=a.example", "https://a.example/", False),
        ("http://a.example/", "s=1; Max-Age=60", "http://a.example/", True),
        ("http://a.example/", "s=1; Max-Age=0", "http://a.example/", False),
        ("http://a.example/", "s=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://a.example/", False),
        ("http://a.example/", "s=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT", "http://a.example/", True),
        ("http://a.example/", "s=1; Expires=never", "http://a.example/", True),
        ("http://a.example/", "no cookie", "http://a.example/", False),
        ("http://a.example/", "s=ä", "http://a.example/", False),
        ("http://a.example/", "a b=1", "http://a.example/", False),
        ("http://a.example/", "=1", "http://a.example/", False),
    ],
)
def test_a_cookie_goes_where_it_belongs(set_by: str, cookie: str, to: str, is_sent: bool) -> None:
    assert (sent(set_by, cookie, to=to) is not None) is is_sent


def test_cookies_are_joined_with_those_of_the_request() -> None:
    here = "http://a.example/in/x"

    assert sent(here, "a=1; Path=/", "b=2; Path=/in", to=here, given="c=3; d=4") == "c=3; d=4; b=2; a=1"
    assert sent(here, "a=1; Path=/", "a=2; Path=/", to=here, given="a=0; d=4") == "d=4; a=2"
    assert sent(here, "a=gone; Max-Age=0", to=here, given="a=0; d=4") == "d=4"
    assert sent(here, "a=1; Path=/", "a=; Path=/; Max-Age=-1", to=here) is None
    assert sent(here, to=here, given="as it is") == "as it is"


def test_cookies_are_few_and_short() -> None:
    here = "http://a.example/"

    many = sent(here, *(f"c{index}=1" for index in range(1_000)), to=here)
    long = sent(here, *(f"c{index}={'x' * 4_000}" for index in range(20)), to=here, given="own=1")

    assert many is not None
    assert len(many.split(";")) == MAX_COOKIES
    assert long is not None
    assert long.startswith("own=1; ")
    assert len(long) <= MAX_HEADER_CHARS
    assert sent(here, "s=" + "x" * 5_000, to=here) is None


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    async with running_target() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[GuardedHttpClient]:
    here = [["127.0.0.1"]]
    names = FakeNames(in_a_example=here, a_example=here, b_example=here, localhost=here)
    made = GuardedHttpClient(HttpPolicy.for_environment("development"), resolver=names)
    yield made
    await made.aclose()


async def test_a_cookie_of_a_redirect_reaches_the_next_hop_and_no_other_call(
    target: TargetServer, client: GuardedHttpClient
) -> None:
    def door(seen: Seen) -> bytes:
        if seen.headers.get("cookie") == "session=let-in":
            return reply(200, b"welcome")
        return reply(302, location="/door", set_cookie="session=let-in; HttpOnly")

    target.answers["/door"] = door

    for _ in range(2):
        assert (await client.request("GET", f"{target.url}/door")).content == b"welcome"

    assert [seen.headers.get("cookie") for seen in target.seen] == [None, "session=let-in"] * 2
    assert target.connections == 1


async def test_cookies_stay_with_their_host_on_the_way(
    target: TargetServer, client: GuardedHttpClient
) -> None:
    port = target.port
    both = b"set-cookie: own=1; Path=/\r\nset-cookie: wide=2; Path=/; Domain=a.example\r\n"
    moved = reply(307, location=f"http://a.example:{port}/2")
    target.answers["/1"] = moved.replace(b"\r\n\r\n", b"\r\n" + both + b"\r\n", 1)
    target.answers["/2"] = reply(302, location=f"http://b.example:{port}/3", set_cookie="at-a=3; Path=/")
    target.answers["/3"] = reply(302, location=f"http://in.a.example:{port}/4", set_cookie="at-b=4; Path=/")
    target.answers["/4"] = reply(200)

    await client.request("GET", f"http://in.a.example:{port}/1", headers={"Cookie": "mine=0"})

    assert [(seen.path, seen.headers.get("cookie")) for seen in target.seen] == [
        ("/1", "mine=0"),
        ("/2", "wide=2"),
        ("/3", None),
        ("/4", "own=1; wide=2"),
    ]


async def test_an_answer_that_is_not_followed_keeps_nothing(
    target: TargetServer, client: GuardedHttpClient
) -> None:
    target.answers["/"] = reply(302, location="/next", set_cookie="a=1")

    result = await client.request("GET", target.url, follow_redirects=False)

    assert (result.status, result.headers["set-cookie"], len(target.seen)) == (302, "a=1", 1)
