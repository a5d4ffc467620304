"""Encode text in templates: base64 both ways, and its hash."""

from __future__ import annotations

import hashlib
from base64 import b64encode as encoded
from typing import Any

from orchestrator.documents.bodies import bytes_of_base64
from orchestrator.templates.budget import check_length, short_text
from orchestrator.templates.values import EvaluationError, text_given


def b64encode(value: Any) -> str:
    """Give the base64 of a text in UTF-8, or of another value's JSON."""
    text = short_text(value).encode()
    check_length((len(text) + 2) // 3 * 4)
    return encoded(text).decode("ascii")


def b64decode(value: Any) -> str:
    """Give the text that base64 stands for. Raises EvaluationError where it stands for something else."""
    text = text_given(value)
    check_length(len(text))
    try:
        content = bytes_of_base64(text)
    except ValueError as error:
        raise EvaluationError(str(error)) from None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise EvaluationError(
            f"stands for {len(content):,} bytes that are no text in UTF-8 (byte {error.start} is none); "
            'a request sends bytes as {"base64": …}'
        ) from None


def sha256(value: Any) -> str:
    """Give the SHA-256 of a text in UTF-8, or of another value's JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(short_text(value).encode()).hexdigest()
