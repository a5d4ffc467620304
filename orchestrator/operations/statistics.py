"""`engine.statistics`: how executions ended, by workflow and handler, over some days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.execution.statistics import Statistics
from orchestrator.executor import fold_ended
from orchestrator.operations.owner import Owner
from orchestrator.operations.usage import DAY_MS
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions

#: Executions that one question counts before it is answered, those of other tenants among them.
MOST_FOLDED = 500
#: Days that one question may ask for.
MOST_DAYS = 366
#: Days without a bound given.
DEFAULT_DAYS = 30


@dataclass(frozen=True, slots=True)
class StatisticsReport:
    """Statistics of the days from `first_day` to `last_day`, both included; days count from 1970, UTC.

    as_of_ms  every execution that ended before then is counted.
    under_way  executions that are RUNNING or PAUSED now; they are in none of the sums.
    records   what the registry knows of the workflows, by id.
    """

    first_day: int
    last_day: int
    as_of_ms: int
    statistics: Statistics
    records: Mapping[str, WorkflowRecord]
    under_way: int = 0


class StatisticsOf:
    """The statistics of one tenant."""

    def __init__(self, store: Store, transitions: Transitions, owner: Owner) -> None:
        self.store = store
        self._transitions = transitions
        self._owner = owner

    async def between(
        self, first_day: int | None = None, last_day: int | None = None, *, now_ms: int | None = None
    ) -> StatisticsReport:
        """Add up what ended on these days (since 1970, UTC); an execution counts on the day it ended first.

        last_day   today without one; first_day: 30 days in all without one.
        Raises ValueError for days in the wrong order, and for more than MOST_DAYS.
        """
        now_ms = await self.store.now_ms() if now_ms is None else now_ms
        last = now_ms // DAY_MS if last_day is None else last_day
        first = last - DEFAULT_DAYS + 1 if first_day is None else first_day
        if not 0 <= last - first < MOST_DAYS:
            raise ValueError(f"{last - first + 1} days; allowed: 1 to {MOST_DAYS}, the first before the last")
        # What nobody has counted yet is counted now, so that an answer needs no patience.
        await fold_ended(self.store, self._transitions, now_ms, limit=MOST_FOLDED)
        waiting_ms = await self.store.index.first_ms("ended")
        tenant = self._owner.tenant
        found = await self.store.statistics.between(tenant, first, last)
        ids = [workflow_id for workflow_id in found.workflows if workflow_id is not None]
        records = await self.store.workflows.records(tenant, ids)
        return StatisticsReport(
            first_day=first,
            last_day=last,
            as_of_ms=now_ms if waiting_ms is None else min(now_ms, waiting_ms),
            statistics=found,
            records={record.workflow_id: record for record in records if record is not None},
            under_way=await self.store.index.under_way(tenant),
        )
