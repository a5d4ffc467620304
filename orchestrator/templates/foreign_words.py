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
#: What an item of a map and its place are called, unless the map says otherwise.
ITEM_WORDS = frozenset({"item", "index"})
#: What inputs are called elsewhere.
_INPUTS = frozenset({"params", "parameters", "input", "args", "arguments", "vars", "variables"})
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


def meant_by_input(name: str, text: str, inputs: Collection[str]) -> str | None:
    """Give the input that a template of another tool reads by its bare name, or as `params.NAME`."""
    if name in inputs:
        return f"write inputs.{name}"
    for found in re.finditer(rf"\b{re.escape(name)}\.([A-Za-z_]\w*)", text):
        if name in _INPUTS and found[1] in inputs:
            return f"write inputs.{found[1]}"
    return None


def meant_by_item(name: str, local: Collection[str], later: Collection[str]) -> str | None:
    """Say where the names of a map's items are known; None for any other name.

    local, later  what they are called where they have a value, and where they have none yet.
    """
    if name not in ITEM_WORDS.union(later):
        return None
    if local:
        return f"this map calls them {' and '.join(local)}"
    if later:
        where = "known in the config of this node alone: `map` and `when` come before the items"
        return f"{' and '.join(later)} are {where}"
    return "item and index are known in the config of a node with map, and nowhere else"


def meant_by_call(name: str, filters: Collection[str], methods: Collection[str]) -> str | None:
    """Hint at the filter or method that a function, a method or a filter of another language is here."""
    known = _FUNCTIONS.get(name, name)
    if known in filters:
        return f"write `value | {known}`"
    return f"write `value.{known}()`" if known in methods else None


def meant_by_sign(message: str) -> str:
    """Hint behind what the parser says of a sign; nothing where no hint is known."""
    return next((f"; {hint}" for begin, hint in _SIGNS if message.startswith(begin)), "")
