"""What a tenant's statistics of some days say: executions by how they ended, nodes by handler, deliveries.

They are kept in a hash for each day, with these fields:
  executions|STATUS|WORKFLOW  executions that ended so; WORKFLOW is the id in the registry, - for a definition
                              that was submitted
  ms|STATUS|WORKFLOW          from start to end, all of these together, ms
  nodes|HANDLER               nodes that completed or failed; items of a map are not counted one by one
  failed|HANDLER              those of them that failed
  delivery|RESULT             deliveries to webhooks: received, accepted, rejected, error
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.states import ExecutionStatus

#: What a delivery can come to.
DELIVERIES = ("received", "accepted", "rejected", "error")


@dataclass(frozen=True, slots=True)
class Ends:
    """Executions that have ended: by status, and how long all of a status took together, ms."""

    counts: Counter[ExecutionStatus] = field(default_factory=Counter)
    took_ms: Counter[ExecutionStatus] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def average_ms(self) -> float | None:
        """From start to end; None where nothing has ended."""
        return self.took_ms.total() / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """Nodes of one handler that ran to an end."""

    total: int = 0
    failed: int = 0

    @property
    def failure_rate(self) -> float:
        """The failed among them, from 0 to 1."""
        return self.failed / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Statistics:
    """Sums over some days.

    workflows  by id; None stands for definitions that are not in the registry.
    """

    workflows: Mapping[str | None, Ends]
    handlers: Mapping[str, NodeCounts]
    deliveries: Mapping[str, int]

    @property
    def executions(self) -> Ends:
        """All workflows together."""
        found = Ends()
        for ends in self.workflows.values():
            found.counts.update(ends.counts)
            found.took_ms.update(ends.took_ms)
        return found


def read_statistics(days: Iterable[Mapping[bytes, bytes]]) -> Statistics:
    """Add up the hashes of some days. What a retry has taken back is left out where it leaves nothing."""
    sums: Counter[str] = Counter()
    for fields in days:
        for name, value in fields.items():
            sums[name.decode()] += int(value)
    workflows: dict[str | None, Ends] = {}
    handlers: dict[str, NodeCounts] = {}
    deliveries = dict.fromkeys(DELIVERIES, 0)
    for field_name, count in sorted(sums.items()):
        kind, _, rest = field_name.partition("|")
        if not count:
            continue
        if kind in ("executions", "ms"):
            status, _, workflow_id = rest.partition("|")
            ends = workflows.setdefault(None if workflow_id == "-" else workflow_id, Ends())
            (ends.counts if kind == "executions" else ends.took_ms)[ExecutionStatus(status)] = count
        elif kind == "nodes":
            handlers[rest] = NodeCounts(count, sums[f"failed|{rest}"])
        elif kind == "delivery":
            deliveries[rest] = count
    return Statistics(workflows, handlers, deliveries)
