"""What is said of workers to whom they do not belong: how many there are, never which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.execution.explain_queued import explain_queued
from orchestrator.execution.inventory import WorkerInfo
from orchestrator.execution.model import NodeState
from orchestrator.states import NodeStatus
from tests.dags import compiled, node, workflow
from tests.simulation import fresh

WORKER = WorkerInfo(
    "w-1", "the-worker", "host", 1, frozenset({"stub"}), ("default",), 4, 4, 0, 0, 1, ("other-execution/A",)
)


@pytest.mark.parametrize("workers", [(WORKER,), (WORKER, WORKER)])
@pytest.mark.parametrize("is_offered", [True, False])
def test_a_tenant_is_told_how_many_workers_there_are(
    workers: tuple[WorkerInfo, ...], is_offered: bool
) -> None:
    told = str(explained(workers, is_offered=is_offered, names_workers=False))

    assert not any(name in told for name in ("the-worker", "w-1", "other-execution"))
    assert str(len(workers)) in told


def test_the_operator_is_told_which() -> None:
    told = str(explained((WORKER,), is_offered=True, names_workers=True))

    assert "w-1" in told
    assert "other-execution/A" in told


def test_a_slot_of_a_worker_that_is_heard_from_is_free() -> None:
    found = explained(heard(3, 11), is_offered=True, names_workers=True, now_ms=100_000)

    assert found.waiting_for.startswith("a free slot: 2 live workers")
    assert "last_heard_ms" not in found.details


@pytest.mark.parametrize(
    ("ages_s", "which", "has"), [((12, 15), "the 2 workers", "have"), ((12,), "the worker", "has")]
)
def test_workers_that_have_fallen_silent_have_no_free_slots(
    ages_s: tuple[int, ...], which: str, has: str
) -> None:
    found = explained(heard(*ages_s), is_offered=True, names_workers=True, now_ms=100_000)

    assert found.waiting_for.startswith(f"a worker: {which} with handler '")
    assert found.waiting_for.endswith(f" on queue 'default' {has} not been heard from for 12 s")
    assert found.details["last_heard_ms"] == 88_000


@pytest.mark.parametrize(
    ("heard_ms", "words"),
    [(53_000, "none has been heard from for 47 s, and no live worker"), (None, "no live worker")],
)
def test_where_no_worker_lives_it_says_since_when(heard_ms: int | None, words: str) -> None:
    found = explained((), is_offered=True, names_workers=False, now_ms=100_000, heard_ms=heard_ms)

    assert found.waiting_for.startswith(f"a worker: {words}")


def heard(*ages_s: int) -> tuple[WorkerInfo, ...]:
    return tuple(replace(WORKER, beat_ms=100_000 - 1_000 * age_s) for age_s in ages_s)


def explained(
    workers: tuple[WorkerInfo, ...],
    *,
    is_offered: bool,
    names_workers: bool,
    now_ms: int = 0,
    heard_ms: int | None = None,
) -> Any:
    snapshot = replace(fresh(compiled(workflow(node("A")))), now_ms=now_ms)
    first = snapshot.definition.nodes[0]
    handlers = frozenset({first.handler}) if is_offered else frozenset({"another"})
    return explain_queued(
        replace(snapshot, live_messages=frozenset({"A"})),
        [replace(worker, handlers=handlers) for worker in workers],
        first,
        NodeState("A", NodeStatus.QUEUED, attempt=1),
        ahead=None,
        names_workers=names_workers,
        heard_ms=heard_ms,
    )
