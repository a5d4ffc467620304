"""Filters of lists of executions that no index answers: status, title, text, parent, end."""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestrator.execution.model import Execution
from orchestrator.states import ExecutionStatus
from orchestrator.store.briefs import Brief


@dataclass(frozen=True, slots=True)
class Sieve:
    """Lets through what has all of these; None and empty ask for nothing.

    statuses     any of them.
    name         the title; name_prefix: how it begins.
    text         part of title, id, key or a label (`name:value`), in any case.
    roots_only   no executions that nodes of others have started.
    ended_ms     the first and the last moment at which it ended, Redis ms; None for no bound.
    """

    statuses: frozenset[ExecutionStatus] = frozenset()
    name: str | None = None
    name_prefix: str = ""
    text: str = ""
    roots_only: bool = False
    ended_ms: tuple[int | None, int | None] = (None, None)

    @property
    def needs_briefs(self) -> bool:
        """Whether it looks at more than the status."""
        return bool(
            self.name is not None
            or self.name_prefix
            or self.text
            or self.roots_only
            or self.ended_ms != (None, None)
        )

    def of_any_status(self) -> Sieve:
        """The same for every status."""
        return replace(self, statuses=frozenset())

    def lets_through(self, row: Brief | Execution) -> bool:
        return (
            (not self.statuses or row.status in self.statuses)
            and (self.name is None or row.name == self.name)
            and row.name.startswith(self.name_prefix)
            and not (self.roots_only and row.parent)
            and self._has_ended(row)
            and (not self.text or self._has_text(row))
        )

    def _has_ended(self, row: Brief | Execution) -> bool:
        first, last = self.ended_ms
        if first is None and last is None:
            return True
        if row.ended_ms is None:
            return False
        return (first is None or row.ended_ms >= first) and (last is None or row.ended_ms <= last)

    def _has_text(self, row: Brief | Execution) -> bool:
        text = self.text.casefold()
        labels = (f"{name}:{value}" for name, value in row.labels.items())
        return any(
            text in each.casefold() for each in (row.name, row.execution_id, row.execution_key or "", *labels)
        )


EVERYTHING = Sieve()
