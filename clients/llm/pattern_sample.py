"""A text that a regular expression of a JSON Schema matches, for answers that are simulated. Pure.

The pattern is parsed by Python's own parser; nothing is matched, so that no pattern takes long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any

#: The parser behind `re.compile`, which has no public name.
_parser: Any = import_module("re._parser")
LONGEST = 10_000
#: How many more repetitions are tried to make a text as long as it has to be.
MOST_EXTRA = 10_000
#: Classes of Unicode as Python's parser knows them.
_CLASSES = (
    (re.compile(r"\\p\{(?:Lu|Uppercase)\}"), "A-Z"),
    (re.compile(r"\\p\{(?:N|Nd)\}"), "0-9"),
    (re.compile(r"\\p\{(?:L|Ll|Letter|Alphabetic|Lowercase)\}"), "a-z"),
)
_OF_CATEGORY = {
    "CATEGORY_DIGIT": "0", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": "a", "CATEGORY_NOT_WORD": "-", "CATEGORY_NOT_SPACE": "a",
}  # fmt: skip
_TRIED = "a0A-_ .b1B!é\n"


class _Unsupported(Exception):
    """The pattern has something for which no text is made, such as a look-around."""


def sample_of_pattern(pattern: str, *, shortest: int = 0) -> str | None:
    """Give a text the pattern matches, of that many characters or more where repetitions allow it.

    None for a pattern that cannot be read, or has look-arounds or references.
    """
    try:
        tree = _parser.parse(_readable(pattern))
        text = _text(tree, 0)
        if len(text) < shortest <= LONGEST:
            longer = _text(tree, 1)
            # Each further repetition adds the same: one step is measured, the others are reckoned.
            step = len(longer) - len(text)
            text = _text(tree, -(-(shortest - len(text)) // step)) if step > 0 else text
    except (re.error, _Unsupported, RecursionError, OverflowError):
        return None
    return text


def _readable(pattern: str) -> str:
    """Write the classes of Unicode as Python has them, in brackets of their own or inside of others."""
    for named, letters in _CLASSES:
        first, *others = named.split(pattern)
        pattern = first
        for other in others:
            is_inside = pattern.rfind("[") > pattern.rfind("]")
            pattern += (letters if is_inside else f"[{letters}]") + other
    return pattern


def _text(tree: Iterable[tuple[Any, Any]], extra: int) -> str:
    """Write the shortest text of a tree; extra: repetitions beyond the fewest, where they are allowed."""
    parts: list[str] = []
    size = 0
    for operation, argument in tree:
        part = _part(str(operation), argument, extra)
        size += len(part)
        if size > LONGEST:
            raise _Unsupported
        parts.append(part)
    return "".join(parts)


def _part(operation: str, argument: Any, extra: int) -> str:
    match operation:
        case "LITERAL":
            return chr(argument)
        case "NOT_LITERAL":
            return next(each for each in _TRIED if ord(each) != argument)
        case "ANY":
            return "a"
        case "IN":
            return _one_of(argument)
        case "AT":
            return ""
        case "BRANCH":
            return _text(argument[1][0], extra)
        case "SUBPATTERN":
            return _text(argument[3], extra)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            fewest, most, inner = argument
            count = min(int(fewest) + extra, int(most))
            once = _text(inner, 0)
            if len(once) * count > LONGEST:
                raise _Unsupported
            return once * count
        case _:
            raise _Unsupported


def _one_of(members: list[tuple[Any, Any]]) -> str:
    """Choose a character of a class: of one that excludes, the first of some that is not in it."""
    names = [str(operation) for operation, _ in members]
    if names[0] != "NEGATE":
        argument = members[0][1]
        if names[0] == "RANGE":
            return chr(argument[0])
        return chr(argument) if names[0] == "LITERAL" else _OF_CATEGORY[str(argument)]
    for each in _TRIED:
        if not any(_has(str(operation), argument, each) for operation, argument in members[1:]):
            return each
    raise _Unsupported


def _has(operation: str, argument: Any, letter: str) -> bool:
    if operation == "LITERAL":
        return ord(letter) == int(argument)
    if operation == "RANGE":
        return int(argument[0]) <= ord(letter) <= int(argument[1])
    kind = str(argument).removeprefix("CATEGORY_")
    tests = {"DIGIT": letter.isdigit(), "WORD": letter.isalnum() or letter == "_", "SPACE": letter.isspace()}
    return tests[kind.removeprefix("NOT_")] is not kind.startswith("NOT_")
