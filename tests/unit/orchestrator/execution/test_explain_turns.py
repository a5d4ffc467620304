"""Explanations while turns are saved: what will be done by one of them needs no repair."""

from __future__ import annotations

import pytest

from orchestrator.execution.model import MapCounts, MapState, NodeState
from orchestrator.states import NodeStatus, WaitingOn
from tests.dags import node, workflow
from tests.unit.orchestrator.execution.test_explain import having, only

N = NodeStatus
SAVED = ("items A",)
#: All items have ended, and the node has not gone on yet.
DONE = MapState(MapCounts(total=2, started=2, live=0, completed=2, failed=0, skipped=0), (N.COMPLETED,) * 2)


@pytest.mark.parametrize("worklist", [SAVED, ()])
def test_a_map_whose_items_are_done_goes_on_by_a_saved_turn_or_a_repair(worklist: tuple[str, ...]) -> None:
    waiting = NodeState("A", N.WAITING, waiting_on=WaitingOn.MAP)
    document = workflow(node("A", map={"items": [1, 2]}))

    told = only(having(document, waiting, maps={"A": DONE}, worklist=worklist))

    assert told.details.get("repair", False) is not bool(worklist)


@pytest.mark.parametrize("worklist", [SAVED, ()])
def test_an_execution_that_is_done_ends_by_a_saved_turn_or_a_repair(
    worklist: tuple[str, ...],
) -> None:
    told = only(having(workflow(node("A")), NodeState("A", N.COMPLETED), worklist=worklist))

    assert told.waiting_for.startswith("its end: all 1 nodes are done")
    assert told.details.get("repair", False) is not bool(worklist)
    assert ("worklist" in told.wakes) is bool(worklist)
