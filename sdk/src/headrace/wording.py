"""How messages speak of values: the word for a type, a value quoted, the name that was probably meant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import SequenceMatcher
from typing import Any

#: What messages call a type, by the name that JSON Schema gives it.
TYPE_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
#: More names than these are not compared.
MOST_CANDIDATES = 1_000
#: Characters of a word times those of its candidates, where the two may be alike; and the ratio they need.
_MAX_COMPARED = 10_000
_CLOSE = 0.6
_LONGEST_WORD = 128
#: Names in one hint.
_MOST_NAMES = 3
#: Characters kept of a message, and of a traceback: of that the last ones, as the failure stands at the end.
MESSAGE_MAX_CHARS = 2000
TRACEBACK_MAX_CHARS = 4 * 1024


def kind_of(value: Any) -> str:
    """Name a value's type in the words of messages; whole numbers are numbers."""
    name = _type_name(value)
    return TYPE_WORDS[name] if name is not None else "nothing usable"


def _type_name(value: Any) -> str | None:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else None


def did_you_mean(word: str, candidates: Collection[str]) -> str | None:
    """Hint at the word that was probably meant; None when none is close, or there are too many to compare."""
    close = closest(word, candidates)
    return f"did you mean {close!r}?" if close is not None else None


def which_name(word: str, names: Collection[str]) -> str | None:
    """Hint at the names that were probably meant: the one most like it, and those it is a part of.

    A part is what stands between dashes: a document gives its schedule the name `heartbeat-tick`, and who
    wrote it types `tick`.
    """
    part = f"-{word.lower()}-"
    whole = sorted(name for name in names if part in f"-{name}-") if word else []
    close = closest(word, names)
    found = list(dict.fromkeys([*([close] if close is not None else []), *whole]))[:_MOST_NAMES]
    return f"did you mean {' or '.join(map(repr, found))}?" if found else None


def unknown_argument(where: str, name: str, allowed: Collection[str], hint: str | None = None) -> TypeError:
    """The error of an argument that does not exist; the hint is the nearest one, unless another is given."""
    hint = hint or did_you_mean(name, allowed)
    shown = f"; {hint}" if hint else ""
    return TypeError(f"{where} has no argument {name!r}{shown} (allowed: {', '.join(allowed)})")


def unknown_attribute(
    what: str, name: str, known: Collection[str], hints: Mapping[str, str]
) -> AttributeError:
    """The error of an attribute that does not exist, with what is written in its place.

    hints  for names that others have.
    """
    hint = hints.get(name) or did_you_mean(name, known) or f"it has {', '.join(known)}"
    return AttributeError(f"{what} has no {name!r}; {hint}")


def closest(word: str, candidates: Collection[str]) -> str | None:
    """Find the word most like another; None when none is close, or there are too many to compare."""
    if len(candidates) > MOST_CANDIDATES:
        return None
    close, nearest, compared = None, _CLOSE, 0
    word = word[:_LONGEST_WORD]
    matcher = SequenceMatcher(b=word)
    for candidate in candidates:
        matcher.set_seq1(candidate[:_LONGEST_WORD])
        if matcher.real_quick_ratio() < nearest or matcher.quick_ratio() < nearest:
            continue
        compared += len(candidate[:_LONGEST_WORD]) * len(word)
        if compared > _MAX_COMPARED:
            break
        ratio = matcher.ratio()
        if ratio > nearest or (close is None and ratio == nearest):
            close, nearest = candidate, ratio
    return close


def quoted(value: Any) -> str:
    """Quote a value found, shortened; containers by their type only."""
    if value is None or isinstance(value, dict | list):
        return kind_of(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 140 else text[:140] + "…"


def one_line(text: str) -> str:
    """Join the lines of a message."""
    return " ".join(text.split())


def cut(text: str, most: int, *, whole_chars: int | None = None) -> str:
    """Keep the first characters, and say that there were more: `… (3,000 characters)`.

    whole_chars  how long the text was, where `text` is only its beginning.
    """
    total = len(text) if whole_chars is None else whole_chars
    return str(text) if total <= most else f"{text[:most]}… ({total:,} characters)"


def tail(text: str, most: int) -> str:
    """Keep the last characters, from the beginning of a line, and say that there were more."""
    if len(text) <= most:
        return str(text)
    end = text[-most:]
    return f"… ({len(text):,} characters)\n{end[end.find(chr(10)) + 1 :]}"


def text_of(value: Any) -> str:
    """Write a value as text that JSON can hold, whatever its own __str__ does."""
    try:
        text = str(value)
    except BaseException:
        text = f"({type(value).__name__} that cannot be shown)"
    return text.encode("utf-8", "replace").decode()
