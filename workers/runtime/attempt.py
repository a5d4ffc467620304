"""One attempt of a worker: a claim, what it reports, and what it came to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace import HandlerFault, Retryable
from orchestrator.store.replies import Claim
from orchestrator.store.requests import AttemptToken
from orchestrator.store.script_client import Call
from workers.context import StopSignal
from workers.outcome import from_exception
from workers.runtime.event_buffer import EventBuffer, Line
from workers.runtime.event_writer import LineSender
from workers.runtime.runner import Result


@dataclass(slots=True, eq=False)
class Attempt:
    """A claim this worker runs. stop_cause: "cancel", "lost" or "drain"; "" while nothing stops it."""

    claim: Claim
    token: AttemptToken
    spec: dict[str, Any]
    buffer: EventBuffer
    sender: LineSender
    cancelled: StopSignal = field(default_factory=StopSignal)
    task: asyncio.Task[None] | None = None
    stop_cause: str = ""
    #: Set when the runner has come to an end; None then means that the handler was stopped.
    result: Result | None = None
    has_ended: bool = False
    #: Reads what the claims of its reply had no room for; gives them by their tokens.
    reading: asyncio.Task[dict[AttemptToken, Claim]] | None = None
    #: How often Redis has refused to record its end.
    refusals: int = 0
    #: The lines that go along with its end.
    last_lines: Sequence[list[Line]] = ()

    def line_calls(self) -> list[Call[Any]]:
        """Build the calls that write the lines left, to go along with its end."""
        self.last_lines = self.buffer.rest()
        return [self.sender.call(part) for part in self.last_lines]

    def refuse_to_complete(self, answers: list[Any]) -> None:
        """Fail it: it has completed, and a typed event that went along is not in the history.

        answers  to `line_calls`.
        """
        for part, answer in zip(self.last_lines, answers, strict=True):
            self.sender.take(part, answer)
        try:
            self.sender.check()
            fault: HandlerFault = Retryable("a typed event could not be written")
        except HandlerFault as error:
            fault = error
        self.result = from_exception(fault, attempt=self.claim.attempt)
