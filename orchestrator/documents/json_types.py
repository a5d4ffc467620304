"""The size of JSON values, and which of them mean no."""

from __future__ import annotations

from typing import Any

from orchestrator.documents import exact_json


def json_size(value: Any) -> int:
    """Bytes of a value as compact JSON."""
    return len(exact_json.dumps(value))


def is_true(value: Any) -> bool:
    """Whether a value means yes: the one truth of `when`, conditions, `not`, `and`, `or`, `if` and filters.

    No mean null, false, 0, empty text, list and object, and the texts false, 0, none and null in any case,
    blanks around ignored: what an answer looks like once it went through text.
    """
    if isinstance(value, str):
        word = value.strip()
        return len(word) > _LONGEST_NO or word.lower() not in _NO
    return bool(value)


_NO = frozenset({"", "false", "0", "none", "null"})
_LONGEST_NO = max(map(len, _NO))
