"""Reads the attempts of a node or item out of its history, without reading all of a long one."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.execution.attempts import MOST_ATTEMPTS, Attempt, attempts_of, is_first, is_of
from orchestrator.execution.model import NodeState
from orchestrator.store.histories import Histories, Scan


@dataclass(frozen=True, slots=True)
class Attempts:
    """Attempts of a unit, oldest first.

    is_cut  older ones are not among them, or lines that they logged: they were too many, their events too far
            back, or gone.
    """

    attempts: tuple[Attempt, ...]
    is_cut: bool


async def read_attempts(histories: Histories, execution_id: str, state: NodeState) -> Attempts:
    """List the newest attempts of the unit that a record is of.

    Reads backwards to its first attempt: from where the unit ended; of one that has not, from the end of the
    history and, where that does not reach it, from the start of the present attempt.
    """
    unit = state.node_id
    if state.attempt == 0 or state.reused:
        return Attempts((), False)

    async def read_before(before: int | None) -> tuple[Scan, bool]:
        scan = await histories.scan(
            execution_id,
            lambda event: is_of(event, unit),
            before=before,
            is_backward=True,
            is_last=lambda event: is_first(event, unit),
        )
        return scan, scan.first == 1 or (bool(scan.events) and is_first(scan.events[0], unit))

    first, last = await histories.bounds(execution_id)
    before = None
    if state.ended_ms is not None:
        # Nothing of it comes later. Others may have ended in the same millisecond, so that a few are skipped.
        before = 1 + await histories.last_until(execution_id, state.ended_ms, first=first, last=last)
    scan, is_whole = await read_before(before)
    events, has_gap = scan.events, False
    if not is_whole and state.ended_ms is None and scan.first is not None:
        began_ms = max(state.queued_ms or 0, state.started_ms or 0)
        place = await histories.last_until(execution_id, began_ms, first=first, last=scan.first - 1)
        earlier, is_whole = await read_before(place + 1)
        events, has_gap = earlier.events + events, place + 1 < scan.first
    found = attempts_of(events, state, is_whole=is_whole)
    is_full = len(found) == MOST_ATTEMPTS and found[0].number > 1
    return Attempts(tuple(found), not is_whole or has_gap or is_full)
