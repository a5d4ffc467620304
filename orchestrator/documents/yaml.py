"""Read a YAML document as JSON values with YAML 1.2 meanings, and remember where each value stands.

Built from parser events rather than from a stock loader: aliases and tags are refused before they can expand,
values are counted as they come, and `on`, `no`, `012`, `1:30` and dates keep the meaning their writer saw.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from orchestrator.documents.limits import Limits
from orchestrator.documents.strict_json import LARGEST_INT, SMALLEST_INT
from orchestrator.errors import DefinitionInvalid, Problem

Mark = tuple[int, int]
#: Gives (line, column), from 1, of the value at a path, or of the nearest value around it.
Locate = Callable[[str], Mark]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def load_yaml(source: str | bytes, *, limits: Limits | None = None) -> tuple[Any, Locate]:
    """Turn one YAML document into JSON values; raises DefinitionInvalid with line and column.

    Refused: aliases, anchors, tags, merge keys, duplicate keys, several documents, .nan and .inf, and
    whatever is larger or deeper than the limits.
    """
    bounds = limits or Limits()
    size = len(source.encode("utf-8", "replace")) if isinstance(source, str) else len(source)
    if size > bounds.max_yaml_bytes:
        message = f"the YAML text has {size:,} bytes; allowed are {bounds.max_yaml_bytes:,} (max_yaml_bytes)"
        raise DefinitionInvalid([Problem("", "too_large", message, kind="size")])
    builder = _Builder(bounds)
    try:
        builder.follow(source)
    except RecursionError:
        raise builder.too_deep((1, 1)) from None
    except (yaml.YAMLError, UnicodeError) as error:
        _refuse_what_came_before(source, error, bounds)
        raise _bad_yaml(error) from None
    if builder.problems:
        raise DefinitionInvalid(builder.problems)
    return builder.document, builder.locate


def located(problems: Iterable[Problem], locate: Locate) -> list[Problem]:
    """Add line and column to problems found in a document that was YAML."""
    marked = []
    for problem in problems:
        line, column = locate(problem.path)
        marked.append(replace(problem, line=line, column=column))
    return marked


def _refuse_what_came_before(source: str | bytes, error: Exception, limits: Limits) -> None:
    """Raise DefinitionInvalid if the text before a syntax error is refused by the limits or rules.

    The scanner reads up to a thousand characters ahead of the events, and some versions give up there on
    nesting of their own account. What stands first in the text counts, so the same document is refused with
    the same code whatever the library's version, limit or wording. Parses once more at most: linear.
    """
    text = source if isinstance(source, str) else source.decode("utf-8", "replace")
    marks = [getattr(error, name, None) for name in ("context_mark", "problem_mark")]
    found = [mark.index for mark in marks if mark is not None]
    found += [at for name in ("position", "start") if isinstance(at := getattr(error, name, None), int)]
    with suppress(yaml.YAMLError, UnicodeError, RecursionError):
        _Builder(limits).follow(text[: min(found, default=0)])


def _bad_yaml(error: yaml.YAMLError | UnicodeError) -> DefinitionInvalid:
    if isinstance(error, yaml.MarkedYAMLError):
        message = "not valid YAML: " + ", ".join(part for part in (error.context, error.problem) if part)
        return DefinitionInvalid([_problem("", "bad_yaml", message, _mark_of(error.problem_mark))])
    detail = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DefinitionInvalid([Problem("", "bad_yaml", f"not valid YAML: {detail}")])


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    value: dict[str, Any] | list[Any]
    path: str
    key: str | None = None
    key_mark: Mark | None = None


@dataclass(slots=True)
class _Builder:
    limits: Limits
    document: Any = None
    problems: list[Problem] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    count: int = 0
    documents: int = 0

    def follow(self, source: str | bytes) -> None:
        """Take every event of a text; raises what the library raises for what is not YAML."""
        for event in yaml.parse(source, Loader=_Loader):
            self.take(event)

    def take(self, event: Any) -> None:
        """Follow one parser event; what cannot be gone on from raises, the rest is noted."""
        mark = _mark_of(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self._fatal("several_documents", "one YAML document is allowed, found another", mark)
        elif isinstance(event, yaml.AliasEvent):
            raise self._fatal("alias", f"aliases are not allowed (*{event.anchor}); repeat the value", mark)
        elif isinstance(event, yaml.ScalarEvent):
            self._refuse_marks(event, mark)
            self._scalar(event, mark)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._refuse_marks(event, mark)
            self._begin({} if isinstance(event, yaml.MappingStartEvent) else [], mark)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()

    def locate(self, path: str) -> Mark:
        """Find where a path stands; a path that is not in the document gives the nearest one around it."""
        while path and path not in self.marks:
            cut = max(path.rfind("."), path.rfind("["))
            path = path[:cut] if cut > 0 else ""
        return self.marks.get(path, (1, 1))

    def too_deep(self, mark: Mark) -> DefinitionInvalid:
        """Say that what begins at a mark is one level too many."""
        message = f"nested deeper than the allowed {self.limits.max_depth} levels (max_depth)"
        return self._fatal("too_deep", message, mark)

    def _scalar(self, event: Any, mark: Mark) -> None:
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._key(top, event, mark)
            return
        path, _ = self._place(mark)
        value = self._plain(event.value, path, mark) if event.implicit[0] else event.value
        self._put(value, path, mark)

    def _key(self, top: _Open, event: Any, mark: Mark) -> None:
        key: str = event.value
        if key == "<<" and event.implicit[0]:
            raise self._fatal("merge_key", "merge keys (<<) are not allowed; write the fields out", mark)
        assert isinstance(top.value, dict)
        if key in top.value:
            first = self.marks[_join(top.path, key)]
            message = f"the key {key[:80]!r} stands twice in this mapping, first in line {first[0]}"
            self.problems.append(_problem(_join(top.path, key), "duplicate_key", message, mark))
        top.key, top.key_mark = key, mark

    def _begin(self, value: dict[str, Any] | list[Any], mark: Mark) -> None:
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            hint = 'a template that begins a value must be quoted: url: "{{ A.url }}"'
            raise self._fatal("bad_key", "a mapping key must be a text, found a mapping or list", mark, hint)
        if len(self.stack) >= self.limits.max_depth:
            raise self.too_deep(mark)
        path, key_mark = self._place(mark)
        self._put(value, path, key_mark)
        self.stack.append(_Open(value, path))

    def _place(self, mark: Mark) -> tuple[str, Mark]:
        """Say what path the next value will have, and where a reader would look for it."""
        if not self.stack:
            return "", mark
        top = self.stack[-1]
        if isinstance(top.value, list):
            return f"{top.path}[{len(top.value)}]", mark
        assert top.key is not None
        return _join(top.path, top.key), top.key_mark or mark

    def _put(self, value: Any, path: str, mark: Mark) -> None:
        self.count += 1
        if self.count > self.limits.max_yaml_values:
            message = f"more than the allowed {self.limits.max_yaml_values:,} values (max_yaml_values)"
            raise self._fatal("too_large", message, mark, kind="size")
        self.marks[path] = mark
        if not self.stack:
            self.document = value
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        else:
            assert top.key is not None
            top.value[top.key] = value
            top.key = None

    def _plain(self, text: str, path: str, mark: Mark) -> Any:
        """Give an unquoted scalar its YAML 1.2 core meaning; integers are decimal, nothing is a date."""
        if text in _NULLS:
            return None
        if text in _BOOLS:
            return _BOOLS[text]
        if _INT.fullmatch(text):
            if len(text) <= 21 and SMALLEST_INT <= int(text) <= LARGEST_INT:
                return int(text)
            self.problems.append(
                _problem(path, "big_integer", f"{text[:40]} needs more than 64 bits; quote it", mark)
            )
        elif _FLOAT.fullmatch(text):
            value = float(text)
            if math.isfinite(value):
                return value
            self.problems.append(_problem(path, "not_finite", f"{text[:40]} is too large for a number", mark))
        elif _NOT_FINITE.fullmatch(text):
            self.problems.append(_problem(path, "not_finite", f"{text} is not a finite number", mark))
        return text

    def _refuse_marks(self, event: Any, mark: Mark) -> None:
        if event.anchor is not None:
            raise self._fatal("anchor", f"anchors are not allowed (&{event.anchor}); repeat the value", mark)
        if event.tag is not None:
            raise self._fatal("tag", f"tags are not allowed ({event.tag}); write the value plainly", mark)

    def _fatal(
        self, code: str, message: str, mark: Mark, hint: str | None = None, *, kind: Any = "shape"
    ) -> DefinitionInvalid:
        path = self.stack[-1].path if self.stack else ""
        problem = _problem(path, code, message, mark)
        return DefinitionInvalid([*self.problems, replace(problem, hint=hint, kind=kind)])


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _mark_of(mark: Any) -> Mark:
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _problem(path: str, code: str, message: str, mark: Mark) -> Problem:
    return Problem(path[:500], code, message, line=mark[0], column=mark[1])
