"""ETags as clients send them."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from api.etags import etag, if_match, is_known
from api.problems import RequestInvalid


def request(name: str, *values: str) -> Request:
    headers = [(name.lower().encode(), value.encode()) for value in values]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        ((), None),
        (("*",), {"*"}),
        (('"a.1"',), {"a.1"}),
        (('"a.1" , "b,2"',), {"a.1", "b,2"}),
        (('"a.1"', '"b.2"'), {"a.1", "b.2"}),
        (('W/"a.1"',), set()),
        (('""',), {""}),
    ],
)
def test_the_states_that_are_meant(values: tuple[str, ...], meant: set[str] | None) -> None:
    assert if_match(request("If-Match", *values)) == meant


@pytest.mark.parametrize("text", ["a.1", '"a', '"a" "b"', '*, "a"', "W/a", '"ü"'])
def test_what_is_no_list_of_tags_is_refused(text: str) -> None:
    with pytest.raises(RequestInvalid, match="If-Match must be ETags in quotes"):
        if_match(request("If-Match", text))


@pytest.mark.parametrize(
    ("text", "expected"), [('"a.1"', True), ('"x", W/"a.1"', True), ("*", True), ('"a.2"', False)]
)
def test_a_known_state_is_found_weak_or_strong(text: str, expected: bool) -> None:
    assert is_known(request("If-None-Match", text), "a.1") is expected


def test_a_tag_is_written_as_it_is_read() -> None:
    assert if_match(request("If-Match", etag("a.1")["ETag"])) == frozenset({"a.1"})
    assert not is_known(request("If-Match", '"a.1"'), "a.1")
