"""Read JSON as strictly as the server does, and remember where each value stands in the file."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: Line and column, counted from 1.
Mark = tuple[int, int]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_NOT_JSON = frozenset({"NaN", "Infinity", "-Infinity"})


class JsonProblem(Exception):
    """The text is not JSON, or is read differently by different readers."""

    def __init__(self, code: str, message: str, mark: Mark) -> None:
        self.code = code
        self.message = message
        self.line, self.column = mark
        super().__init__(f"{self.line}:{self.column}: {message}")


def read_json(text: str) -> tuple[Any, dict[str, Mark]]:
    """Give the value, and the mark of each path in it, such as `nodes[0].id`. Raises JsonProblem."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise JsonProblem("bad_json", f"not valid JSON: {error.msg}", (error.lineno, error.colno)) from None
    except RecursionError:
        raise JsonProblem("too_deep", "nested too deeply", (1, 1)) from None
    except ValueError as error:  # a number of thousands of digits
        raise JsonProblem("bad_json", f"not valid JSON: {error}", (1, 1)) from None
    return value, _marks(text)


def nearest(marks: dict[str, Mark], path: str) -> Mark:
    """Give the mark of a path, or of the nearest value around it."""
    while path and path not in marks:
        cut = max(path.rfind("."), path.rfind("["))
        path = path[:cut] if cut > 0 else ""
    return marks.get(path, (1, 1))


@dataclass(slots=True)
class _Open:
    """An object or list whose end has not come yet."""

    path: str
    is_object: bool
    count: int = 0
    key: str | None = None
    keys: set[str] = field(default_factory=set)


def _marks(text: str) -> dict[str, Mark]:
    """Walk the tokens of a text that is known to be JSON."""
    marks: dict[str, Mark] = {}
    stack: list[_Open] = []
    for token, mark in _tokens(text):
        top = stack[-1] if stack else None
        if token in ("}", "]"):
            stack.pop()
        elif token == ",":
            assert top is not None
            top.key, top.count = None, top.count + 1
        elif token == ":":
            continue
        elif top is not None and top.is_object and top.key is None:
            key = top.key = json.loads(token)
            if key in top.keys:
                raise JsonProblem("duplicate_key", f"the key {key[:80]!r} stands twice in this object", mark)
            top.keys.add(key)
            marks[f"{top.path}.{key}" if top.path else key] = mark
        else:
            if token in _NOT_JSON:
                raise JsonProblem("not_finite", f"{token} is not JSON", mark)
            path = _path(top)
            marks.setdefault(path, mark)
            if token in ("{", "["):
                stack.append(_Open(path, token == "{"))
    return marks


def _path(top: _Open | None) -> str:
    if top is None:
        return ""
    if not top.is_object:
        return f"{top.path}[{top.count}]"
    return f"{top.path}.{top.key}" if top.path else str(top.key)


def _tokens(text: str) -> Iterator[tuple[str, Mark]]:
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    for match in _TOKEN.finditer(text):
        line = bisect_right(starts, match.start())
        yield match[0], (line, match.start() - starts[line - 1] + 1)
