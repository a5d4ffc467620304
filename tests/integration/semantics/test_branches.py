"""Branches: what a switch and a condition take and leave aside, and what belongs to no branch."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.makers import WorkerFleet, condition, node, until, workflow

E, N = ExecutionStatus, NodeStatus

SWITCH = workflow(
    node("sort", handler="switch")
    | {"config": {"value": "{{ inputs.kind }}", "cases": {"a": "A", "b": ["B", "C"]}, "default": "D"}},
    *(node(name, after=["sort"]) for name in "ABCD"),
    node("end", after=["A", "B", "C", "D"]),
    node("always", after=["sort"]),
)


@pytest.mark.parametrize(("kind", "taken"), [("a", "A"), ("b", "BC"), ("else", "D")])
async def test_one_case_runs_and_the_others_are_skipped(
    engine: Engine, fleet: WorkerFleet, kind: str, taken: str
) -> None:
    await fleet.start()
    execution_id = (await engine.executions.submit(SWITCH, inputs={"kind": kind}, trigger=True)).execution_id

    async def has_ended() -> bool:
        return (await engine.executions.status(execution_id)).is_terminal

    await until(has_ended)
    view = await engine.executions.get(execution_id)
    ended = {state.node_id: (state.status, state.reason) for state in view.nodes}
    assert view.execution.status is E.COMPLETED
    assert {name for name in "ABCD" if ended[name] == (N.COMPLETED, None)} == set(taken)
    assert {name for name in "ABCD" if ended[name] == (N.SKIPPED, Reason.BRANCH_NOT_TAKEN)} == (
        set("ABCD") - set(taken)
    )
    assert ended["end"] == ended["always"] == (N.COMPLETED, None)


@pytest.mark.parametrize("expression", ["true", "false"])
async def test_a_direct_successor_in_neither_branch_runs(play: Any, expression: str) -> None:
    simulation = await play(
        condition("C", expression=expression, true=["T"], false=["F"]),
        node("T", after=["C"]),
        node("F", after=["C"]),
        node("N", after=["C"]),
    )

    statuses = {each.node_id: each.state.status for each in simulation.nodes}
    assert statuses["N"] == "COMPLETED"
