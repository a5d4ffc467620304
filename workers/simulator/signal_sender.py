"""Plays those whom nodes wait for: sends the signals and makes the decisions of stubs when they are due."""

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
from orchestrator.operations.signals import Signals
from orchestrator.store.reader import Store
from orchestrator.store.replies import Claim
from orchestrator.store.transitions import Transitions
from workers.simulator.stub_signals import SOMEBODY, Answer, DecisionAnswer, SignalAnswer


@dataclass(order=True)
class _Said:
    """Something to be said at a virtual moment, to whoever still waits for just that."""

    due_ms: int
    number: int
    answer: Answer = field(compare=False)
    execution_id: str = field(compare=False)
    #: Who waits for it; '' for a signal that comes whether or not anybody does.
    unit: str = field(default="", compare=False)
    attempt: int = field(default=0, compare=False)
    #: Name of the signal, or hash of what is shown.
    awaits: str = field(default="", compare=False)
    #: Which of several decisions of one stub.
    place: int = field(default=0, compare=False)


class ExternalActor:
    """Everybody outside a simulated execution and its children."""

    def __init__(self, store: Store, transitions: Transitions) -> None:
        self._store = store
        self._signals = Signals(store, transitions)
        self._approvals = Approvals(store, transitions)
        self._due: list[_Said] = []
        self._numbers = itertools.count(1)

    def begin(self, execution_id: str, signals: tuple[SignalAnswer, ...], now_ms: int) -> None:
        """Note what comes by the clock, from now on."""
        for signal in signals:
            due_ms, number = now_ms + signal.after_ms, next(self._numbers)
            self._note(_Said(due_ms, number, signal, execution_id, awaits=signal.name))

    def expect(self, claim: Claim, awaits: str, answers: tuple[Answer, ...], now_ms: int) -> None:
        """Note what is to be said to a unit that has begun to wait."""
        for place, answer in enumerate(answers):
            due_ms, number = now_ms + answer.after_ms, next(self._numbers)
            who = (claim.execution_id, claim.node_id, claim.attempt)
            self._note(_Said(due_ms, number, answer, *who, awaits, place))

    @property
    def next_ms(self) -> int | None:
        """When something is said next."""
        return self._due[0].due_ms if self._due else None

    async def send_due(self, now_ms: int) -> None:
        """Say what is due. Raises DefinitionInvalid for what the one who waits would not take."""
        while self._due and self._due[0].due_ms <= now_ms:
            said = heapq.heappop(self._due)
            try:
                if isinstance(said.answer, SignalAnswer):
                    await self._send(said, said.answer)
                else:
                    await self._decide(said, said.answer)
            except (PayloadInvalid, NotAssigned, AlreadyVoted) as error:
                raise _unfit(said, error) from None
            except (InvalidTransition, AlreadyDecided, ApprovalNotFound, NotWaiting):
                continue  # Too late: nobody waits for it any more.

    async def _send(self, said: _Said, answer: SignalAnswer) -> None:
        if said.unit:
            waiting, _ = await self._store.waits.for_signal(said.execution_id, said.awaits)
            if f"{said.unit} {said.attempt}" not in waiting.decode().split(";"):
                return
        await self._signals.send(said.execution_id, said.awaits, answer.payload)

    async def _decide(self, said: _Said, answer: DecisionAnswer) -> None:
        approval = await self._approvals.get(said.execution_id, said.unit)
        if not approval.is_pending or approval.shown != said.awaits:
            return
        names = approval.assignees or (SOMEBODY,)
        by = names[said.place] if said.place < len(names) else f"{SOMEBODY} {said.place + 1}"
        await self._approvals.decide(
            said.execution_id,
            said.unit,
            decision="approve" if answer.approves else "deny",
            by=answer.by or by,
            shown=said.awaits,
            form=answer.form,
        )

    def _note(self, said: _Said) -> None:
        heapq.heappush(self._due, said)


def _unfit(said: _Said, error: HeadraceError) -> DefinitionInvalid:
    if isinstance(said.answer, DecisionAnswer):
        what, path = f"the decision about '{said.unit}'", f"stubs.nodes.{said.unit}.decision"
    elif said.unit:
        what, path = f"the signal for '{said.unit}'", f"stubs.nodes.{said.unit}.signal"
    else:
        what, path = f"the signal '{said.awaits}'", "stubs.signals"
    problems = getattr(error, "problems", ()) or (Problem("", error.code, str(error)),)
    return DefinitionInvalid(
        [Problem(path, "answer_refused", f"{what} is not taken: {problem.message}") for problem in problems]
    )
