"""Read the fields of one submitted object by type, noting a problem for each that is not as it should be."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.problems import Findings, listed, shown

ID_RULE = "letters, digits, '_', '.' and '-', at most 128"
is_id = re.compile(r"[A-Za-z0-9_.\-]{1,128}").fullmatch


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

    def refuse_unknown(self, allowed: Set[str], order: tuple[str, ...]) -> None:
        """Note every field that is not allowed; order is how the allowed ones are listed."""
        if self.raw.keys() <= allowed:
            return
        for name in self.raw:
            if name not in allowed:
                word = str(name)[:80]
                close = self.findings.close_to(word, order)
                hint = f"did you mean {close!r}?" if close else None
                place = f"'{self.path}'" if self.path else "a workflow"
                message = f"unknown field {word!r} in {place} (allowed: {', '.join(order)})"
                self.findings.add(self.where(word), "unknown_field", message, hint)

    def wrong(self, name: str, expected: str, value: Any, *, code: str = "wrong_type") -> None:
        """Note that a field holds something else than expected."""
        where = self.where(name)
        self.findings.add(where, code, f"'{where}' must be {expected}, got {shown(value)}")

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
        close = self.findings.close_to(value, allowed) if isinstance(value, str) else None
        where = self.where(name)
        message = f"'{where}' must be one of {listed(allowed)}, got {shown(value)}"
        self.findings.add(where, "bad_value", message, f"did you mean {close!r}?" if close else None)
        return default
