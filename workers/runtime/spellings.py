"""How a secret may be spelled where it turns up: as it is, escaped, URL-encoded, in base64, on one line."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from urllib.parse import quote, quote_plus

#: A shorter value would be found everywhere, and the gaps would give it away.
SHORTEST = 4
#: A shorter line of a secret of several lines is too common a word to be hidden by itself.
SHORTEST_LINE = 8
#: The same for what base64 makes of a secret somewhere inside a longer text.
SHORTEST_INNER = 7
#: No encoding changes these characters.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
#: Backslashes that escaping, once or several times, puts before a character.
_ESCAPES = r"\\{1,16}"
#: Any white space, however it is written: lines are joined by blanks, line breaks escaped.
_SPACE = (
    rf"(?:\s|{_ESCAPES}(?:[nrtfv]|u00[0-9a-fA-F]{{2}}|x[0-9a-fA-F]{{2}})|%(?:25){{0,3}}[012][0-9a-fA-F]|\+)+"
)


@dataclass(frozen=True, slots=True)
class Spelling:
    """One thing to look for.

    pattern  a regular expression.
    needle   in every text that the pattern matches; empty where nothing is sure. Looked for first: a plain
             search is many times faster.
    size     of the text that is hidden, roughly; the largest is looked for first.
    """

    pattern: str
    needle: str
    size: int


def spellings_of(value: str) -> Iterator[Spelling]:
    """Give what to look for so as to find a secret, and each long line of one that has several."""
    for text in _texts(value):
        yield Spelling(_pattern(text), _needle(text), len(text))
    for encoded in _base64_forms(value.strip()):
        yield Spelling(_base64_pattern(encoded), _base64_needle(encoded), len(encoded))


def forms_of(value: str) -> set[str]:
    """Give the usual spellings of a secret: a text that was cut may end with the beginning of one."""
    forms: set[str] = set(_base64_forms(value.strip()))
    for text in _texts(value):
        ascii_json = json.dumps(text)[1:-1]
        upper = re.sub(r"\\u([0-9a-f]{4})", lambda found: "\\u" + found[1].upper(), ascii_json)
        plain_json = json.dumps(text, ensure_ascii=False)[1:-1]
        encoded = {quote(text, safe="", errors="replace"), quote(text, errors="replace")}
        encoded.add(quote_plus(text, errors="replace"))
        lower = {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in encoded}
        escaped = {ascii_json, upper, plain_json, json.dumps(plain_json, ensure_ascii=False)[1:-1]}
        forms |= {text, " ".join(text.split()), escape(text)} | encoded | lower | escaped
        forms |= {each.replace("/", "\\/") for each in escaped}
    return forms


def _texts(value: str) -> Iterator[str]:
    """Give the value, and its lines where it has several."""
    text = value.strip()
    yield text if len(text) >= SHORTEST else value
    lines = text.splitlines()
    if len(lines) > 1:
        yield from {line.strip() for line in lines if len(line.strip()) >= SHORTEST_LINE}


def _needle(text: str) -> str:
    runs = _PLAIN.findall(text)
    longest = max(runs, key=len, default="")
    return longest if len(longest) >= 3 else ""


def _pattern(text: str) -> str:
    parts = re.findall(r"\s+|\S", text)
    return "".join(_SPACE if part.isspace() else _character(part) for part in parts)


@lru_cache(maxsize=1024)
def _character(character: str) -> str:
    """Give a pattern for one character in all the ways to write it."""
    if _PLAIN.fullmatch(character):
        return re.escape(character)
    raw = character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass")
    code = ord(character)
    ways = [
        _ESCAPES if character == "\\" else rf"\\{{0,16}}{re.escape(character)}",
        "".join(_ESCAPES + "u" + _hex(units[at : at + 2]) for at in range(0, len(units), 2)),
        "".join(_ESCAPES + "x" + _hex(raw[at : at + 1]) for at in range(len(raw))),
        "".join("%(?:25){0,3}" + _hex(raw[at : at + 1]) for at in range(len(raw))),
        rf"&\#0*{code};|&\#[xX]0*{_hex(f'{code:x}')};",
    ]
    if 128 <= code < 256:
        ways.append(_ESCAPES + "x" + _hex(bytes([code])))
    if (entity := escape(character)) != character:
        ways.append(re.escape(entity))
    if character == "'":
        ways.append("&apos;")
    return f"(?:{'|'.join(ways)})"


def _hex(code: bytes | str) -> str:
    digits = code if isinstance(code, str) else code.hex()
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _base64_forms(text: str) -> set[str]:
    """Give what base64 makes of a secret: alone, at the end of a longer text, and anywhere inside one."""
    raw = text.encode("utf-8", "replace")
    forms: set[str] = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        # A character belongs to the secret alone when all of its six bits do.
        first, last = -(-8 * before // 6), 8 * (before + len(raw)) // 6
        if last - first < (SHORTEST_INNER if before else SHORTEST):
            continue
        for each in (encoded[first:], encoded[first:].rstrip("="), encoded[first:last]):
            forms |= {each, each.replace("+", "-").replace("/", "_")}
    return forms


def _base64_pattern(encoded: str) -> str:
    return "".join(_character(character) for character in encoded)


def _base64_needle(encoded: str) -> str:
    longest = max(re.findall(r"[A-Za-z0-9]+", encoded), key=len, default="")
    return longest if len(longest) >= SHORTEST else ""
