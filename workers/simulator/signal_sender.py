"""Sends the signals and approval decisions configured in stubs at their simulated time."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

from orchestrator.errors import (
    AlreadyDecided,
    AlreadyVoted,
    ApprovalNotFound,
    DefinitionInvalid,
    HeadraceError,
    InvalidTransition,
    NotAssigned,
    NotWaiting,
    PayloadInvalid,
    Problem,
)
from orchestrator.operations.approvals import Approvals
from orchestrator.operations.owner import AnyOwner
from orchestrator.operations.signals import Signals
from orchestrator.store.reader import Store
from orchestrator.store.replies import Claim
from orchestrator.store.transitions import Transitions
from workers.simulator.stub_signals import SOMEONE, Answer, DecisionAnswer, SignalAnswer


@dataclass(order=True)
class _Due:
    """A signal or decision that is due at a virtual moment."""

    due_ms: int
    number: int
    answer: Answer = field(compare=False)
    execution_id: str = field(compare=False)
    #: The unit that waits for it; '' for a signal that comes whether or not one does.
    unit: str = field(default="", compare=False)
    attempt: int = field(default=0, compare=False)
    #: Name of the signal, or hash of what the approval shows.
    awaits: str = field(default="", compare=False)
    #: Which of several decisions of one stub.
    place: int = field(default=0, compare=False)


class ExternalActor:
    """The sender of all signals and decisions for one simulated execution and its children."""

    def __init__(self, store: Store, transitions: Transitions) -> None:
        self._store = store
        self._signals = Signals(store, transitions, AnyOwner(store))
        self._approvals = Approvals(store, transitions, AnyOwner(store))
        self._due: list[_Due] = []
        self._numbers = itertools.count(1)

    def begin(self, execution_id: str, signals: tuple[SignalAnswer, ...], now_ms: int) -> None:
        """Schedule the signals that come by the clock."""
        for signal in signals:
            due_ms, number = now_ms + signal.after_ms, next(self._numbers)
            self._schedule(_Due(due_ms, number, signal, execution_id, awaits=signal.name))

    def expect(self, claim: Claim, awaits: str, answers: tuple[Answer, ...], now_ms: int) -> None:
        """Schedule the answers of a stub to a unit that has begun to wait."""
        for place, answer in enumerate(answers):
            due_ms, number = now_ms + answer.after_ms, next(self._numbers)
            who = (claim.execution_id, claim.node_id, claim.attempt)
            self._schedule(_Due(due_ms, number, answer, *who, awaits, place))

    @property
    def next_ms(self) -> int | None:
        """When the next one is due; None when none is left."""
        return self._due[0].due_ms if self._due else None

    async def send_due(self, now_ms: int) -> None:
        """Send what is due. Raises DefinitionInvalid for an answer that the waiting node refuses."""
        while self._due and self._due[0].due_ms <= now_ms:
            due = heapq.heappop(self._due)
            try:
                if isinstance(due.answer, SignalAnswer):
                    await self._send(due, due.answer)
                else:
                    await self._decide(due, due.answer)
            except (PayloadInvalid, NotAssigned, AlreadyVoted) as error:
                raise _unfit(due, error) from None
            except (InvalidTransition, AlreadyDecided, ApprovalNotFound, NotWaiting):
                continue  # Too late: no node waits for it any more.

    async def _send(self, due: _Due, answer: SignalAnswer) -> None:
        if due.unit:
            waiting, _ = await self._store.waits.for_signal(due.execution_id, due.awaits)
            if f"{due.unit} {due.attempt}" not in waiting.decode().split(";"):
                return
        await self._signals.send(due.execution_id, due.awaits, answer.payload)

    async def _decide(self, due: _Due, answer: DecisionAnswer) -> None:
        approval = await self._approvals.get(due.execution_id, due.unit)
        if not approval.is_pending or approval.shown != due.awaits:
            return
        names = approval.assignees or (SOMEONE,)
        by = names[due.place] if due.place < len(names) else f"{SOMEONE} {due.place + 1}"
        await self._approvals.decide(
            due.execution_id,
            due.unit,
            decision="approve" if answer.approves else "deny",
            by=answer.by or by,
            shown=due.awaits,
            form=answer.form,
        )

    def _schedule(self, due: _Due) -> None:
        heapq.heappush(self._due, due)


def _unfit(due: _Due, error: HeadraceError) -> DefinitionInvalid:
    if isinstance(due.answer, DecisionAnswer):
        what, path = f"the decision about '{due.unit}'", f"stubs.nodes.{due.unit}.decision"
    elif due.unit:
        what, path = f"the signal for '{due.unit}'", f"stubs.nodes.{due.unit}.signal"
    else:
        what, path = f"the signal '{due.awaits}'", "stubs.signals"
    problems = getattr(error, "problems", ()) or (Problem("", error.code, str(error)),)
    return DefinitionInvalid(
        [Problem(path, "answer_refused", f"{what} is not taken: {problem.message}") for problem in problems]
    )
