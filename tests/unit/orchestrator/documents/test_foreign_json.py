"""JSON of others: whatever is given back can be kept, and nothing of it was rounded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.exact_json import dumps, loads
from orchestrator.documents.foreign_json import MAX_DEPTH, NotJson, NotKept, read_json

LONG = 123456789012345678901234567890


def nested(depth: int, opening: str = "[", closing: str = "]", inner: str = "") -> bytes:
    return (opening * depth + inner + closing * depth).encode()


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"%d" % LONG, LONG),
        (b'{"id": -%d}' % LONG, {"id": -LONG}),
        (b"18446744073709551616", 2**64),
        (b"-9223372036854775809", -(2**63) - 1),
        (b'["12345678901234567890123"]', ["12345678901234567890123"]),
        (b"0.12345678901234567890", 0.12345678901234568),
        (b"1e30", 1e30),
        (b"\xef\xbb\xbf1", 1),
        ("\ufeff1", 1),
        (b'"\\ud800 x"', "\ufffd x"),
        (b'"\\udc00\\ud800"', "\ufffd\ufffd"),
        (b'{"\\ud800": "\\ud83d\\ude00 \\\\ud800 \\udc00"}', {"\ufffd": "😀 \\ud800 \ufffd"}),
        ('"\ud800"', "\ufffd"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": 1, "a": %d}' % LONG, {"a": LONG}),
        (b'[%d, 1e-400, "1e400"]' % LONG, [LONG, 0.0, "1e400"]),
    ],
)  # fmt: skip
def test_a_value_is_exact(content: bytes | str, value: Any) -> None:
    assert read_json(content) == value


@pytest.mark.parametrize(
    ("codec", "charset"),
    [("utf-8", None), ("utf-8", "utf-8"), ("utf-8-sig", "us-ascii"), ("utf-16", None), ("utf-16", "utf-16"),
     ("utf-16-le", None), ("utf-16-be", "utf-16"), ("utf-32", None), ("utf-32-be", None),
     ("utf-8", "punycode"), ("utf-8", "utf-16"), ("utf-16", "us-ascii"), ("latin-1", "iso-8859-1"),
     ("cp1252", "windows-1252"), ("utf-8", "us-ascii")],
)  # fmt: skip
def test_the_mark_the_charset_and_the_zeros_say_how_it_is_written(codec: str, charset: str | None) -> None:
    text = '{"a": "ü", "id": 12345678901234567890123}'

    assert read_json(text.encode(codec), charset) == {"a": "ü", "id": 12345678901234567890123}


@pytest.mark.parametrize(
    "content",
    [b"", b" ", b"{oops", b"NaN", b"[-Infinity]", b"01", b"1 2", b'"\x1b"', b"\xff", b'{"a": "\xfc"}',
     b"\xef\xbb\xbf", b'[%d' % LONG, b"[%d, NaN]" % LONG, b"'a'"],
)  # fmt: skip
def test_what_is_no_json_is_called_so(content: bytes) -> None:
    with pytest.raises(NotJson):
        read_json(content)


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"1e400", "1e400"), (b"[-1E+999]", "-1E"), (b"9" * 310, "310"), (b"9" * 5000, "5,000"),
     (b"1e0400", "1e0400"), (b"1" + b"0" * 400 + b".5", "403"), (b"[%d, 1e400]" % LONG, "1e400")],
)  # fmt: skip
def test_a_number_that_cannot_be_kept_is_named(content: bytes, found: str) -> None:
    with pytest.raises(NotKept, match=found):
        read_json(content)


@pytest.mark.parametrize("inner", ["", "1", str(LONG)])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_the_depth_that_is_read_is_the_depth_that_can_be_written(
    opening: str, closing: str, inner: str
) -> None:
    inner = inner or ("1" if opening != "[" else "")
    deepest = {"body": read_json(nested(MAX_DEPTH, opening, closing, inner))}

    assert loads(dumps(deepest)) == deepest
    with pytest.raises(TypeError):
        dumps([deepest])
    for depth in (MAX_DEPTH + 1, 900, 1100, 100_000):
        with pytest.raises(NotKept):
            read_json(nested(depth, opening, closing, inner))


def test_many_brackets_are_not_deep() -> None:
    assert read_json(b"[" + b"{}," * 5000 + b'"[[[["]')[-1] == "[[[["


@given(st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(-(2**100), 2**100)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=8,
))  # fmt: skip
def test_whatever_others_write_is_read_as_they_meant_it(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode("utf-16")) == value


@given(st.binary(max_size=40))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    try:
        value = read_json(content)
    except (NotJson, NotKept):
        return
    assert loads(dumps(value)) == value
