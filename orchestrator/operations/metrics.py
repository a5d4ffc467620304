"""`engine.metrics`: what a deployment comes to at the moment, in numbers that something watches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.execution.inventory import QueueInfo, WorkerInfo
from orchestrator.execution.statistics import Ends, NodeCounts
from orchestrator.executor import fold_ended
from orchestrator.operations.queues import Queues
from orchestrator.operations.statistics import MOST_FOLDED
from orchestrator.operations.usage import DAY_MS
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions

#: Tenants whose days are added up; those beyond are in none of the sums of today.
MOST_TENANTS = 100
#: Stands for definitions that are not in the registry.
SUBMITTED = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Numbers of all tenants together. Times are Unix ms, by the clock of Redis.

    tick_ms      when timers and leases were last looked at; 0 for never.
    next_timer_ms  when the next timer is due; None without one.
    dead         entries among the dead letters.
    most_memory_bytes  that Redis may use; 0: it has no limit.
    repairs      made by the sweep since the beginning, by kind.
    workflows    executions that ended today (UTC), by the names of their workflows.
    handlers     nodes that ran to an end today, by handler.
    deliveries   to webhooks, today, by what came of them.
    tokens       of calls to language models today.
    cost_usd     of these calls, as far as it is known.
    """

    now_ms: int
    queues: Sequence[QueueInfo]
    workers: Sequence[WorkerInfo]
    under_way: int
    tick_ms: int
    next_timer_ms: int | None
    dead: int
    memory_bytes: int
    most_memory_bytes: int
    repairs: Mapping[str, int]
    workflows: Mapping[str, Ends]
    handlers: Mapping[str, NodeCounts]
    deliveries: Mapping[str, int]
    tokens: int
    cost_usd: float


class Metrics:
    """Asks the store for the numbers."""

    def __init__(self, store: Store, transitions: Transitions, queues: Queues) -> None:
        self._store = store
        self._transitions = transitions
        self._queues = queues

    async def look(self) -> Deployment:
        """Look at everything once. Raises StoreUnavailable, and redis errors."""
        store = self._store
        now_ms = await store.now_ms()
        today = now_ms // DAY_MS
        tenants = [DEFAULT_TENANT, *await store.access.names()][:MOST_TENANTS]
        workflows: dict[str, Ends] = {}
        nodes: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        deliveries: Counter[str] = Counter()
        tokens, cost_usd = 0, 0.0
        # What is not counted yet is counted now, for all tenants at once.
        await fold_ended(store, self._transitions, now_ms, limit=MOST_FOLDED)
        for tenant in tenants:
            found = await store.statistics.between(tenant, today, today)
            ids = [workflow_id for workflow_id in found.workflows if workflow_id is not None]
            records = await store.workflows.records(tenant, ids) if ids else []
            names = {record.workflow_id: record.name for record in records}
            for workflow_id, ends in found.workflows.items():
                sums = workflows.setdefault(names.get(workflow_id or "", SUBMITTED), Ends())
                sums.counts.update(ends.counts)
                sums.took_ms.update(ends.took_ms)
            for handler, counts in found.handlers.items():
                nodes[handler] += counts.total
                failed[handler] += counts.failed
            deliveries.update(found.deliveries)
            (usage,) = await store.usage_rows(tenant, [today])
            tokens += usage.tokens
            cost_usd += usage.cost_usd or 0.0
        used, most = await store.deployment.memory()
        return Deployment(
            now_ms=now_ms,
            queues=await self._queues.list(),
            workers=await store.workers(),
            under_way=await store.count_active(),
            tick_ms=await store.tick_ms(),
            next_timer_ms=await store.next_timer_ms(),
            dead=await store.deployment.dead_count(tenants),
            memory_bytes=used,
            most_memory_bytes=most,
            repairs=await store.deployment.repairs(),
            workflows=workflows,
            handlers={name: NodeCounts(total, failed[name]) for name, total in nodes.items()},
            deliveries=deliveries,
            tokens=tokens,
            cost_usd=cost_usd,
        )
