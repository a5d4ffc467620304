"""Typed events under test: what a worker refuses is refused here."""

from __future__ import annotations

import json
from typing import Any

from headrace.durable import VALUE_MAX_BYTES, TypedEvent
from headrace.event_names import check_event_names
from headrace.outcome import Terminal
from headrace.plain_json import json_of


def kept_event(event: TypedEvent) -> tuple[str, Any]:
    """Give the type and value of an event. Raises Terminal (`EventInvalid`) for one that a worker refuses."""
    type, _, _ = check_event_names(event.type, event.parents, event.qualified_name)
    what = f"the value of event {type!r}"
    try:
        raw = json_of(event.value, "value")
    except (TypeError, ValueError) as error:
        raise Terminal(f"{what} is not JSON: {error}", type="EventInvalid") from error
    if len(raw) > VALUE_MAX_BYTES:
        message = f"{what} has {len(raw):,} bytes as JSON; allowed are {VALUE_MAX_BYTES:,}"
        raise Terminal(message, type="EventInvalid")
    return type, json.loads(raw)
