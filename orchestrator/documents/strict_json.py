"""Parse JSON so that every reader of it agrees: no duplicate keys, NaN or half characters; bounded depth."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from orchestrator.errors import DefinitionInvalid, Problem

MAX_DEPTH = 64

#: Integers outside this range are turned into floats, or refused, by other JSON readers.
SMALLEST_INT = -(2**63)
LARGEST_INT = 2**64 - 1

#: Cheap tests on the raw text for what needs the slow look; both may raise a false alarm, never miss one.
_MAY_OVERFLOW = re.compile(rb"\d{19}|[eE][+]?\d{3}")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
#: A bracket, or a string as a whole, to its end or to that of the text.
_BRACKET = re.compile(r'[\[{\]}]|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)


class _Refused(ValueError):
    """The fast parse met something that only the slow one can locate."""


class _Bad:
    """Stands in the document where a value was refused, until its path is known."""

    __slots__ = ("code", "message")

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message


class _Twice(dict[str, Any]):
    """An object in which some keys occurred more than once."""

    again: tuple[str, ...] = ()


def parse(data: bytes | str, *, max_depth: int = MAX_DEPTH) -> Any:
    """Turn a JSON text into plain values; raises DefinitionInvalid (kind shape) naming what and where."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _invalid("", "bad_encoding", f"the body is not UTF-8 (byte {error.start})") from None
    try:
        document = _decode(text, raw, max_depth)
    except json.JSONDecodeError as error:
        _refuse_depth(text[: error.pos], max_depth)
        problem = Problem(
            "", "bad_json", f"not valid JSON: {error.msg}", line=error.lineno, column=error.colno
        )
        raise DefinitionInvalid([problem]) from None
    except RecursionError:
        _refuse_depth(text, max_depth)
        raise _too_deep("", max_depth) from None
    check_depth(document, raw, max_depth)
    if _SURROGATE.search(raw):
        _refuse_lone_surrogates(text)
    return document


def check_depth(document: Any, raw: bytes, max_depth: int) -> None:
    """Refuse a document nested deeper than max_depth; raw is its text, to see cheaply that it cannot be."""
    if raw.count(b"{") + raw.count(b"[") <= max_depth:
        return
    level: list[Any] = [document] if isinstance(document, dict | list) else []
    depth = 0
    while level:
        depth += 1
        if depth > max_depth:
            raise _too_deep(_path_to(document, level[0]), max_depth)
        below: list[Any] = []
        for container in level:
            values = container.values() if type(container) is dict else container
            below += [value for value in values if type(value) is dict or type(value) is list]
        level = below


def _decode(text: str, raw: bytes, max_depth: int) -> Any:
    """Give the document; raises DefinitionInvalid, or what the library raises for what is not JSON."""
    try:
        return (_CHECKING if _MAY_OVERFLOW.search(raw) else _FAST).decode(text)
    except _Refused:
        marked = _MARKING.decode(text)
    _refuse_depth(text, max_depth)
    raise DefinitionInvalid(_refusals(marked))


def _refuse_depth(text: str, max_depth: int) -> None:
    """Refuse a text whose brackets outside strings open more than max_depth levels at once.

    For text that the library gave up on. How deep it got, and what it says then, differs between Python
    versions; the brackets do not.
    """
    depth = 0
    for found in _BRACKET.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth > max_depth:
                line = text.count("\n", 0, found.start()) + 1
                column = found.start() - text.rfind("\n", 0, found.start())
                raise _too_deep("", max_depth, line=line, column=column)
        elif found[0] in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused
    return found


def _constant(_: str) -> Any:
    raise _Refused


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Refused
    return value


def _int(text: str) -> int:
    if len(text) > 20:
        raise _Refused
    value = int(text)
    if not SMALLEST_INT <= value <= LARGEST_INT:
        raise _Refused
    return value


_FAST = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_CHECKING = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def _refusals(document: Any) -> list[Problem]:
    """Say where in a document the marks of the refused are."""
    problems = []
    for path, value in _walk(document):
        if isinstance(value, _Bad):
            problems.append(Problem(path, value.code, value.message))
        elif isinstance(value, _Twice):
            for key in value.again:
                message = f"the key {key[:80]!r} occurs more than once in this object"
                problems.append(Problem(_join(path, key), "duplicate_key", message))
        if len(problems) >= 20:
            break
    return problems


def _marked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    marked = _Twice(pairs)
    if len(marked) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        marked.again = tuple(key for key, count in counts.items() if count > 1)
    return marked


def _or_bad(read: Callable[[str], Any], digits: str, code: str, what: str) -> Any:
    try:
        return read(digits)
    except _Refused:
        quoted = digits if len(digits) <= 40 else digits[:40] + "…"
        return _Bad(code, f"{quoted} {what}")


#: Leaves a mark wherever something is refused.
_MARKING = json.JSONDecoder(
    object_pairs_hook=_marked_object,
    parse_constant=lambda word: _Bad("not_finite", f"{word} is not JSON; use a finite number or null"),
    parse_float=lambda digits: _or_bad(_float, digits, "not_finite", "is too large for a number"),
    parse_int=lambda digits: _or_bad(_int, digits, "big_integer", "needs more than 64 bits; use text"),
)


def _refuse_lone_surrogates(text: str) -> None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"a \\u escape stands for half a character: {error.msg}"
        raise DefinitionInvalid(
            [Problem("", "lone_surrogate", message, line=error.lineno, column=error.colno)]
        ) from None


def _walk(document: Any) -> Iterator[tuple[str, Any]]:
    """Give every value with its path, containers before what is in them, in document order."""
    stack: list[tuple[str, Any]] = [("", document)]
    while stack:
        path, value = stack.pop()
        yield path, value
        if isinstance(value, dict):
            stack += [(_join(path, key), below) for key, below in reversed(value.items())]
        elif isinstance(value, list):
            stack += [(f"{path}[{index}]", below) for index, below in reversed(list(enumerate(value)))]


def _path_to(document: Any, wanted: Any) -> str:
    return next((path for path, value in _walk(document) if value is wanted), "")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}"[:500] if path else key[:500]


def _too_deep(
    path: str, max_depth: int, *, line: int | None = None, column: int | None = None
) -> DefinitionInvalid:
    message = f"nested deeper than the allowed {max_depth} levels"
    return DefinitionInvalid([Problem(path, "too_deep", message, line=line, column=column)])


def _invalid(path: str, code: str, message: str) -> DefinitionInvalid:
    return DefinitionInvalid([Problem(path, code, message)])
