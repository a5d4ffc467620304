"""What an output holds of an answer, by its content type."""

from __future__ import annotations

import pytest

from orchestrator.documents.bodies import read_body
from orchestrator.documents.foreign_json import NotKept

JSON = "application/json"


@pytest.mark.parametrize(
    ("content", "content_type", "body"),
    [
        (b'{"a": [1]}', JSON, {"a": [1]}),
        (b'{"a": 1}', "application/problem+json; charset=utf-8", {"a": 1}),
        (b"", JSON, None),
        (b"{oops", JSON, "{oops"),
        (b'{"a": NaN}', JSON, '{"a": NaN}'),
        (b'\xef\xbb\xbf{"a": 1}', JSON, {"a": 1}),
        ('{"a": "ü"}'.encode("utf-16"), "application/json; charset=utf-16", {"a": "ü"}),
        ('{"a": "ü"}'.encode("utf-16-be"), JSON, {"a": "ü"}),
        ('{"a": "ü"}'.encode("utf-32"), JSON, {"a": "ü"}),
        ('{"a": "ü"}'.encode("latin-1"), "application/json; charset=iso-8859-1", {"a": "ü"}),
        ('{"a": "日"}'.encode("shift_jis"), 'application/json; charset="Shift_JIS"', {"a": "日"}),
        ('{"a": "ü"}'.encode(), "application/json; charset=unicode_escape", {"a": "ü"}),
        (b'{"a": "\xfc"}', JSON, '{"a": "\ufffd"}'),
        (b'{"id": 123456789012345678901234567890}', JSON, {"id": 123456789012345678901234567890}),
        (b'{"a": "\\ud800"}', JSON, {"a": "\ufffd"}),
    ],
)
def test_json_is_read_as_it_is_written(content: bytes, content_type: str, body: object) -> None:
    assert read_body(content, content_type) == body


@pytest.mark.parametrize("content", [b"[" * 900 + b"]" * 900, b"1e400", b"[" + b"9" * 400 + b"]"])
def test_json_that_cannot_be_kept_is_refused_rather_than_shown_as_text(content: bytes) -> None:
    with pytest.raises(NotKept):
        read_body(content, JSON)


@pytest.mark.parametrize(
    ("content", "content_type", "body"),
    [
        (b'{"a": 1}', "text/plain", '{"a": 1}'),
        (b"", "", ""),
        ("grün".encode("latin-1"), "text/plain; charset=ISO-8859-1", "grün"),
        ("grün".encode("cp437"), "text/plain; charset = 'cp437'", "grün"),
        ("grün".encode("utf-8-sig"), "text/csv", "grün"),
        ("grün".encode("utf-16"), "text/csv", "grün"),
        ("grün".encode("utf-8-sig"), "text/csv; charset=iso-8859-1", "grün"),
        (b"gr\xfcn", "text/plain", "gr\ufffdn"),
        (b"gr\xfcn", "text/plain; charset=utf-8", "gr\ufffdn"),
        (b"\x00\xd8a\x00", "text/plain; charset=utf-16-le", "\ufffda"),
        (b"a", "text/plain; charset=rot13", "a"),
        (b"\\ud800 x", "text/plain; charset=unicode_escape", "\\ud800 x"),
        (b"xn--a", "text/plain; charset=idna", "xn--a"),
        (b"gr\xfcn", "text/plain; charset=punycode", {"base64": "Z3L8bg=="}),
        (b"\x89PNG\xff", "image/png", {"base64": "iVBOR/8="}),
        (b"\xff\xfe\x00\x01", "audio/mpeg", {"base64": "//4AAQ=="}),
        (b"\x81" * 200, "text/plain; charset=cp1252", "\ufffd" * 200),
    ],
)
def test_other_bodies_are_text_or_base64(content: bytes, content_type: str, body: object) -> None:
    assert read_body(content, content_type) == body
