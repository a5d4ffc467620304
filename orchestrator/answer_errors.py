"""What can go wrong with a signal or a decision: each says what was found instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from orchestrator.errors import HeadraceError, Problem


class PayloadInvalid(HeadraceError):
    """A payload or form does not fit the schema of the node that waits for it; nothing was delivered."""

    code = "PAYLOAD_INVALID"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class PayloadTooLarge(HeadraceError):
    """A payload or form is over the limit."""

    code = "PAYLOAD_TOO_LARGE"

    def __init__(self, what: str, size_bytes: int, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the {what} has {size_bytes:,} bytes; allowed are {limit_bytes:,}")


class SignalsFull(HeadraceError):
    """Nobody waits for the signal, and as many are kept for later as may be."""

    code = "SIGNALS_FULL"

    def __init__(self, execution_id: str, name: str, most: int) -> None:
        self.execution_id = execution_id
        super().__init__(
            f"execution {execution_id} keeps {most} signals nobody has waited for yet, and nobody waits for "
            f"{name!r}; send it again when somebody does"
        )


class ApprovalNotFound(HeadraceError):
    """The execution has such a node, but it has not asked anybody for a decision."""

    code = "APPROVAL_NOT_FOUND"

    def __init__(self, execution_id: str, node_id: str) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(f"node {node_id!r} of execution {execution_id} has not asked for an approval")


class NotAssigned(HeadraceError):
    """Only the people an approval names may decide."""

    code = "NOT_ASSIGNED"

    def __init__(self, execution_id: str, node_id: str, by: str, assignees: Sequence[str]) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(f"{by!r} may not decide {node_id!r}; assigned: {', '.join(assignees)}")


class AlreadyDecided(HeadraceError):
    """Somebody decided first; `recorded` is that decision, JSON."""

    code = "ALREADY_DECIDED"

    def __init__(self, execution_id: str, node_id: str, recorded: Any) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        self.recorded = recorded
        found = recorded if isinstance(recorded, dict) else {}
        by = found.get("by") or "its time limit"
        super().__init__(
            f"{node_id!r} has been decided: {found.get('decision')} by {by} at {found.get('at')}"
        )


class AlreadyVoted(HeadraceError):
    """This person has approved before, and more people are needed."""

    code = "ALREADY_VOTED"

    def __init__(self, execution_id: str, node_id: str, by: str, given: int) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(f"{by!r} has approved {node_id!r} before; approvals so far: {given}")


class ShownChanged(HeadraceError):
    """The decision is about something else than what is shown now; look at it and decide again."""

    code = "SHOWN_CHANGED"

    def __init__(self, execution_id: str, node_id: str, shown: str) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        self.shown = shown
        super().__init__(
            f"what {node_id!r} shows has changed since, so this decision is void: read it again and decide "
            f"with its hash ({shown})"
        )


class NotWaiting(HeadraceError):
    """The node does not wait for a decision at the moment, or no more."""

    code = "NOT_WAITING"

    def __init__(self, execution_id: str, node_id: str, status: str) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        self.status = status
        super().__init__(f"{node_id!r} of execution {execution_id} waits for no decision: it is {status}")
