"""The verbs of nodes that have an execution of their own as a child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.courier import Argument, Call
from orchestrator.layout import Field, Slice
from orchestrator.replies import Ended
from orchestrator.verbs import Holding, Take, Verbs


@dataclass(frozen=True, slots=True)
class Child:
    """An execution to be started for a unit; every slice of it but the last is staged.

    definition   as it is stored, JSON.
    extra        runtime fields and values in turn; they beat those of the layout.
    most_levels  levels of children allowed below the root.
    too_deep     the error, JSON, of the unit whose child would be one level deeper.
    output       of a unit that does not wait for its child, JSON.
    """

    execution_id: str
    definition: bytes
    last: Slice
    extra: Sequence[Field]
    most_levels: int
    too_deep: bytes
    output: bytes


class ChildVerbs(Verbs):
    """Start a child, and wait for it. Its end wakes its unit by itself."""

    def start_child(self, holding: Holding, child: Child, *, take: Take | None = None) -> Call[Ended]:
        """Create and start the child of a unit, and park the unit until the child ends."""
        own: tuple[Argument, ...] = (
            child.execution_id, child.most_levels, child.too_deep, child.output, child.definition,
            *child.last.arguments(), *child.extra,
        )  # fmt: skip
        return self._end("start_child", holding, take, *own)

    def await_child(
        self, holding: Holding, child_id: str, *, looks_again: bool, take: Take | None = None
    ) -> Call[Ended]:
        """Park a unit on the child it has.

        looks_again  the child's next end is not the one waited for: it is to be looked at again then.
        """
        return self._end("await_child", holding, take, child_id, "1" if looks_again else "0")
