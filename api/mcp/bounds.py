"""Answers that a model can take in: what is too large keeps its form, and says what was left out."""

from __future__ import annotations

from typing import Any

from api.responses import json_text
from orchestrator.documents import exact_json

#: Of one whole answer, as JSON.
MOST_BYTES = 48 * 1024
#: Of an output, inputs or a definition that is shown among other things.
PREVIEW_BYTES = 8 * 1024
#: Characters of a part of a text that is read piece by piece, and its bytes once it is JSON.
PART_CHARS, PART_BYTES = 24_000, 40 * 1024
#: Characters of a text and entries of a list or an object that are kept, from generous to bare.
_LEVELS = ((8_000, 200), (2_000, 50), (500, 20), (150, 8), (60, 3))
#: Below it nothing is kept but what kind of value it is.
_DEPTHS = (24, 16, 10, 6, 4)


def preview(value: Any, most_bytes: int = PREVIEW_BYTES) -> tuple[Any, bool]:
    """Give a value that is at most so large as JSON, and whether anything of it was left out.

    What is cut says so in its place: a text at its end, a list and an object in a last entry.
    """
    if len(exact_json.dumps(value)) <= most_bytes:
        return value, False
    for (chars, entries), depth in zip(_LEVELS, _DEPTHS, strict=True):
        smaller = _cut(value, chars, entries, depth)
        if len(exact_json.dumps(smaller)) <= most_bytes:
            return smaller, True
    return _named(value), True


def bounded(answer: dict[str, Any], most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Give an answer that is at most about so large, and say in it where something was left out."""
    shown, is_cut = preview(answer, most_bytes)
    if not is_cut:
        return answer
    kept = shown if isinstance(shown, dict) else {}
    note = "parts of this answer were left out where it says [cut: …]; ask for less of it at a time"
    return {**kept, "answer_cut": note}


def preview_of_text(text: bytes | None, most_bytes: int = PREVIEW_BYTES) -> dict[str, Any]:
    """Show stored JSON: `value`, `bytes`, and `cut` where the value is not whole; `{}` for none."""
    if text is None:
        return {}
    value, is_cut = preview(exact_json.loads(text), most_bytes)
    return {"value": value, "bytes": len(text), "cut": is_cut}


def part_of_text(text: bytes, start: int) -> dict[str, Any]:
    """Show a part of stored JSON as text, from a character on; `next_from` is null at its end."""
    whole = text.decode()
    end = min(start + PART_CHARS, len(whole))
    while len(exact_json.dumps(whole[start:end])) > PART_BYTES:
        end = start + (end - start) // 2
    return {
        "text": whole[start:end],
        "from": start,
        "next_from": end if end < len(whole) else None,
        "characters": len(whole),
    }


def plain(value: Any) -> Any:
    """Give the plain JSON value of fields into which stored JSON is spliced."""
    return exact_json.loads(json_text(value))


def without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing: nulls, empty lists and empty objects."""
    return {name: value for name, value in fields.items() if value not in (None, [], {}, ())}


def shortened(text: str | None, most: int = 300) -> str | None:
    """Cut a text that is shown among many."""
    if text is None or len(text) <= most:
        return text
    return f"{text[:most]}…[cut: {len(text) - most:,} more characters]"


def _cut(value: Any, chars: int, entries: int, depth: int) -> Any:
    if isinstance(value, str):
        return shortened(value, chars)
    if isinstance(value, dict | list) and value and depth == 0:
        return _named(value)
    if isinstance(value, dict):
        kept = {key: _cut(below, chars, entries, depth - 1) for key, below in list(value.items())[:entries]}
        more = len(value) - len(kept)
        return kept | ({"…": f"[cut: {more:,} more keys]"} if more > 0 else {})
    if isinstance(value, list):
        kept_items = [_cut(below, chars, entries, depth - 1) for below in value[:entries]]
        more = len(value) - entries
        return kept_items + ([f"…[cut: {more:,} more entries]"] if more > 0 else [])
    return value


def _named(value: Any) -> str:
    if isinstance(value, str):
        return f"…[cut: a text of {len(value):,} characters]"
    if isinstance(value, dict):
        return f"…[cut: an object with {len(value):,} keys]"
    if isinstance(value, list):
        return f"…[cut: a list of {len(value):,} entries]"
    return "…[cut]"
