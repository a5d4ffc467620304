"""Answers what an attempt in a host asks of its worker: typed events, and calls by the worker's clients."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from headrace import Terminal
from headrace._asks import STOPPED
from headrace._frames import FrameError
from headrace.plain_json import plain
from orchestrator.documents import exact_json
from orchestrator.errors import ErrorType
from workers.context import HandlerContext
from workers.hosts.tools import TOOLS, WRITES, Answer
from workers.outcome import Failed, from_exception

#: Sends a frame to the host: header and body.
Send = Callable[[Mapping[str, Any], bytes], None]
#: What one attempt may have asked for at a time. Each holds what it sends and what comes back.
MOST_AT_ONCE = 256


class Answers:
    """All that one attempt asks for, until it ends or is left: then what it still waits for is ended.

    number  of the attempt in its host.
    """

    def __init__(self, number: int, context: HandlerContext, send: Send) -> None:
        self._number = number
        self._context = context
        self._send = send
        #: Calls under way, by the number of what was asked.
        self._calls: dict[int, asyncio.Task[None]] = {}
        #: Events and entries that are being written: these go on, whatever becomes of the attempt.
        self._events: set[asyncio.Task[None]] = set()
        self._entries: set[asyncio.Task[None]] = set()
        #: Budgets hold one call of an attempt at a time.
        self._llm_turn = asyncio.Lock()

    def take(self, header: Mapping[str, Any], body: bytes) -> None:
        """Answer something, in its own time. Raises KeyError for a frame that asks for nothing known."""
        number, what = header["n"], header["what"]
        if what == "emit":
            self._emit(number, header, body)
            return
        tool = TOOLS[what]
        if len(self._calls) + len(self._entries) >= MOST_AT_ONCE:
            message = f"an attempt has {MOST_AT_ONCE} calls under way at most: wait for some of them"
            self._fail(number, Terminal(message))
            return
        give = partial(self._give, number)
        work = tool(self._context, header, body, give)
        task = asyncio.create_task(self._answer(number, work, self._llm_turn if what == "llm" else None))
        if what in WRITES:
            self._entries.add(task)
            task.add_done_callback(self._entries.discard)
            return
        self._calls[number] = task
        task.add_done_callback(partial(self._ended, number, work))

    def refuse(self, number: int) -> None:
        """Answer that the attempt is over."""
        self._send({**self._to(number), **STOPPED}, b"")

    def withdraw(self, number: int) -> None:
        """End a call that nobody waits for any more."""
        if task := self._calls.get(number):
            task.cancel()

    def stop(self) -> None:
        """End all calls, but for what is being written."""
        for task in list(self._calls.values()):
            task.cancel()

    def _emit(self, number: int, header: Mapping[str, Any], body: bytes) -> None:
        try:
            # Here, not in the task: its place is before all that is reported after it.
            written = self._context.emit(
                header["event"],
                exact_json.loads(body),
                header["parents"],
                header["internal"],
                # A package of an older version does not say.
                header.get("repeated", False),
                header.get("qualified_name"),
            )
        except Exception as error:
            self._fail(number, error)
            return

        async def finish() -> Answer:
            await written
            return {}, b""

        task = asyncio.create_task(self._answer(number, finish()))
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    async def _answer(
        self, number: int, work: Coroutine[Any, Any, Answer], turn: asyncio.Lock | None = None
    ) -> None:
        try:
            async with turn or contextlib.nullcontext():
                fields, body = await work
            self._send({**self._to(number), **fields}, body)
        except FrameError as error:
            message = f"the answer cannot be sent to the handler: {error}"
            self._fail(number, Terminal(message, type=ErrorType.OUTPUT_TOO_LARGE))
        except Exception as error:
            self._fail(number, error)

    def _ended(self, number: int, work: Coroutine[Any, Any, Answer], task: asyncio.Task[None]) -> None:
        """Forget a call. One that was ended before its turn has answered nothing yet."""
        del self._calls[number]
        work.close()
        if task.cancelled():
            self.refuse(number)

    def _give(self, number: int, piece: Any) -> None:
        """Send a part of an answer that comes before its end."""
        self._context.last_beat_s = time.monotonic()
        self._send({"type": "piece", "id": self._number, "n": number, "piece": piece}, b"")

    def _fail(self, number: int, error: Exception) -> None:
        failed = from_exception(error)
        assert isinstance(failed, Failed)
        fault = {
            "type": failed.error.type,
            "message": str(failed.error.message),
            "retryable": failed.error.retryable,
            "after_s": None if failed.retry_after_ms is None else failed.retry_after_ms / 1000,
            "details": _plain(failed.error.details),
        }
        self._send({**self._to(number), "error": fault}, b"")

    def _to(self, number: int) -> dict[str, Any]:
        return {"type": "answer", "id": self._number, "n": number}


def _plain(details: Mapping[str, Any] | None) -> Any:
    """Give details as JSON; texts of which a part would be shown go whole."""
    return None if details is None else exact_json.loads(exact_json.dumps(details, default=plain))
