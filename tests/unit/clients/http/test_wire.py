"""URLs and headers, without a network."""

from __future__ import annotations

import pytest

from clients.http.wire import (
    RequestInvalid,
    clean_headers,
    headers_for_other_origin,
    join_url,
    parse_url,
    read_headers,
    why_body_stays,
)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("http://a", "http://a/"),
        ("  HTTP://Example.COM:80/x \n", "http://example.com/x"),
        ("https://a:8443", "https://a:8443/"),
        (
            "http://consumer/Simulated response for: a b",
            "http://consumer/Simulated%20response%20for:%20a%20b",
        ),
        ("http://consumer/two\nlines\tand tab", "http://consumer/two%0Alines%09and%20tab"),
        ("http://a/über/✓", "http://a/%C3%BCber/%E2%9C%93"),
        ("http://a/100%/50%25/%zz", "http://a/100%25/50%25/%25zz"),
        ("http://a?x=1 2&y=ä#frag", "http://a/?x=1%202&y=%C3%A4"),
        ("http://a/b?u=http://c/d?e", "http://a/b?u=http://c/d?e"),
        ('http://a/<b>"c"{d}|\\^`', "http://a/%3Cb%3E%22c%22%7Bd%7D%7C%5C%5E%60"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://a/\ud800", "http://a/?"[:9] + "%3F"),
    ],
)
def test_a_url_is_quoted_after_templating(given: str, sent: str) -> None:
    assert parse_url(given).url == sent


@pytest.mark.parametrize(
    "given",
    ["", "a", "//a/b", "/path", "ftp://a/", "file:///etc/passwd", "gopher://a", "javascript:1", "http:/a",
     "http://",
     "http:///x", "http://:80/", "http://user@a/", "http://u:p@a/", "http://a:99999/", "http://a:x/",
     "http://a b/",
     "http://a\\@b/", "http://[::1/", "http://[fe80::1%25eth0]/", "http://a%2eb/", "http://a\x00b/",
     "http://a:0/",
     "http://" + "a" * 20_000],
)  # fmt: skip
def test_a_url_that_is_not_plain_http_is_refused(given: str) -> None:
    with pytest.raises(RequestInvalid):
        parse_url(given)


def test_a_label_hides_the_query() -> None:
    assert parse_url("https://a/b?key=secret").label == "https://a/b"


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("/y", "http://a:8000/y"),
        ("z?q=1", "http://a:8000/x/z?q=1"),
        ("//b/c", "http://b/c"),
        ("https://c", "https://c/"),
    ],
)
def test_a_redirect_is_read_against_where_it_came_from(location: str, there: str) -> None:
    assert join_url(parse_url("http://a:8000/x/"), location).url == there


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://a", "http://u:p@a/", "http://[", "javascript:x"]
)
def test_a_redirect_to_another_scheme_is_refused(location: str) -> None:
    with pytest.raises(RequestInvalid):
        join_url(parse_url("http://a/"), location)


@pytest.mark.parametrize(
    "headers",
    [{"Host": "b"}, {"content-length": "5"}, {"Transfer-Encoding": "chunked"}, {"Connection": "close"},
     {"X-A": "b\r\nX-C: d"}, {"X A": "b"}, {"": "b"}, {"X-A": "\0"}],
)  # fmt: skip
def test_headers_that_could_change_the_request_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(RequestInvalid):
        clean_headers(headers)


def test_only_plain_headers_go_to_another_origin() -> None:
    headers = clean_headers(
        {"Authorization": "t", "Cookie": "c", "X-Api-Key": "k", "Accept": "a", "Idempotency-Key": "i"}
    )

    assert headers_for_other_origin(headers) == {"accept": "a"}
    assert headers_for_other_origin(headers, {"accept"}) == {}


@pytest.mark.parametrize(
    ("here", "there", "may_leave", "stays"),
    [
        ("http://a/", "http://a/x", False, False),
        ("http://a/", "http://a:80/x", False, False),
        ("http://a/", "http://b/", False, True),
        ("http://a/", "http://a:8080/", False, True),
        ("http://a/", "https://a/", False, True),
        ("http://a/", "https://b/", True, False),
        ("https://a/", "https://b/", True, False),
        ("https://a/", "http://a/", True, True),
        ("https://a/", "http://b/", False, True),
    ],
)
def test_a_body_leaves_its_origin_only_when_it_may_and_never_tls(
    here: str, there: str, may_leave: bool, stays: bool
) -> None:
    why = why_body_stays(parse_url(here), parse_url(there), may_leave=may_leave)

    assert (why is not None) is stays


def test_headers_that_occur_more_often_are_one() -> None:
    fields = [(b"X-A", b"1"), (b"Set-Cookie", b"a=b"), (b"x-a", b"\xfc"), *[(b"X-B", b"v")] * 3]

    assert read_headers(fields) == {"x-a": "1, ü", "set-cookie": "a=b", "x-b": "v, v, v"}
