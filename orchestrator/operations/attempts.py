"""Reads the attempts of a node or item out of its history, without reading all of a long one."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.execution.attempts import MOST_ATTEMPTS, Attempt, attempts_of, is_first, is_of
from orchestrator.execution.model import NodeState
from orchestrator.store.histories import Histories


@dataclass(frozen=True, slots=True)
class Attempts:
    """Attempts of a unit, oldest first.

    is_cut  older ones are not among them: they were too many, their events too far back, or gone.
    """

    attempts: tuple[Attempt, ...]
    is_cut: bool


async def read_attempts(histories: Histories, execution_id: str, state: NodeState) -> Attempts:
    """List the newest attempts of the unit that a record is of.

    Reads backwards: from the end of the history, or from where the unit ended, to its first attempt.
    """
    unit = state.node_id
    if state.attempt == 0 or state.reused:
        return Attempts((), False)
    first, last = await histories.bounds(execution_id)
    before = None
    if state.ended_ms is not None:
        # Nothing of it comes later. Others may have ended in the same millisecond, so that a few are skipped.
        before = 1 + await histories.last_until(execution_id, state.ended_ms, first=first, last=last)
    scan = await histories.scan(
        execution_id,
        lambda event: is_of(event, unit),
        before=before,
        is_backward=True,
        is_last=lambda event: is_first(event, unit),
    )
    is_whole = scan.first == 1 or (bool(scan.events) and is_first(scan.events[0], unit))
    found = attempts_of(scan.events, state, is_whole=is_whole)
    return Attempts(tuple(found), not is_whole or (len(found) == MOST_ATTEMPTS and found[0].number > 1))
