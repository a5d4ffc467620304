"""What the engine answers with: frozen values, one for each kind of question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.definitions.definition import Definition
from orchestrator.errors import Problem
from orchestrator.execution.model import Execution, NodeState
from orchestrator.states import ExecutionStatus
from orchestrator.store.health import Check


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
class Rerun:
    """A retry in place, or the preview of one.

    generation  the life the execution is in now: before a retry, or in it.
    nodes       what runs again, in definition order; None when that generation had been retried before.
    """

    execution_id: str
    status: ExecutionStatus
    generation: int
    nodes: tuple[str, ...] | None
    already: bool = False


@dataclass(frozen=True, slots=True)
class Forked:
    """A fork, or the preview of one, which has neither id nor status. Each node is in one of the lists.

    nodes    to be run.
    reused   ended in the source; outputs are copied.
    skipped  skipped at once, because of what is reused.
    """

    forked_from: str
    nodes: tuple[str, ...]
    reused: tuple[str, ...]
    skipped: tuple[str, ...]
    execution_id: str | None = None
    status: ExecutionStatus | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """A definition in numbers; depth counts the nodes of its longest chain."""

    name: str
    version: str
    nodes: int
    edges: int
    depth: int


@dataclass(frozen=True, slots=True)
class Validation:
    """What is wrong with a document, and else what cannot be meant, with a summary."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    summary: Summary | None


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One execution with all its nodes, in definition order.

    output        what the `output` of its definition came to, JSON; None before that and without one.
    output_error  why it came to nothing.
    """

    execution: Execution
    definition: Definition
    nodes: list[NodeState]
    output: bytes | None = None
    output_error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list, newest first. The cursor leads to the next part; None at the end."""

    items: list[Any]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Readiness:
    ok: bool
    checks: list[Check]
