"""Read JSON as others write it: with byte order marks, in other charsets, with long integers.

Whatever is given back can be kept: it is no deeper, and has no larger number, than an output may have. Of a
key that occurs twice the last value counts, as with every common reader. Half a character (an escape from
`D800` to `DFFF` alone) becomes U+FFFD. `strict_json` reads what is sent to the API, and refuses all this: its
writer can be asked to mend it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import orjson

from orchestrator.documents import charsets, exact_json
from orchestrator.documents.exact_json import MAX_INT_BITS, MAX_INT_DIGITS, may_round

#: Levels of nested objects and lists: one less than can be written, for the output that holds the value.
MAX_DEPTH = exact_json.MAX_DEPTH - 1

#: Marks digits and exponents, to see cheaply whether some number may be too large.
_SHAPE = bytes(
    48 if 48 <= byte < 58 else 101 if byte in b"eE" else 43 if byte == 43 else 32 for byte in range(256)
)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
#: An escape as a whole; with a group where it is half a character.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class NotJson(ValueError):
    """The text is no JSON."""


class NotKept(ValueError):
    """It is JSON, but nothing that can be kept."""


def read_json(content: bytes | str, charset: str | None = None) -> Any:
    """Give the value of a JSON text. Raises NotJson, NotKept.

    charset  as declared beside bytes; a byte order mark counts more. Without both it is a form of UTF.
    """
    if isinstance(content, str):
        content, charset = _whole(content).encode(), None
    codec = charsets.codec_of(charset) if charset else "utf_8"
    if codec == "utf_8" and not may_round(content):
        try:
            value = orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
        else:
            _check_depth(value, content.count(b"{") + content.count(b"["))
            return value
    problem = NotJson(f"it is not text in {charset or 'UTF-8'}")
    for text in _texts(content, codec):
        try:
            return _read(text)
        except NotJson as error:
            problem = error
    raise problem


def _texts(content: bytes, codec: str | None) -> Iterator[str]:
    """Decode by the mark, by the charset, and by where the zeros of UTF-16 and UTF-32 stand."""
    if (found := charsets.marked(content)) is not None:
        codec, content = found
    for name in (codec, json.detect_encoding(content)):
        try:
            if name is not None:
                yield content.decode(name).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue


def _whole(text: str) -> str:
    """The text with U+FFFD for each half of a character."""
    return (
        text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )


def _read(text: str) -> Any:
    if _HALF.search(text):
        text = _ESCAPE.sub(lambda found: "\\ufffd" if found[1] else found[0], text)
    hooks: dict[str, Any] = {"parse_int": _int, "parse_float": _float} if _has_large(text) else {}
    try:
        value = json.loads(text, parse_constant=_constant, **hooks)
    except json.JSONDecodeError as error:
        raise NotJson(str(error)) from None
    except RecursionError:
        raise _too_deep() from None
    _check_depth(value, text.count("{") + text.count("["))
    return value


def _has_large(text: str) -> bool:
    """Whether a number may be too large; may raise a false alarm, never misses one."""
    shape = text.encode("utf-8", "replace").translate(_SHAPE)
    return b"0" * MAX_INT_DIGITS in shape or b"e000" in shape or b"e+000" in shape


def _check_depth(value: Any, brackets: int) -> None:
    if brackets <= MAX_DEPTH:
        return
    level = [value] if type(value) is dict or type(value) is list else []
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        level = [
            below
            for container in level
            for below in (container.values() if type(container) is dict else container)
            if type(below) is dict or type(below) is list
        ]


def _too_deep() -> NotKept:
    return NotKept(f"it is nested deeper than the {MAX_DEPTH} levels that are kept")


def _constant(word: str) -> Any:
    raise NotJson(f"{word} is not JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise NotKept(f"the number {_shown(digits)} is too large")
    return value


def _int(digits: str) -> int:
    if len(digits) <= MAX_INT_DIGITS + 1 and (value := int(digits)).bit_length() <= MAX_INT_BITS:
        return value
    raise NotKept(f"the integer {_shown(digits)} has more than the {MAX_INT_BITS:,} bits that are kept")


def _shown(digits: str) -> str:
    return digits if len(digits) <= 40 else f"{digits[:40]}… ({len(digits):,} characters)"
