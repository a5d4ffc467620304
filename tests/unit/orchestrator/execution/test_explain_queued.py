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


def explained(workers: tuple[WorkerInfo, ...], *, is_offered: bool, names_workers: bool) -> Any:
    snapshot = fresh(compiled(workflow(node("A"))))
    first = snapshot.definition.nodes[0]
    handlers = frozenset({first.handler}) if is_offered else frozenset({"another"})
    return explain_queued(
        replace(snapshot, live_messages=frozenset({"A"})),
        [replace(worker, handlers=handlers) for worker in workers],
        first,
        NodeState("A", NodeStatus.QUEUED, attempt=1),
        ahead=None,
        names_workers=names_workers,
    )
