"""URLs, headers and bodies, without a network."""

from __future__ import annotations

import gzip
import zlib

import pytest

from clients.http.wire import (
    BodyReader,
    RequestInvalid,
    ResponseTooLarge,
    TransportFailed,
    clean_headers,
    headers_for_other_origin,
    join_url,
    parse_url,
    read_body,
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

    assert headers_for_other_origin(headers) == {"accept": "a", "idempotency-key": "i"}


@pytest.mark.parametrize(
    ("encoding", "pack"), [("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_body_is_unpacked_while_it_is_read(encoding: str, pack: object) -> None:
    reader = BodyReader(encoding, max_bytes=100)
    packed = pack(b"hello " * 10)  # type: ignore[operator]

    for index in range(0, len(packed), 7):
        reader.feed(packed[index : index + 7])

    assert reader.content() == b"hello " * 10


def test_a_body_that_unpacks_to_more_than_the_limit_is_stopped() -> None:
    reader = BodyReader("gzip", max_bytes=1000)

    with pytest.raises(ResponseTooLarge):
        reader.feed(gzip.compress(b"\0" * 50_000_000))


def test_a_body_of_exactly_the_limit_is_whole() -> None:
    reader = BodyReader("", max_bytes=5)

    reader.feed(b"12345")

    assert reader.content() == b"12345"


def test_an_encoding_that_was_not_asked_for_and_a_broken_one_are_failures() -> None:
    with pytest.raises(TransportFailed):
        BodyReader("br", max_bytes=10)
    with pytest.raises(TransportFailed):
        BodyReader("gzip", max_bytes=10).feed(b"not gzip")


@pytest.mark.parametrize(
    ("content", "content_type", "body"),
    [
        (b'{"a": [1]}', "application/json", {"a": [1]}),
        (b'{"a": 1}', "application/problem+json; charset=utf-8", {"a": 1}),
        (b"", "application/json", None),
        (b"{oops", "application/json", "{oops"),
        (b'{"a": NaN}', "application/json", '{"a": NaN}'),
        (b'{"a": 1}', "text/plain", '{"a": 1}'),
        (b"", "", ""),
        ("grün".encode("latin-1"), "text/plain; charset=ISO-8859-1", "grün"),
        (b"gr\xfcn", "text/plain", "gr\ufffdn"),
        (b"a", "text/plain; charset=rot13", "a"),
        (b"\x89PNG\xff", "image/png", {"base64": "iVBOR/8="}),
    ],
)
def test_a_body_is_given_as_json_holds_it(content: bytes, content_type: str, body: object) -> None:
    assert read_body(content, content_type) == body
