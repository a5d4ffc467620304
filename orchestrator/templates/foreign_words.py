"""Words of other languages in templates, and what is written in ours."""

from __future__ import annotations

import re
from collections.abc import Collection

_NAMES = {
    "null": "write none",
    "nil": "write none",
    "undefined": "write `is not defined`",
    "now": "write now()",
    "range": "write range(…), with how many",
    "loop": "loop is known inside of {% for … %}",
}
_FUNCTIONS = {"len": "length", "str": "string", "sorted": "sort", "json": "tojson", "size": "length"}
#: How the parser begins what it says, and what was probably meant.
_SIGNS = (
    ("unexpected char '&'", "write `and`"),
    ("expected token 'name', got '|'", "write `or`"),
    ("unexpected char '!'", "write `not`"),
    ("unexpected char '?'", "write `a if condition else b`, or `a | default(b)`"),
    ("expected token 'end of print statement', got '='", "write =="),
    ("unexpected '='", "write =="),
    ("Expected an expression, got 'end of print statement'", "nothing stands between the braces"),
)


def meant_by_name(name: str, text: str, ids: Collection[str]) -> str | None:
    """Hint at what a name that means nothing in the template `text` stands for; None where unknown."""
    if hint := _NAMES.get(name):
        return hint
    if name.lower() in ("true", "false"):
        return f"write {name.lower()}"
    # As other engines have it: nodes.fetch.output, outputs.fetch.
    for found in re.finditer(rf"\b{re.escape(name)}\.([A-Za-z_]\w*)", text):
        if found[1] in ids:
            return f"write {found[1]} alone for the output of the node {found[1]!r}"
    return None


def meant_by_call(name: str, filters: Collection[str], methods: Collection[str]) -> str | None:
    """Hint at the filter or method that a function, a method or a filter of another language is here."""
    known = _FUNCTIONS.get(name, name)
    if known in filters:
        return f"write `value | {known}`"
    return f"write `value.{known}()`" if known in methods else None


def meant_by_sign(message: str) -> str:
    """Hint behind what the parser says of a sign; nothing where no hint is known."""
    return next((f"; {hint}" for begin, hint in _SIGNS if message.startswith(begin)), "")
