"""Search and replace by regular expressions in templates.

By RE2, which takes time in proportion to the text and the size of the pattern, whatever the two are: a
backtracking engine takes hours for `(a+)+$`, and cannot be ended before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from headrace.wording import kind_of
from orchestrator.templates.budget import Budget, TakesLong, check_length, join_parts
from orchestrator.templates.values import EvaluationError, text_given

#: Of one pattern: its characters, its groups, and what it takes when compiled, with all states it is in.
MAX_PATTERN = 500
MAX_GROUPS = 20
MAX_MEMORY = 512 * 1024
#: Instructions of a pattern times bytes of a text: at worst a fifth of a second for one match.
MAX_WORK = 32_000_000
#: What may be done on the spot.
QUICK_WORK = 1_000_000
#: Of the text put in the place of a match.
MAX_REPLACEMENT = 10_000

_REFERENCE = re.compile(
    r"\\(?:(?P<number>\d)|g<(?P<name>\w{1,64})>|(?P<escaped>\\)|(?P<wrong>.|$))", re.DOTALL
)
#: What a template makes of `\b` or `\1` that is written with one backslash.
_EATEN = re.compile(r"[\x00-\x08\x0e-\x1f]")
#: What takes long to compile, and is not judged where a definition may have thousands.
_SLOW = re.compile(r"\\[pP]|\{")


def regex_search(budget: Budget, value: Any, /, pattern: Any, group: Any = 0) -> Any:
    """Give the first text that matches, or one group of it by number or name; null where nothing does."""
    expression = compiled(text_given(pattern))
    _check_group(expression, group)
    for found in _matches(budget, expression, text_given(value)):
        return found[group]
    return None


def regex_replace(budget: Budget, value: Any, /, pattern: Any, replacement: Any = "", count: Any = 0) -> str:
    r"""Replace what matches: all of it, or the first `count`. `\1` and `\g<name>` stand for groups."""
    expression = compiled(text_given(pattern))
    parts = check_replacement(text_given(replacement))
    for part in parts:
        if isinstance(part, tuple):
            _check_group(expression, part[0])
    if type(count) is not int or count < 0:
        raise EvaluationError("takes a count of 0 (all) or more")
    return join_parts(_replaced(_matches(budget, expression, text_given(value)), value, parts, count))


def _replaced(
    matches: Iterator[Any], text: str, parts: tuple[str | tuple[int | str], ...], count: int
) -> Iterator[str]:
    end = 0
    for done, found in enumerate(matches, 1):
        yield text[end : found.start()]
        for part in parts:
            yield part if isinstance(part, str) else found[part[0]] or ""
        end = found.end()
        if done == count:
            break
    yield text[end:]


def _matches(budget: Budget, expression: Any, text: str) -> Iterator[Any]:
    """Give one match after the other, with a look at what may be used before each."""
    check_length(len(text))
    work = expression.programsize * len(text.encode())
    if budget.is_quick and work > QUICK_WORK:
        raise TakesLong
    if work > MAX_WORK:
        size = f"a pattern of {expression.programsize:,} steps on a text of {len(text):,} characters"
        raise EvaluationError(f"needs too long: {size} (allowed: {MAX_WORK:,} for both multiplied)")
    last = None
    for found in expression.finditer(text):
        budget.spend(1)
        budget.check_time()
        if found.span() != last:  # the library gives an empty match at the end twice
            yield found
        last = found.span()


def compiled(pattern: str) -> Any:
    """Compile a pattern, with all bounds. Raises EvaluationError."""
    if len(pattern) > MAX_PATTERN:
        raise EvaluationError(f"takes a pattern of at most {MAX_PATTERN} characters, got {len(pattern):,}")
    return _compiled(pattern)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Any:
    _check_eaten(pattern, "pattern")
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        raise EvaluationError(f"the pattern {pattern[:100]!r} is none: {_why(error)}") from None
    finally:
        re2.purge()  # what is kept is kept here: half as many, and no more than this
    if expression.groups > MAX_GROUPS:
        raise EvaluationError(
            f"the pattern {pattern[:100]!r} has {expression.groups} groups (allowed: {MAX_GROUPS})"
        )
    return expression


def check_early(pattern: str) -> None:
    """Judge a pattern before anything runs, as far as that is quickly done. Raises EvaluationError."""
    if len(pattern) > MAX_PATTERN or not _SLOW.search(pattern):
        compiled(pattern)


@lru_cache(maxsize=64)
def check_replacement(text: str) -> tuple[str | tuple[int | str], ...]:
    """Take a replacement apart: texts as they are, groups in a tuple. Raises EvaluationError."""
    if len(text) > MAX_REPLACEMENT:
        raise EvaluationError(f"takes a replacement of at most {MAX_REPLACEMENT:,} characters")
    _check_eaten(text, "replacement")
    parts: list[str | tuple[int | str]] = []
    end = 0
    for found in _REFERENCE.finditer(text):
        if found["wrong"] is not None:
            allowed = "allowed: \\0 to \\9, \\g<name>, and \\\\ for a backslash"
            raise EvaluationError(f"the replacement has {found[0]!r} ({allowed})")
        parts.append(text[end : found.start()])
        name = found["number"] or found["name"]
        if found["escaped"]:
            parts.append("\\")
        else:
            parts.append((int(name) if name.isdecimal() and len(name) < 3 else name,))
        end = found.end()
    return (*parts, text[end:])


def _check_eaten(text: str, what: str) -> None:
    if found := _EATEN.search(text):
        raise EvaluationError(
            f"the {what} has the control character {found[0]!r}; in the text of a template a backslash is "
            "written twice: '\\\\b', '\\\\1'"
        )


def _check_group(expression: Any, group: Any) -> None:
    is_number = type(group) is int and 0 <= group <= expression.groups
    if not is_number and not (isinstance(group, str) and group in expression.groupindex):
        names = "".join(f", {name}" for name in expression.groupindex)
        shown = f"{group!r:.40}" if isinstance(group, str) or type(group) is int else kind_of(group)
        raise EvaluationError(f"the pattern has no group {shown} (groups: 0 to {expression.groups}{names})")


def _why(error: Exception) -> str:
    reason = error.args[0] if error.args else "unknown"
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    if "(?" in text or "escape" in text:
        text += "; look-around and back-references are not known"
    return text[:200]
