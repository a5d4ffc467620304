"""Executions that have ended, and forks of them as they are planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.execution.fork import ForkPlan, plan_fork
from orchestrator.execution.model import NodeState, Snapshot
from orchestrator.states import ExecutionStatus
from tests.dags import compiled, condition, node, workflow
from tests.simulation import fresh
from tests.snapshots import ENDS

LINE = (node("A"), node("B", after=["A"]), node("C", after=["B"]), node("beside"))

BRANCHED = (
    condition("if", true=["yes"], false=["no"]),
    node("yes", after=["if"]),
    node("no", after=["if"]),
    node("after_no", after=["no"]),
    node("join", after=["yes", "no"]),
)

TAKEN = {"no": "aside", "after_no": "unwanted"}


def source(*nodes: dict[str, Any], not_taken: dict[str, list[str]] | None = None, **ends: str) -> Snapshot:
    """Give an execution whose nodes ended as named; those not named COMPLETED, `pending` did not begin."""
    snapshot = fresh(compiled(workflow(*nodes)), status=ExecutionStatus.COMPLETED)
    states = {}
    for each in snapshot.nodes:
        word = ends.get(each, "ok")
        states[each] = NodeState(each) if word == "pending" else NodeState(each, *ENDS[word])
    not_taken_for = {each: frozenset(ids) for each, ids in (not_taken or {}).items()}
    return replace(snapshot, nodes=states, not_taken=not_taken_for)


def forked(found: Snapshot, *nodes: dict[str, Any], **change: Any) -> ForkPlan:
    """Plan a fork; with nodes, of another definition."""
    definition = compiled(workflow(*nodes)) if nodes else found.definition
    return plan_fork(found, definition, **change)
