"""Writes any JSON value as text."""

from __future__ import annotations

import json
from typing import Any


def as_text(value: Any, *, is_sorted: bool = False) -> str:
    """Give text as it is, and write everything else as JSON does: `true`, `null`, `["a"]`.

    is_sorted  equal objects give equal text, whatever the order of their keys.
    """
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=is_sorted, separators=(",", ":"))
