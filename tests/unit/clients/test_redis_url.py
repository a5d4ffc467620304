"""URLs of Redis are refused before anything connects, in words that do not repeat a password."""

from __future__ import annotations

import pytest

from clients.redis_client import connect_blocking, connect_commands, connect_subscriber, connect_threaded
from clients.redis_url import SCHEMES, database_of, problem_of


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:p%40ss%2Fw%23rd@far:6380/3",
        "redis://user:word@[::1]:6379/0",
        "redis://far?db=2&client_name=headrace",
        "rediss://far:6380/1?ssl_cert_reqs=none&ssl_check_hostname=false",
        "unix:///run/redis.sock",
        "unix://user:word@/run/redis.sock?db=1",
    ],
)
def test_a_good_url_opens_every_kind_of_client(url: str) -> None:
    assert problem_of(url) is None
    for connect in (connect_commands, connect_blocking, connect_subscriber, connect_threaded):
        # A client that is given something it cannot take says so when it makes its first connection.
        assert connect(url).connection_pool.make_connection() is not None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("far:6379", "allowed: redis://"),
        ("http://far:6379", "allowed: redis://"),
        ("redis:far", "allowed: redis://"),
        ("redis://far:70000", "1 to 65535"),
        ("redis://far:0", "not the URL"),
        ("redis://:hush/hush@far:6379", "%2F"),
        ("redis://:hush#hush@far:6379/0", "%23"),
        ("redis://far/zero", "number of a database"),
        ("redis://far?db=zero", "'db'"),
        ("redis://far?db=-1", "'db'"),
        ("redis://far?protocol=3", "'protocol' is not known"),
        ("redis://far?socket_timeout=1", "'socket_timeout' is not known"),
        ("redis://far?ssl_cert_reqs=none", "with rediss://"),
        ("rediss://far?ssl_cert_reqs=never", "required, optional, none"),
        ("rediss://far?ssl_check_hostname=perhaps", "neither true nor false"),
        ("rediss://far?ssl_ca_certs=/nowhere/ca.pem", "/nowhere/ca.pem"),
        ("unix://", "names no socket"),
        ("unix://run.sock", "names no socket"),
        ("unix:///run/redis.sock?db=x", "'db'"),
    ],
)
def test_a_bad_url_is_refused_with_what_is_allowed(url: str, said: str) -> None:
    problem = problem_of(url)

    assert problem is not None
    assert said in problem
    assert "hush" not in problem


@pytest.mark.parametrize(
    ("url", "number"),
    [("redis://far", 0), ("redis://far/4", 4), ("redis://far/4?db=5", 5), ("unix:///a/1?db=6", 6)],
)
def test_the_database_is_read_as_the_client_reads_it(url: str, number: int) -> None:
    assert database_of(url) == number
    assert connect_commands(url).connection_pool.connection_kwargs.get("db", 0) == number


def test_every_scheme_is_named_to_whoever_gives_another() -> None:
    problem = problem_of("tcp://far") or ""

    assert all(f"{scheme}://" in problem for scheme in SCHEMES)
