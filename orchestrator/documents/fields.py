"""Reads the fields of one submitted object by type, and notes a problem for each that is wrong."""

from __future__ import annotations

import unicodedata
from collections.abc import Set
from typing import Any

from headrace.names import ID_RULE, is_id
from headrace.wording import quoted
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.other_words import hint_at_ours
from orchestrator.documents.problems import Findings, joined

TITLE_MAX_CHARS = 256
#: Categories of Unicode: control characters, halves of characters, separators of lines and paragraphs.
_NOT_ON_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Fields:
    """One object of the document. A field that is null counts as absent."""

    __slots__ = ("findings", "path", "raw")

    def __init__(self, raw: dict[str, Any], path: str, findings: Findings) -> None:
        self.raw = raw
        self.path = path
        self.findings = findings

    def where(self, name: str) -> str:
        """Give the path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def refuse_unknown(self, allowed: Set[str], order: tuple[str, ...]) -> Set[str]:
        """Note every field that is not allowed, and give those that were probably meant.

        order  how the allowed ones are listed.
        """
        if self.raw.keys() <= allowed:
            return frozenset()
        hints: set[str | None] = set()
        for name in self.raw:
            if name not in allowed:
                word = str(name)[:80]
                hint = hint_at_ours(word, order, self.raw) or self.findings.did_you_mean(word, order)
                place = f"'{self.path}'" if self.path else "a workflow"
                message = f"unknown field {word!r} in {place} (allowed: {', '.join(order)})"
                self.findings.add(self.where(word), "unknown_field", message, hint)
                hints.add(hint)
        return {name for name in order if f"did you mean {name!r}?" in hints}

    def wrong(
        self, name: str, expected: str, value: Any, *, code: str = "wrong_type", hint: str | None = None
    ) -> None:
        """Note that a field holds something else than expected."""
        where = self.where(name)
        self.findings.add(where, code, f"'{where}' must be {expected}, got {quoted(value)}", hint)

    def identifier(self, name: str, *, required: bool = False) -> str:
        """Read a name or id; empty when it is absent or wrong."""
        value = self.raw.get(name)
        if value is None:
            if required:
                self.findings.add(self.where(name), "missing", f"'{self.where(name)}' is missing")
            return ""
        if not isinstance(value, str):
            self.wrong(name, "text", value)
        elif not is_id(value):
            self.wrong(name, f"made of {ID_RULE}", value, code="bad_id")
        else:
            return value
        return ""

    def title(self, name: str) -> str:
        """Read a title: free text on one line, required; empty when it is absent or wrong."""
        value = self.raw.get(name)
        if value is None:
            self.findings.add(self.where(name), "missing", f"'{self.where(name)}' is missing")
            return ""
        if not isinstance(value, str):
            self.wrong(name, "text", value)
        elif not 1 <= len(value) <= TITLE_MAX_CHARS or value.isspace():
            self.wrong(name, f"1 to {TITLE_MAX_CHARS} characters, not all blank", value, code="bad_value")
        elif breaks := [each for each in value if unicodedata.category(each) in _NOT_ON_A_LINE]:
            expected = f"text on one line, without control characters such as U+{ord(breaks[0]):04X}"
            self.wrong(name, expected, value, code="bad_value")
        else:
            return value
        return ""

    def text(self, name: str) -> str | None:
        """Read a text."""
        value = self.raw.get(name)
        if value is not None and not isinstance(value, str):
            self.wrong(name, "text", value)
            return None
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Read true or false."""
        value = self.raw.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(name, "true or false", value)
            return default
        return value

    def whole_number(self, name: str, *, least: int, most: int, default: int) -> int:
        """Read a whole number within bounds."""
        value = self.raw.get(name)
        if value is None:
            return default
        if type(value) is not int or not least <= value <= most:
            self.wrong(name, f"a whole number from {least:,} to {most:,}", value, code="bad_value")
            return default
        return value

    def number(self, name: str, *, least: float, most: float, default: float) -> float:
        """Read a number within bounds."""
        value = self.raw.get(name)
        if value is None:
            return default
        if type(value) not in (int, float) or not least <= value <= most:
            self.wrong(name, f"a number from {least:,} to {most:,}", value, code="bad_value")
            return default
        return float(value)

    def duration(self, name: str, *, minimum_ms: int = 1) -> int | None:
        """Read a duration, in milliseconds."""
        value = self.raw.get(name)
        if value is None:
            return None
        try:
            return parse_duration_ms(value, minimum_ms=minimum_ms)
        except ValueError as error:
            self.findings.add(self.where(name), "bad_duration", f"'{self.where(name)}': {error}")
            return None

    def choice(self, name: str, allowed: dict[str, Any], default: Any) -> Any:
        """Read one of several words."""
        value = self.raw.get(name)
        if value is None:
            return default
        if isinstance(value, str) and value in allowed:
            return allowed[value]
        hint = self.findings.did_you_mean(value, allowed) if isinstance(value, str) else None
        where = self.where(name)
        message = f"'{where}' must be one of {joined(allowed)}, got {quoted(value)}"
        self.findings.add(where, "bad_value", message, hint)
        return default
