"""The outputs of an execution for one answer: whole, unless that is more than one answer can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from orchestrator.engine import TenantEngine
from orchestrator.operations.results import ExecutionView

#: Outputs of one answer together; where there is more, the large ones are named by where they are.
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ShownOutputs:
    """Outputs by node id. large: those that are too large for the view, as stored."""

    view: ExecutionView
    large: Mapping[str, bytes | None] = field(default_factory=dict)

    def text(self, node_id: str) -> bytes | None:
        """Give an output as stored; None where there is none, or it is too large to be shown."""
        return self.view.outputs.get(node_id) or self.large.get(node_id)

    def of(self, node_id: str) -> Any:
        """Show an output, or its size and where it is; None where there is none."""
        if (output := self.text(node_id)) is not None:
            return orjson.Fragment(output)
        size_bytes = self.view.sizes.get(node_id, 0)
        href = f"/v1/executions/{self.view.execution.execution_id}/nodes/{node_id}/output"
        return {"truncated": True, "bytes": size_bytes, "href": href} if size_bytes else None


async def shown_outputs(engine: TenantEngine, view: ExecutionView) -> ShownOutputs:
    """Read what a view has left out because of its size."""
    large = [node_id for node_id, size in view.sizes.items() if size and view.outputs.get(node_id) is None]
    if not large or sum(view.sizes.values()) > MOST_BYTES:
        return ShownOutputs(view)
    return ShownOutputs(view, await engine.executions.results(view.execution.execution_id))
