"""Executions of A -> B as the engine shows them, in any state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.execution.model import Execution, NodeState
from orchestrator.operations.results import ExecutionView
from orchestrator.states import ExecutionStatus
from tests.dags import compiled, node, workflow


def view(
    *states: NodeState, status: ExecutionStatus = ExecutionStatus.RUNNING, **fields: Any
) -> ExecutionView:
    """Show an execution, made at 1,000 ms. fields: of it, as they differ."""
    execution = Execution("x1", "title", "v", status, left=0, created_ms=1_000)
    definition = compiled(workflow(node("A"), node("B", after=["A"])))
    given = {state.node_id: state for state in states}
    nodes = [given.get(each.id, NodeState(each.id)) for each in definition.nodes]
    return ExecutionView(replace(execution, **fields), definition, nodes, {}, {}, is_quiesced=False)
