"""What the client says of a definition that is not run: what is wrong with it, or what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from headrace.values import Value


@dataclass(frozen=True, slots=True)
class Judgement:
    """Errors and warnings of a definition.

    Entries have path, code and message, and hint, line and column where known; summary: name, version, nodes,
    edges, depth.
    """

    errors: tuple[dict[str, Any], ...]
    warnings: tuple[dict[str, Any], ...]
    summary: dict[str, Any] | None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(tuple(document["errors"]), tuple(document["warnings"]), document["summary"])


@dataclass(frozen=True, slots=True)
class Simulation(Value):
    """What a workflow came to with stubs and virtual time.

    path     {at_ms, event, node_id}, in order; nodes: {node_id, status, reason, attempts, start_ms, …}.
    waiting  nodes that nothing would wake.
    """

    schema = "SimulationAnswer"

    status: str
    reason: str | None = None
    duration_ms: int = 0
    nodes: tuple[Mapping[str, Any], ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    path: tuple[Mapping[str, Any], ...] = ()
    waiting: tuple[str, ...] = ()
    output: Any = None
    output_error: Mapping[str, Any] | None = None

    def status_of(self, node_id: str) -> str:
        """How a node ended. Raises KeyError for one that is not there."""
        return str({node["node_id"]: node["status"] for node in self.nodes}[node_id])
