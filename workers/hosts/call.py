"""One attempt in a host: what it reports on the way reaches its context, as if it ran in the worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace import HandlerFault
from orchestrator.documents import exact_json
from workers.context import HandlerContext
from workers.outcome import Outcome, from_exception

#: What a host is asked to send for an attempt, or tells of it: header and body of a frame.
Send = Callable[[Mapping[str, Any], bytes], None]


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
    _answering: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def unit(self) -> str:
        return f"{self.context.execution_id}/{self.context.node_id}"

    def report(self, header: Mapping[str, Any], body: bytes) -> None:
        """Take something the attempt reports while it runs."""
        if self.is_left:
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
            case "emit":
                task = asyncio.get_running_loop().create_task(self._emit(header, body))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)

    async def _emit(self, header: Mapping[str, Any], body: bytes) -> None:
        answer: dict[str, Any] = {"type": "answer", "id": self.number, "n": header["n"]}
        try:
            await self.context.emit(
                header["event"], exact_json.loads(body), header["parents"], internal=header["internal"]
            )
        except HandlerFault as fault:
            error = {"type": fault.error_type, "message": str(fault), "retryable": fault.retryable}
            answer["error"] = {**error, "details": fault.details}
        self.send(answer, b"")

    def end(self, outcome: Outcome | None) -> None:
        if not self.ended.done():
            self.ended.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """End it by what became of its host."""
        if self.ended.done():
            return
        if self.is_left:
            self.ended.set_result(from_exception(error))
        else:
            self.ended.set_exception(error)
