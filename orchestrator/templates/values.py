"""Say what templates work on: JSON values, Missing where there is nothing, and how to step into them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import orjson
from jinja2 import nodes

from headrace.wording import kind_of
from orchestrator.documents import exact_json

#: Characters of a dotted path such as 'user.name'.
MOST_PATH = 1_000
#: Characters of a text that is taken apart into them.
MOST_CHARACTERS = 100_000
#: Values looked at between two calls of a tick.
_BETWEEN_TICKS = 1_000


class EvaluationError(ValueError):
    """An expression cannot be evaluated; the message says why, without naming node or field."""


class Missing:
    """What an absent name, key or output evaluates to; only `default` and `is defined` may see it."""

    __slots__ = ("detail",)

    def __init__(self, detail: str) -> None:
        self.detail = detail


def to_text(value: Any) -> str:
    """Write a value into text: text as it is, everything else as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, Missing):
        raise EvaluationError(value.detail)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    try:
        return str(exact_json.dumps(value), "utf-8")
    except (TypeError, orjson.JSONEncodeError) as error:
        raise EvaluationError(f"cannot be written as text: {error}") from None


def text_given(value: Any) -> str:
    """Pass a text on; raises EvaluationError for anything else."""
    if not isinstance(value, str):
        raise EvaluationError(f"expected text, got {kind_of(value)}")
    return value


def number_given(value: Any) -> int | float:
    """Pass a number on; raises EvaluationError for anything else, true and false included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EvaluationError(f"expected a number, got {kind_of(value)}")
    return value


def items_of(value: Any) -> list[Any]:
    """Give what a loop or filter goes over: list items, object keys, characters."""
    if isinstance(value, list):
        return value
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        raise EvaluationError(f"goes over a text of more than the allowed {MOST_CHARACTERS:,} characters")
    if isinstance(value, dict | str):
        return list(value)
    raise EvaluationError(f"expected a list, got {kind_of(value)}")


class Steps:
    """What the name `steps` evaluates to; the check lets it be used only as steps["id"].output or .status."""

    __slots__ = ("find", "node_id")

    def __init__(self, find: Callable[[str, str], Any], node_id: str | None = None) -> None:
        self.find = find
        self.node_id = node_id


class Secrets:
    """What the name `secrets` evaluates to: one value by its name, and never the list of them."""

    __slots__ = ("find",)

    def __init__(self, find: Callable[[str], str | None]) -> None:
        self.find = find


def present(value: Any) -> Any:
    """Pass a value on, or refuse Missing with its reason."""
    if isinstance(value, Missing):
        raise EvaluationError(value.detail)
    return value


def step_into(value: Any, key: Any, where: str | nodes.Node) -> Any:
    """Follow one key or index into data; gives Missing, saying what is there instead."""
    if isinstance(value, dict):
        if isinstance(key, str) and key in value:
            return value[key]
    elif isinstance(value, list | str):
        if type(key) is int and -len(value) <= key < len(value):
            return value[key]
    elif isinstance(value, Missing):
        return value
    elif isinstance(value, Secrets):
        name = str(key)[:80]
        found = value.find(str(key))
        if found is not None:
            return found
        cure = f"SECRET_{name}; for a tenant TENANT_<NAME>_SECRET_{name}"
        return Missing(f"the secret {name!r} is not set here ({cure})")
    elif isinstance(value, Steps):
        return Steps(value.find, str(key)) if value.node_id is None else value.find(value.node_id, str(key))
    return Missing(_absent(value, key, where if isinstance(where, str) else spelled(where)))


def checked_result(value: Any, tick: Callable[[], None] = lambda: None) -> Any:
    """Make sure that a computed value can be stored as JSON by every reader.

    tick  called every so often; what it raises ends the look.
    """
    stack = [value]
    seen = 0
    while stack:
        item = stack.pop()
        seen += 1
        if not seen % _BETWEEN_TICKS:
            tick()
        if isinstance(item, dict):
            stack += item.values()
        elif isinstance(item, list):
            stack += item
        elif isinstance(item, int):
            if item.bit_length() > exact_json.MAX_INT_BITS:
                raise EvaluationError(f"gives an integer of more than {exact_json.MAX_INT_BITS:,} bits")
        elif isinstance(item, float):
            if not math.isfinite(item):
                raise EvaluationError("gives a number that is not finite")
        elif item is not None and not isinstance(item, str):
            raise EvaluationError("gives something that is not data")
    return value


def spelled(node: nodes.Node) -> str:
    """Write a path back as its author wrote it, near enough for a message."""
    parts: list[str] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            parts.append(f".{node.attr}")
        else:
            parts.append(f"[{node.arg.value!r:.40}]" if isinstance(node.arg, nodes.Const) else "[…]")
        node = node.node
    parts.append(node.name if isinstance(node, nodes.Name) else "(…)")
    return "".join(reversed(parts))


def _absent(value: Any, key: Any, where: str) -> str:
    if isinstance(value, dict):
        keys = ", ".join(str(name)[:40] for name in list(value)[:12]) or "none"
        more = f" and {len(value) - 12} more" if len(value) > 12 else ""
        return f"{where} has no key {str(key)[:80]!r} (keys: {keys}{more})"
    if isinstance(value, list):
        return f"{where} is a list of {len(value)} items and has no {key!r:.40}"
    return f"{where} is {kind_of(value)} and has no {key!r:.40}"


def field_of(item: Any, path: Any) -> Any:
    """Follow a dotted path such as 'user.name' into plain data; gives Missing, which says what is there."""
    where = "an item"
    if len(str(path)) > MOST_PATH:
        raise EvaluationError(f"follows a path of more than the allowed {MOST_PATH:,} characters")
    for key in str(path).split("."):
        if isinstance(item, Missing):
            break
        is_index = isinstance(item, list) and key.isdecimal() and len(key) < 9
        item = step_into(item, int(key) if is_index else key, where)
        where += f".{key[:80]}"
    return item
