"""`b64encode`, `b64decode` and `sha256` in templates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.templates.encodings import b64decode, b64encode, sha256
from orchestrator.templates.values import EvaluationError


def test_text_is_encoded_in_utf_8_and_other_values_as_json() -> None:
    assert b64encode("Grüße") == "R3LDvMOfZQ=="
    assert b64encode({"a": 1}) == "eyJhIjoxfQ=="
    assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256({"a": 1}) == sha256('{"a":1}')


@pytest.mark.parametrize("spelled", ["w7_Dvw==", "w7/Dvw==", "w7/Dvw", "w7/D\n vw=="])
def test_base64_is_read_as_it_is_found(spelled: str) -> None:
    assert b64decode(spelled) == "ÿÿ"


@given(st.text())
def test_what_is_encoded_is_decoded(text: str) -> None:
    assert b64decode(b64encode(text)) == text


@pytest.mark.parametrize(
    ("filter", "value", "words"),
    [
        (b64decode, "a*b", r"'a\*b' is not base64: it has '\*'"),
        (b64decode, "abcde", "5 characters of it are no number of bytes"),
        (b64decode, "/9j/4AAQ", r"6 bytes that are no text in UTF-8 \(byte 0 is none\)"),
        (b64decode, 5, "expected text, got a number"),
        (b64decode, "A" * 300_000, "longer than the allowed 262,144"),
        (b64encode, "A" * 200_000, "longer than the allowed 262,144"),
        (sha256, "A" * 300_000, "longer than the allowed 262,144"),
    ],
)
def test_what_cannot_be_read_or_is_too_long_is_named(filter: Any, value: Any, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        filter(value)
