"""One attempt in a host: what it reports on the way reaches its context, as if it ran in the worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.documents import exact_json
from workers.context import HandlerContext
from workers.hosts.answers import Answers, Send
from workers.outcome import Outcome, from_exception


@dataclass(slots=True, eq=False)
class Call:
    """An attempt that a host runs.

    ended        its outcome, None where it was stopped; or the exception that stands for the end of its host.
    is_left      nobody waits for it any more: its time was over, or it has been replaced.
    """

    number: int
    context: HandlerContext
    send: Send
    ended: asyncio.Future[Outcome | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    is_left: bool = False
    began_s: float = field(default_factory=time.monotonic)
    since_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    #: Made when something is asked for: most attempts ask for nothing.
    _answers: Answers | None = None

    @property
    def unit(self) -> str:
        return f"{self.context.execution_id}/{self.context.node_id}"

    def report(self, header: Mapping[str, Any], body: bytes) -> None:
        """Take something the attempt reports while it runs."""
        if self.is_left:
            if header["type"] == "ask":
                self.answers.refuse(header["n"])
            return
        context = self.context
        match header["type"]:
            case "log":
                context.log(header["message"], header["level"], **header["data"])
            case "line":
                context.log(header["text"], stream=header["stream"])
            case "progress":
                context.progress(header["fraction"], header["message"], **header["data"])
            case "token":
                context.token(header["text"])
            case "reset":
                context.reset_stream(header["reason"])
            case "beat":
                context.heartbeat(exact_json.loads(body) if body else None)
            case "ask":
                self.answers.take(header, body)
            case "withdraw":
                self.answers.withdraw(header["n"])

    @property
    def answers(self) -> Answers:
        if self._answers is None:
            self._answers = Answers(self.number, self.context, self.send)
        return self._answers

    def leave(self) -> None:
        """Wait for it no longer: what it has asked for is ended with the wait."""
        self.is_left = True
        self._stop_answers()

    def _stop_answers(self) -> None:
        if self._answers is not None:
            self._answers.stop()

    def end(self, outcome: Outcome | None) -> None:
        self._stop_answers()
        if not self.ended.done():
            self.ended.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """End it by what became of its host."""
        self._stop_answers()
        if self.ended.done():
            return
        if self.is_left:
            self.ended.set_result(from_exception(error))
        else:
            self.ended.set_exception(error)
