"""Writes any JSON value as text."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.documents import exact_json


def as_text(value: Any, *, is_sorted: bool = False) -> str:
    """Give text as it is, and write everything else as JSON does: `true`, `null`, `["a"]`.

    is_sorted  equal objects give equal text, whatever the order of their keys.
    """
    if isinstance(value, str):
        return value
    return exact_json.dumps(value, option=orjson.OPT_SORT_KEYS if is_sorted else 0).decode()
