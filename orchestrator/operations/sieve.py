"""Filters of lists of executions that no index answers: status, title, text, parent."""

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
    """

    statuses: frozenset[ExecutionStatus] = frozenset()
    name: str | None = None
    name_prefix: str = ""
    text: str = ""
    roots_only: bool = False

    @property
    def needs_briefs(self) -> bool:
        """Whether it looks at more than the status."""
        return bool(self.name is not None or self.name_prefix or self.text or self.roots_only)

    def of_any_status(self) -> Sieve:
        """The same for every status."""
        return replace(self, statuses=frozenset())

    def lets_through(self, row: Brief | Execution) -> bool:
        return (
            (not self.statuses or row.status in self.statuses)
            and (self.name is None or row.name == self.name)
            and row.name.startswith(self.name_prefix)
            and not (self.roots_only and row.parent)
            and (not self.text or self._has_text(row))
        )

    def _has_text(self, row: Brief | Execution) -> bool:
        text = self.text.casefold()
        labels = (f"{name}:{value}" for name, value in row.labels.items())
        return any(
            text in each.casefold() for each in (row.name, row.execution_id, row.execution_key or "", *labels)
        )


EVERYTHING = Sieve()
