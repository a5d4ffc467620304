"""Keeps the values of secrets out of whatever an attempt leaves behind."""

from __future__ import annotations

import logging
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any

from headrace import Completed, Parked, Skipped, Terminal, Waiting
from headrace.plain_json import plain
from headrace.wording import MESSAGE_MAX_CHARS, cut, text_of
from orchestrator.documents import exact_json
from orchestrator.errors import NodeError
from workers.context import EVENT, RESET, TOKEN, EventSink
from workers.excerpts import Excerpt
from workers.outcome import (
    Awaiting,
    AwaitingChild,
    Failed,
    Nesting,
    Outcome,
    Raw,
    encode_output,
    from_exception,
)
from workers.runtime.needles import Needles
from workers.runtime.spellings import SHORTEST, forms_of, spellings_of

#: What stands where a value was.
HIDDEN = "***"
#: Characters of a text that is cut that are looked at: what is behind them is not shown in any case.
WINDOW = 64 * 1024
#: Bytes of an error's details, as JSON; more are left out.
DETAILS_MAX_BYTES = 256 * 1024
#: Where a text was cut, by us or by others.
_CUT = re.compile(r"…|\.{3,}")
#: Characters at the end of a text, without such a mark, that count as the beginning of a secret.
_SHORTEST_END = 6
#: Combinations of secrets whose pattern is kept compiled.
_MOST_PATTERNS = 256


class Redactor:
    """Finds known secrets in text: as they are, escaped, URL-encoded, in base64, their lines joined or apart.

    False when there is nothing to hide, so that the search can be left out.
    """

    def __init__(self, values: Iterable[str]) -> None:
        secrets = sorted({value for value in values if len(value) >= SHORTEST})
        spellings = {spelling for value in secrets for spelling in spellings_of(value)}
        # The longest first: one secret may be part of another.
        ordered = sorted(spellings, key=lambda each: (-each.size, each.pattern))
        self._spellings = [(each.needle, each.pattern) for each in ordered]
        self._needles = Needles(needle for needle, _ in self._spellings)
        self._patterns: dict[frozenset[str], re.Pattern[str]] = {}
        self._know_beginnings(secrets)
        #: Of any of them, whole.
        self._reach = self._longest

    def _know_beginnings(self, secrets: Iterable[str]) -> None:
        self._ordered = sorted({form for value in secrets for form in forms_of(value)})
        self._longest = max(map(len, self._ordered), default=0)
        self._heads = frozenset(form[:SHORTEST] for form in self._ordered)

    def for_owner(self, values: Iterable[str]) -> Redactor:
        """Give one that hides every secret that this one does, but the beginning of one only if it is listed.

        What is hidden tells what a secret is. Whoever may try texts would find a secret of another tenant
        by its beginnings, one character after the other; a whole one has to be known already.
        """
        owned = copy(self)
        owned._know_beginnings({value for value in values if len(value) >= SHORTEST})
        return owned

    def __bool__(self) -> bool:
        return bool(self._spellings)

    def text(self, text: str) -> str:
        """The text without secrets, and without the beginning of one where the text was cut visibly."""
        return self._hidden(text, self._pattern(text))

    def _hidden(self, text: str, pattern: re.Pattern[str] | None) -> str:
        hidden = text if pattern is None else pattern.sub(HIDDEN, text)
        return self._without_openings(hidden) if self and _is_cut(hidden) else hidden

    def excerpt(self, excerpt: Excerpt) -> str:
        """What of a text is shown: secrets are taken out first, then it is cut."""
        size = max(WINDOW, excerpt.most) + self._reach
        if len(excerpt) <= size:
            hidden = self.text(str(excerpt))
            if not excerpt.is_tail:
                # Whoever wrote it may have cut it before, without a mark.
                hidden = self._without_openings(hidden, is_cut=True)
            return excerpt.like(hidden).shown
        if excerpt.is_tail:
            return excerpt.like(self.text(str(excerpt[-size:]))[self._reach :]).shown
        part = self._without_openings(self.text(str(excerpt[:size])), is_cut=True)
        return cut(part, excerpt.most, whole_chars=len(excerpt))

    def settled(self, text: str) -> tuple[str, str]:
        """Split the text of a stream that goes on: what of it is settled, without secrets, and what is not.

        What is not is the beginning of a secret, or a whole one that may turn out to be a longer one's: it
        is to be looked at again with what comes next.
        """
        if not self:
            return text, ""
        pattern = self._pattern(text)
        shown: list[str] = []
        at = 0
        while True:
            found = pattern.search(text, at) if pattern else None
            opening = self._opening(text, at, found.start() if found else len(text))
            if found is None or opening is not None:
                end = len(text) if opening is None else opening
                return "".join([*shown, text[at:end]]), text[end:]
            shown += [text[at : found.start()], HIDDEN]
            at = found.end()

    def _pattern(self, text: str) -> re.Pattern[str] | None:
        """Give one pattern for all secrets of which there is a trace in the text; None without any."""
        found = frozenset(self._needles.found_in(text))
        if not found:
            return None
        if (pattern := self._patterns.get(found)) is None:
            if len(self._patterns) >= _MOST_PATTERNS:
                self._patterns.clear()
            wanted = [pattern for needle, pattern in self._spellings if needle in found]
            pattern = self._patterns[found] = re.compile("|".join(wanted))
        return pattern

    def _opening(self, text: str, first: int, last: int) -> int | None:
        """The first place, up to the last one, from which the text may be the beginning of a secret."""
        for at in range(max(first, len(text) - self._longest + 1), min(last + 1, len(text))):
            if self._begins_secret(text[at:]):
                return at
        return None

    def _begins_secret(self, tail: str) -> bool:
        # What begins with the tail stands right behind it in the order.
        place = bisect_right(self._ordered, tail)
        return place < len(self._ordered) and self._ordered[place].startswith(tail)

    def _without_openings(self, text: str, *, is_cut: bool = False) -> str:
        """Hide the beginning of a secret before each mark of a cut; is_cut: and at the end of the text."""
        ends = [(found.start(), found.end(), SHORTEST) for found in _CUT.finditer(text)]
        if is_cut:
            ends.append((len(text), len(text), _SHORTEST_END))
        shown: list[str] = []
        at = scanned = 0
        for end, after, shortest in ends:
            for first in range(max(scanned, end - self._longest + 1), end - shortest + 1):
                if text[first : first + SHORTEST] in self._heads and self._begins_secret(text[first:end]):
                    shown += [text[at:first], HIDDEN]
                    at = end
                    break
            scanned = after
        return "".join([*shown, text[at:]])

    def value(self, value: Any) -> Any:
        """The same JSON value without secrets in its texts and keys; what is not JSON is left to others."""
        return self._walked(value, lambda text: self._hidden(text, self._pattern(text)))

    def _walked(self, value: Any, hide: Callable[[str], str]) -> Any:
        if isinstance(value, Excerpt):
            return self.excerpt(value)
        if isinstance(value, str):
            return hide(value)
        if isinstance(value, dict):
            return {self._walked(key, hide): self._walked(item, hide) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._walked(item, hide) for item in value]
        return value

    def output(self, output: Any) -> Any:
        """An output without secrets. Objects that JSON can only be made of are made into JSON first."""
        try:
            return self._written(output)
        except Exception:
            return output  # It is refused when it is written, in the attempt, whose error has no secrets.

    def _written(self, output: Any) -> Any:
        """Give an output without secrets. Raises what is raised where JSON cannot hold it."""
        if not self:
            return output
        raw = output.text if isinstance(output, Raw) else exact_json.dumps(output, default=plain)
        text = raw.decode("utf-8", "replace")
        pattern = self._pattern(text)
        if pattern is None and self._without_openings(text) == text:
            return output
        try:
            value = exact_json.loads(raw)
        except ValueError:
            # Written by code that goes its own ways: its texts cannot be told apart.
            return {"unreadable": True}
        # One pattern for all of its texts: what is in none of them need not be looked for in each.
        return self._walked(value, lambda each: self._hidden(each, pattern))

    def error(self, error: NodeError) -> NodeError:
        """An error without secrets, cut to what is kept of one."""
        message = error.message
        excerpt = message if isinstance(message, Excerpt) else Excerpt(text_of(message), MESSAGE_MAX_CHARS)
        return replace(error, message=self.excerpt(excerpt), details=self._details(error.details))

    def _details(self, details: Any) -> Any:
        """The details of an error without secrets; those that JSON cannot hold, or too many, are left out."""
        try:
            hidden = self.value(_bounded(details))
            size = len(exact_json.dumps(hidden))
        except (TypeError, ValueError, RecursionError):
            return {"unreadable": True}
        return hidden if size <= DETAILS_MAX_BYTES else {"truncated": True, "bytes": size}

    def outcome(self, outcome: Outcome) -> Outcome:
        """An outcome without secrets."""
        match outcome:
            case Completed() | Waiting():
                try:
                    output = self._written(outcome.output)
                except Exception:
                    return self.outcome(_refusal(outcome.output))
                return outcome if output is outcome.output else replace(outcome, output=output)
            case Failed():
                return replace(outcome, error=self.error(outcome.error))
            case Awaiting():
                late = outcome.late
                hidden = self.error(late) if isinstance(late, NodeError) else self.value(late)
                return replace(outcome, ask=self.value(outcome.ask), late=hidden)
            case Parked():
                return replace(outcome, waits_for=tuple(self.value(list(outcome.waits_for))))
            case Skipped():
                return replace(outcome, reason=self.excerpt(Excerpt(outcome.reason, MESSAGE_MAX_CHARS)))
            case Nesting() | AwaitingChild():
                return outcome  # What children are made from may hold no secret: that is refused.


def _refusal(output: Any) -> Outcome:
    """Give the failure of an output that JSON cannot hold.

    Its words name keys of the output, and hold what code of its classes says: they need looking through, too.
    """
    try:
        encode_output(output, max_bytes=sys.maxsize)
    except Exception as error:
        return from_exception(error)
    return from_exception(Terminal("the handler's output is JSON at one time and not at another"))


class Redactors:
    """A redactor for each tenant: all hide every secret of every tenant.

    secrets  by tenant.
    all      for what no tenant sees, such as a log: hides the beginnings of all of them too.
    """

    def __init__(self, secrets: Mapping[str, Iterable[str]]) -> None:
        self.all = Redactor(value for values in secrets.values() for value in values)
        self._by_tenant = {tenant: self.all.for_owner(values) for tenant, values in secrets.items()}
        self._without_own = self.all.for_owner(())

    def of(self, tenant: str) -> Redactor:
        """Give the redactor for what a tenant's attempts leave behind."""
        return self._by_tenant.get(tenant, self._without_own)


class RedactingSink:
    """An event sink that hides secrets before anything is collected.

    Streamed text is hidden as if it came in one piece: whatever may be the beginning of a secret is held back
    until it is known what it is. A line that is written meanwhile stands before it.
    """

    def __init__(self, sink: EventSink, redactor: Redactor) -> None:
        self._sink = sink
        self._redactor = redactor
        self._held = ""

    def emit(self, type: str, data: dict[str, Any]) -> None:
        if type == TOKEN:
            shown, self._held = self._redactor.settled(self._held + data["text"])
            if shown:
                self._sink.emit(TOKEN, {**data, "text": shown})
            return
        if type == RESET:
            # What was streamed is dropped by its readers, and most of a secret would give the rest away.
            self._held = ""
        # A typed event may be large: it is looked through as outputs are.
        hide = self._redactor.output if type == EVENT else self._redactor.value
        self._sink.emit(type, hide(data))

    def end(self) -> None:
        """Let go of what was held back: the stream is whole, and what it ends with is no secret."""
        shown, self._held = self._redactor.text(self._held), ""
        if shown:
            self._sink.emit(TOKEN, {"text": shown})


class RedactingFormatter(logging.Formatter):
    """Takes secrets out of the lines that a process logs, whatever part of it wrote them."""

    def __init__(self, formatter: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self._formatter = formatter
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Write the line as it is written otherwise, without secrets."""
        return self._redactor.text(self._formatter.format(record))


def hide_secrets(redactor: Redactor) -> None:
    """Take secrets out of all that this process logs from now on."""
    if redactor:
        for handler in logging.getLogger().handlers:
            handler.setFormatter(RedactingFormatter(handler.formatter or logging.Formatter(), redactor))


def _is_cut(text: str) -> bool:
    return "…" in text or "..." in text


def _bounded(value: Any) -> Any:
    """Mark texts that are far too long for an error as such of which a part is shown."""
    if isinstance(value, str):
        return value if isinstance(value, Excerpt) or len(value) <= WINDOW else Excerpt(value, WINDOW)
    if isinstance(value, dict):
        return {key: _bounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(item) for item in value]
    return value
