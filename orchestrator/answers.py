"""What the engine answers with: frozen values, one for each kind of question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.definition import Definition
from orchestrator.execution import Execution, NodeState
from orchestrator.health import Check
from orchestrator.states import ExecutionStatus


@dataclass(frozen=True, slots=True)
class Submitted:
    execution_id: str
    status: ExecutionStatus
    replayed: bool


@dataclass(frozen=True, slots=True)
class Triggered:
    execution_id: str
    status: ExecutionStatus
    already: bool


@dataclass(frozen=True, slots=True)
class Cancelled:
    execution_id: str
    status: ExecutionStatus
    already: bool


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One execution with all its nodes, in definition order."""

    execution: Execution
    definition: Definition
    nodes: list[NodeState]


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list, newest first. The cursor leads to the next part; None at the end."""

    items: list[Any]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Readiness:
    ok: bool
    checks: list[Check]
