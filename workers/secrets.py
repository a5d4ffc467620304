"""Keeps the values of secrets out of whatever an attempt leaves behind."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

import orjson

from orchestrator.errors import NodeError
from workers.context import EventSink
from workers.outcome import Awaiting, AwaitingChild, Completed, Failed, Nesting, Outcome, Skipped, Waiting

#: What stands where a value was.
HIDDEN = "***"
#: A shorter value would be found everywhere, and what is left of the text would tell it.
SHORTEST = 4


class Redactor:
    """Finds known secrets in text, as they are, URL-quoted and in base64.

    False when there is nothing to hide, so that nobody need look.
    """

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        self._pattern = _any_of(forms)
        #: The same as they look inside JSON text.
        self._in_json = _any_of({orjson.dumps(form).decode()[1:-1] for form in forms})

    def __bool__(self) -> bool:
        return self._pattern is not None

    def text(self, text: str) -> str:
        """The text without secrets."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)

    def value(self, value: Any) -> Any:
        """The same JSON value without secrets in its texts and keys; what is not JSON is left to others."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def output(self, output: Any) -> Any:
        """An output without secrets. Objects that JSON can only be made of are made into JSON first."""
        try:
            raw = orjson.dumps(output)
        except (TypeError, ValueError, RecursionError):
            return output  # It is refused when it is written, and that error says nothing of its content.
        if self._in_json is None or not self._in_json.search(raw.decode()):
            return output
        return self.value(orjson.loads(raw))

    def error(self, error: NodeError) -> NodeError:
        """An error without secrets."""
        return replace(error, message=self.text(str(error.message)), details=self.value(error.details))

    def outcome(self, outcome: Outcome) -> Outcome:
        """An outcome without secrets."""
        match outcome:
            case Completed():
                return replace(outcome, output=self.output(outcome.output))
            case Waiting():
                return replace(outcome, output=self.output(outcome.output))
            case Failed():
                return replace(outcome, error=self.error(outcome.error))
            case Awaiting():
                late = outcome.late
                hidden = self.error(late) if isinstance(late, NodeError) else self.value(late)
                return replace(outcome, ask=self.value(outcome.ask), late=hidden)
            case Skipped():
                return replace(outcome, reason=self.text(str(outcome.reason)))
            case Nesting() | AwaitingChild():
                return outcome  # What children are made from may hold no secret: that is refused.


class RedactingSink:
    """An event sink that hides secrets before anything is collected."""

    def __init__(self, sink: EventSink, redactor: Redactor) -> None:
        self._sink = sink
        self._redactor = redactor

    def emit(self, type: str, data: dict[str, Any]) -> None:
        self._sink.emit(type, self._redactor.value(data))


def _any_of(forms: Iterable[str]) -> re.Pattern[str] | None:
    # The longest first: one secret may be part of another.
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _forms(value: str) -> set[str]:
    raw = value.encode()
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value)}
    for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        forms |= {encoded.decode(), encoded.decode().rstrip("=")}
    return forms
