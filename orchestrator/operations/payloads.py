"""Writes what is sent to waiting nodes, as it is stored."""

from __future__ import annotations

from typing import Any

from orchestrator.documents import exact_json
from orchestrator.errors import PayloadInvalid, PayloadTooLarge, Problem

#: Largest payload of a signal, and largest filled-in form.
MAX_PAYLOAD_BYTES = 64 * 1024


def payload_json(value: Any, what: str, *, most: int = MAX_PAYLOAD_BYTES) -> bytes:
    """Write a payload or form as JSON. Raises PayloadInvalid, PayloadTooLarge."""
    try:
        text = exact_json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadInvalid([Problem(what, "not_json", f"the {what} is not JSON: {error}")]) from error
    if len(text) > most:
        raise PayloadTooLarge(what, len(text), most)
    return text
