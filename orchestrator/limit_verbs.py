"""The verbs of time limits."""

from __future__ import annotations

from orchestrator.courier import Call
from orchestrator.replies import read_word_more
from orchestrator.verbs import Verbs


class LimitVerbs(Verbs):
    """End what has taken too long."""

    def expire_node(self, execution_id: str, node_id: str, generation: str) -> Call[tuple[str, bool]]:
        """Fail a unit that has not ended within its schedule_to_close_timeout."""
        return self._call("expire_node", execution_id, (node_id, generation), read_word_more)
