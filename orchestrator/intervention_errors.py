"""What can go wrong with an operator's word about one node: each says what was found instead."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import HeadraceError, Problem


class NodeBusy(HeadraceError):
    """The node, or its execution, is in no state that the verb can leave."""

    code = "NODE_STATE"

    def __init__(self, verb: str, execution_id: str, node_id: str, found: str) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(f"cannot {verb} node {node_id!r} of execution {execution_id}: {found}")


class AttemptChanged(HeadraceError):
    """The node is at another attempt than the one the request was made for; nothing was changed."""

    code = "ATTEMPT_CHANGED"

    def __init__(self, verb: str, execution_id: str, node_id: str, *, meant: int, found: int) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(
            f"cannot {verb} attempt {meant} of node {node_id!r} in execution {execution_id}: it is at attempt"
            f" {found} by now; look at it and decide again"
        )


class OutputRefused(HeadraceError):
    """The output cannot be that of such a node: it names no branch."""

    code = "OUTPUT_REFUSED"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))
