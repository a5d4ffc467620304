"""Writes the numbers of a deployment as Prometheus reads them.

They are asked for with each scrape, so that every API process gives the same and none keeps any. What counts
within a day begins anew at midnight, UTC, and falls where an execution is retried: these are gauges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from orchestrator.operations.metrics import Deployment

__all__ = ["CONTENT_TYPE", "rendered"]

#: Workflows that have lines of their own, those with the most executions; the others are summed up.
MOST_WORKFLOWS = 200
#: The name of that sum. No workflow has such a name.
OTHERS = "(others)"


class _Once:
    """A collector that gives what it was made with."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


def rendered(deployment: Deployment, version: str) -> bytes:
    """Write all of it in the text format. version: of this process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once([*_state(deployment, version), *_today(deployment)]))
    return generate_latest(registry)


def _state(found: Deployment, version: str) -> Iterator[Metric]:
    build = GaugeMetricFamily("headrace_build_info", "The version that answers.", labels=["version"])
    build.add_metric([version], 1)
    yield build
    yield from _queues(found)
    workers = found.workers
    yield _gauge("workers", "Live workers.", len(workers))
    slots = GaugeMetricFamily("headrace_worker_slots", "Slots of live workers.", labels=["state"])
    busy = sum(worker.running for worker in workers)
    slots.add_metric(["busy"], busy)
    slots.add_metric(["free"], max(0, sum(worker.slots for worker in workers) - busy))
    yield slots
    refusing = sum(bool(worker.refusal) for worker in workers)
    yield _gauge("workers_refusing", "Live workers that cannot load own handlers.", refusing)
    yield _gauge("executions_under_way", "Executions that are RUNNING or PAUSED.", found.under_way)
    yield _gauge("dead_letters", "Nodes among the dead letters.", found.dead)
    if found.tick_ms:
        age_s = max(0, found.now_ms - found.tick_ms) / 1000
        yield _gauge("tick_age_seconds", "Since timers and leases were last looked at.", age_s)
    late_ms = 0 if found.next_timer_ms is None else max(0, found.now_ms - found.next_timer_ms)
    yield _gauge("timer_lag_seconds", "How long ago the oldest due timer was due.", late_ms / 1000)
    yield _gauge("redis_memory_bytes", "Memory that Redis uses.", found.memory_bytes)
    if found.most_memory_bytes:
        yield _gauge("redis_memory_limit_bytes", "Memory that Redis may use.", found.most_memory_bytes)
    repairs = CounterMetricFamily(
        "headrace_repairs", "Repairs of the sweep: none in a healthy installation.", labels=["kind"]
    )
    for kind, count in sorted(found.repairs.items()):
        repairs.add_metric([kind], count)
    yield repairs


def _queues(found: Deployment) -> Iterator[Metric]:
    tasks = GaugeMetricFamily(
        "headrace_queue_tasks",
        "Tasks of a queue, waiting or with a worker.",
        labels=["queue", "state"],
    )
    ages = GaugeMetricFamily(
        "headrace_queue_oldest_age_seconds", "Age of the oldest task of a queue.", labels=["queue"]
    )
    readers = GaugeMetricFamily("headrace_queue_workers", "Live workers that read a queue.", labels=["queue"])
    for queue in found.queues:
        tasks.add_metric([queue.queue, "waiting"], max(0, queue.length - queue.pending))
        tasks.add_metric([queue.queue, "delivered"], queue.pending)
        age_ms = 0 if queue.oldest_ms is None else max(0, found.now_ms - queue.oldest_ms)
        ages.add_metric([queue.queue], age_ms / 1000)
        readers.add_metric([queue.queue], queue.consumers)
    yield from (tasks, ages, readers)


def _today(found: Deployment) -> Iterator[Metric]:
    ended = GaugeMetricFamily(
        "headrace_executions_today", "Executions that ended today, UTC.", labels=["workflow", "status"]
    )
    took = GaugeMetricFamily(
        "headrace_execution_seconds_today",
        "Their time from start to end, summed.",
        labels=["workflow", "status"],
    )
    counts: dict[tuple[str, str], int] = {}
    took_ms: dict[tuple[str, str], int] = {}
    most = sorted(found.workflows.items(), key=lambda item: (-item[1].total, item[0]))
    for place, (name, ends) in enumerate(most):
        for status, count in ends.counts.items():
            key = (name if place < MOST_WORKFLOWS else OTHERS, status.value)
            counts[key] = counts.get(key, 0) + count
            took_ms[key] = took_ms.get(key, 0) + ends.took_ms[status]
    for key, count in counts.items():
        ended.add_metric(key, count)
        took.add_metric(key, took_ms[key] / 1000)
    yield from (ended, took)
    nodes = GaugeMetricFamily(
        "headrace_nodes_today", "Nodes that completed or failed today, UTC.", labels=["handler", "status"]
    )
    for handler, each in sorted(found.handlers.items()):
        nodes.add_metric([handler, "COMPLETED"], each.total - each.failed)
        nodes.add_metric([handler, "FAILED"], each.failed)
    yield nodes
    deliveries = GaugeMetricFamily(
        "headrace_deliveries_today", "Deliveries to webhooks today, UTC.", labels=["result"]
    )
    for result, count in sorted(found.deliveries.items()):
        deliveries.add_metric([result], count)
    yield deliveries
    yield _gauge("llm_tokens_today", "Tokens of language models used today, UTC.", found.tokens)
    yield _gauge("llm_cost_usd_today", "Their cost in dollars, as far as prices are known.", found.cost_usd)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(f"headrace_{name}", help, value=value)
