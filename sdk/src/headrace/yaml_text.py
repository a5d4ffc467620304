"""JSON values as YAML text: blocks, and text as it would be written by hand where that is safe."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

#: Text that every reader of YAML takes for the same text.
_SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "none", "y", "n", "nan", "inf"})


def to_yaml(value: Any) -> str:
    """Write a JSON value as YAML."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _entry(f"{_scalar(str(key))}:", item, is_nested=isinstance(item, dict))
    elif isinstance(value, list) and value:
        for item in value:
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    elif isinstance(value, str) and _is_block(value):
        yield "|-"
        yield from (f"  {line}" if line else "" for line in value.split("\n"))
    else:
        yield _scalar(value)


def _entry(key: str, item: Any, *, is_nested: bool) -> Iterator[str]:
    if isinstance(item, dict | list) and item:
        yield key
        indent = "  " if is_nested else ""
        yield from (f"{indent}{line}" for line in _lines(item))
        return
    first, *rest = _lines(item)
    yield f"{key} {first}"
    yield from rest


def _is_block(text: str) -> bool:
    """Whether a text of several lines can be written as they are."""
    return (
        "\n" in text
        and text.isprintable() is False
        and all(
            (line.isprintable() and line == line.rstrip() and not line.startswith(" "))
            for line in text.split("\n")
        )
        and bool(text.split("\n")[-1])
        and bool(text.split("\n")[0])
    )


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _SAFE.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
