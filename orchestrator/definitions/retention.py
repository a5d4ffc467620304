"""Retention: how long an execution is kept after its end, by the settings or by its definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.fields import Fields
from orchestrator.documents.problems import Findings

DAY_MS = 86_400_000
#: Instead of a duration: no loop purges it.
NEVER = "never"
#: A shorter retention could end before a request that waits for the execution's end has read it.
LEAST_MS = 1_000
#: What a retention can be given for, in the order in which scripts read it.
KINDS = ("completed", "failed", "cancelled", "unstarted")


def parse_retention_ms(value: Any) -> int | None:
    """Read how long something is kept, ms; None for `never`. Raises ValueError."""
    if isinstance(value, str) and value.strip().lower() == NEVER:
        return None
    try:
        return parse_duration_ms(value, minimum_ms=LEAST_MS)
    except ValueError as error:
        raise ValueError(f"{error}, or '{NEVER}'") from None


@dataclass(frozen=True, slots=True)
class Retention:
    """Milliseconds, by how an execution has ended; None: never purged.

    unstarted  counted from when an execution was made that was never started.
    """

    completed_ms: int | None = 7 * DAY_MS
    failed_ms: int | None = 30 * DAY_MS
    cancelled_ms: int | None = 7 * DAY_MS
    unstarted_ms: int | None = 7 * DAY_MS

    def words(self) -> str:
        """The retention as scripts read it."""
        each = (self.completed_ms, self.failed_ms, self.cancelled_ms, self.unstarted_ms)
        return " ".join("-" if kept is None else str(kept) for kept in each)


#: Keeps everything.
FOR_EVER = Retention(None, None, None, None)


def read_retention(top: Fields, findings: Findings) -> str:
    """Read the field `retention` of a definition into what scripts read; "" where there is none.

    One duration or `never` for all kinds, or an object with some of them; `?` stands for the others.
    """
    raw: Any = top.raw.get("retention")
    if raw is None:
        return ""
    if not isinstance(raw, Mapping):
        return " ".join([_word(top, "retention", findings)] * len(KINDS))
    fields = Fields(dict(raw), top.where("retention"), findings)
    fields.refuse_unknown(frozenset(KINDS), KINDS)
    words = list(_words(fields, findings))
    return " ".join(words) if set(words) != {"?"} else ""


def _words(fields: Fields, findings: Findings) -> Iterator[str]:
    for kind in KINDS:
        yield _word(fields, kind, findings)


def _word(fields: Fields, name: str, findings: Findings) -> str:
    value = fields.raw.get(name)
    if value is None:
        return "?"
    try:
        kept_ms = parse_retention_ms(value)
    except ValueError as error:
        where = fields.where(name)
        findings.add(where, "bad_duration", f"'{where}': {error}")
        return "?"
    return "-" if kept_ms is None else str(kept_ms)
