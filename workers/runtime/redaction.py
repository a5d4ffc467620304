"""Keeps the values of secrets out of whatever an attempt leaves behind."""

from __future__ import annotations

import base64
import re
import threading
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

import orjson

from orchestrator.documents import exact_json
from orchestrator.errors import NodeError
from workers.context import RESET, TOKEN, EventSink
from workers.outcome import Awaiting, AwaitingChild, Completed, Failed, Nesting, Outcome, Skipped, Waiting

#: What stands where a value was.
HIDDEN = "***"
#: A shorter value would be found everywhere, and the gaps would give it away.
SHORTEST = 4


class Redactor:
    """Finds known secrets in text, as they are, URL-quoted and in base64.

    False when there is nothing to hide, so that the search can be left out.
    """

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        self._pattern = _any_of(forms)
        self._ordered = sorted(forms)
        self._longest = max(map(len, forms), default=0)
        #: The same as they look inside JSON text.
        self._in_json = _any_of({orjson.dumps(form).decode()[1:-1] for form in forms})

    def __bool__(self) -> bool:
        return self._pattern is not None

    def text(self, text: str) -> str:
        """The text without secrets."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)

    def settled(self, text: str) -> tuple[str, str]:
        """Split the text of a stream that goes on: what of it is settled, without secrets, and what is not.

        What is not is the beginning of a secret, or a whole one that may turn out to be a longer one's: it
        is to be looked at again with what comes next.
        """
        if self._pattern is None:
            return text, ""
        shown: list[str] = []
        at = 0
        while True:
            found = self._pattern.search(text, at)
            opening = self._opening(text, at, found.start() if found else len(text))
            if found is None or opening is not None:
                end = len(text) if opening is None else opening
                return "".join([*shown, text[at:end]]), text[end:]
            shown += [text[at : found.start()], HIDDEN]
            at = found.end()

    def _opening(self, text: str, first: int, last: int) -> int | None:
        """The first place, up to the last one, from which the text may be the beginning of a secret."""
        for at in range(max(first, len(text) - self._longest + 1), min(last + 1, len(text))):
            tail = text[at:]
            # What begins with the tail stands right behind it in the order.
            place = bisect_right(self._ordered, tail)
            if place < len(self._ordered) and self._ordered[place].startswith(tail):
                return at
        return None

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
            raw = exact_json.dumps(output)
        except (TypeError, ValueError, RecursionError):
            return output  # It is refused when it is written, by an error without its content.
        if self._in_json is None or not self._in_json.search(raw.decode()):
            return output
        return self.value(exact_json.loads(raw))

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
    """An event sink that hides secrets before anything is collected.

    Streamed text is hidden as if it came in one piece: whatever may be the beginning of a secret is held back
    until it is known what it is. A line that is written meanwhile stands before it.
    """

    def __init__(self, sink: EventSink, redactor: Redactor) -> None:
        self._sink = sink
        self._redactor = redactor
        #: Handlers may stream from any thread.
        self._lock = threading.Lock()
        self._held = ""

    def emit(self, type: str, data: dict[str, Any]) -> None:
        with self._lock:
            if type == TOKEN:
                shown, self._held = self._redactor.settled(self._held + data["text"])
                if shown:
                    self._sink.emit(TOKEN, {**data, "text": shown})
                return
            if type == RESET:
                # What was streamed is dropped by its readers, and most of a secret would give the rest away.
                self._held = ""
            self._sink.emit(type, self._redactor.value(data))

    def end(self) -> None:
        """Let go of what was held back: the stream is whole, and what it ends with is no secret."""
        with self._lock:
            shown, self._held = self._redactor.text(self._held), ""
            if shown:
                self._sink.emit(TOKEN, {"text": shown})


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
