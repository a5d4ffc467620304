"""Writes any JSON value as text."""

from __future__ import annotations

from typing import Any

from orchestrator.documents import exact_json


def as_text(value: Any) -> str:
    """Give text as it is, and write everything else as JSON does: `true`, `null`, `["a"]`."""
    return value if isinstance(value, str) else exact_json.dumps(value).decode()
