"""What Prometheus reads of a deployment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from api.metrics import MOST_WORKFLOWS, rendered
from orchestrator.execution.inventory import QueueInfo, WorkerInfo
from orchestrator.execution.statistics import Ends, NodeCounts
from orchestrator.operations.metrics import Deployment
from orchestrator.states import ExecutionStatus


def worker(**fields: Any) -> WorkerInfo:
    known: dict[str, Any] = {
        "worker_id": "w", "name": "w", "host": "h", "pid": 1, "handlers": frozenset(), "queues": ("default",),
        "slots": 8, "running": 3, "started_ms": 0, "beat_ms": 0,
    }  # fmt: skip
    return WorkerInfo(**{**known, **fields})


def ends(**counts: int) -> Ends:
    of = {ExecutionStatus(status): count for status, count in counts.items()}
    return Ends(Counter(of), Counter({status: count * 1_500 for status, count in of.items()}))


def deployment(**fields: Any) -> Deployment:
    known: dict[str, Any] = {
        "now_ms": 100_000, "tick_ms": 99_000, "next_timer_ms": 97_500,
        "queues": [QueueInfo("default", 5, 2, 88_000, 2)],
        "workers": [worker(), worker(refusal="no")], "under_way": 4, "dead": 7, "repairs": {"lease": 1},
        "memory_bytes": 900, "most_memory_bytes": 1_000,
        "workflows": {"pay": ends(COMPLETED=3, FAILED=1)}, "handlers": {"http": NodeCounts(9, 2)},
        "deliveries": {"accepted": 6}, "tokens": 120, "cost_usd": 0.25,
    }  # fmt: skip
    return Deployment(**{**known, **fields})


def values(found: Deployment) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and its labels, what is counted before how it stands."""
    samples: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(rendered(found, "1.2.3").decode()):
        for each in family.samples:
            named = sorted(each.labels.items(), key=lambda label: label[0] in ("state", "status"))
            samples[(each.name, *(value for _, value in named))] = each.value
    return samples


def test_each_number_has_a_name_a_unit_and_its_labels() -> None:
    assert values(deployment()) == {
        ("headrace_build_info", "1.2.3"): 1,
        ("headrace_queue_tasks", "default", "waiting"): 3,
        ("headrace_queue_tasks", "default", "delivered"): 2,
        ("headrace_queue_oldest_age_seconds", "default"): 12,
        ("headrace_queue_workers", "default"): 2,
        ("headrace_workers",): 2,
        ("headrace_workers_refusing",): 1,
        ("headrace_worker_slots", "busy"): 6,
        ("headrace_worker_slots", "free"): 10,
        ("headrace_executions_under_way",): 4,
        ("headrace_dead_letters",): 7,
        ("headrace_tick_age_seconds",): 1,
        ("headrace_timer_lag_seconds",): 2.5,
        ("headrace_redis_memory_bytes",): 900,
        ("headrace_redis_memory_limit_bytes",): 1_000,
        ("headrace_repairs_total", "lease"): 1,
        ("headrace_executions_today", "pay", "COMPLETED"): 3,
        ("headrace_executions_today", "pay", "FAILED"): 1,
        ("headrace_execution_seconds_today", "pay", "COMPLETED"): 4.5,
        ("headrace_execution_seconds_today", "pay", "FAILED"): 1.5,
        ("headrace_nodes_today", "http", "COMPLETED"): 7,
        ("headrace_nodes_today", "http", "FAILED"): 2,
        ("headrace_deliveries_today", "accepted"): 6,
        ("headrace_llm_tokens_today",): 120,
        ("headrace_llm_cost_usd_today",): 0.25,
    }


def test_many_workflows_make_no_more_lines_than_some() -> None:
    many = {f"w{number:04}": ends(COMPLETED=1) for number in range(MOST_WORKFLOWS + 30)}
    found = values(deployment(workflows={**many, "busy": ends(COMPLETED=50)}))

    lines = {key[1]: value for key, value in found.items() if key[0] == "headrace_executions_today"}
    assert len(lines) == MOST_WORKFLOWS + 1
    assert (lines["busy"], lines["(others)"]) == (50, 31)


def test_names_of_users_cannot_break_a_line() -> None:
    found = values(deployment(workflows={'a"b\n\\c': ends(FAILED=1)}))

    assert found["headrace_executions_today", 'a"b\n\\c', "FAILED"] == 1
