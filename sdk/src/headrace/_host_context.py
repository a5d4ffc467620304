"""A handler's context in a handler host: what it reports goes to the worker, and answers come from there."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Awaitable, Generator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NoReturn

from headrace.context import LogLevel
from headrace.outcome import Cancelled, HandlerFault, Retryable, Terminal
from headrace.plain_json import as_json

if TYPE_CHECKING:
    from headrace._wire import Wire

#: Heartbeats are sent this often at most; of those between only the newest counts.
BEAT_S = 0.1
#: Bytes of the details of a heartbeat.
BEAT_MAX_BYTES = 16 * 1024


class HostContext:
    """One attempt, seen from inside a handler that runs in a host. See `headrace.Context`."""

    def __init__(
        self, wire: Wire, asked: Mapping[str, Any], inputs: Any, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self._wire = wire
        self._loop = loop
        self._run = asked["id"]
        self.execution_id: str = asked["execution_id"]
        self.node_id: str = asked["node_id"]
        self.attempt: int = asked["attempt"]
        self.try_number: int = asked["try_number"]
        self.idempotency_key: str = asked["idempotency_key"]
        self.now_ms: int = asked["now_ms"]
        self.last_heartbeat: Any = asked["last_heartbeat"]
        self.environment: str = asked["environment"]
        self.inputs: Mapping[str, Any] = inputs
        self.cancelled: Any = threading.Event() if loop is None else asyncio.Event()
        self._is_cancelled = False
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[None]] = {}
        self._beat: bytes | None = None
        self._has_beat = False
        self._beat_s = float("-inf")
        self._beat_lock = threading.Lock()

    @property
    def http(self) -> NoReturn:
        _refuse("http")

    @property
    def llm(self) -> NoReturn:
        _refuse("llm")

    @property
    def containers(self) -> NoReturn:
        _refuse("containers")

    def log(self, message: str, level: LogLevel = "info", **data: Any) -> None:
        self._wire.send(
            {"type": "log", "id": self._run, "level": level, "message": str(message), "data": _shown(data)}
        )

    def progress(self, fraction: float | None, message: str | None = None, **data: Any) -> None:
        share = None if fraction is None or fraction != fraction else float(fraction)
        text = None if message is None else str(message)
        self._wire.send(
            {"type": "progress", "id": self._run, "fraction": share, "message": text, "data": _shown(data)}
        )

    def token(self, text: str) -> None:
        if text:
            self._wire.send({"type": "token", "id": self._run, "text": text})

    def reset_stream(self, reason: str) -> None:
        self._wire.send({"type": "reset", "id": self._run, "reason": str(reason)})

    def emit(
        self, type: str, value: Any, parents: Sequence[str] = (), internal: bool = False
    ) -> Awaitable[None]:
        try:
            body = json.dumps(as_json(value, "value")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise Terminal(f"the value of the event is not JSON: {error}", type="EventInvalid") from None
        number, answer = next(self._numbers), Future[None]()
        self._asked[number] = answer
        header = {"type": "emit", "id": self._run, "n": number, "event": type, "internal": internal}
        self._wire.send({**header, "parents": list(parents)}, body)
        if self._loop is None or _running_loop() is not self._loop:
            answer.result()
        return _Answer(answer)

    def heartbeat(self, details: Mapping[str, Any] | None = None) -> None:
        if details is not None:
            self._beat = _beat_body(details)
        self._has_beat = True
        if time.monotonic() - self._beat_s >= BEAT_S:
            self.send_beat()

    def is_cancelled(self) -> bool:
        return self._is_cancelled

    def raise_if_cancelled(self) -> None:
        if self._is_cancelled:
            raise Cancelled()

    # For the host

    def send_beat(self) -> None:
        """Send the newest heartbeat, if there is one that has not been sent."""
        with self._wire.guard, self._beat_lock:
            if not self._has_beat:
                return
            self._has_beat, body, self._beat = False, self._beat, None
            self._beat_s = time.monotonic()
            self._wire.send({"type": "beat", "id": self._run}, body or b"")

    def cancel(self) -> None:
        """Say that the work is no longer wanted; from any thread."""
        self._is_cancelled = True
        if self._loop is None:
            self.cancelled.set()
        else:
            self._loop.call_soon_threadsafe(self.cancelled.set)

    def answer(self, answered: Mapping[str, Any]) -> None:
        """Take the worker's answer to something asked; from any thread."""
        asked = self._asked.pop(answered["n"], None)
        if asked is None:
            return
        if (fault := answered.get("error")) is None:
            asked.set_result(None)
        else:
            asked.set_exception(_fault(fault))


class _Answer:
    """Awaits what the worker answers; a sync handler has waited for it already."""

    def __init__(self, answer: Future[None]) -> None:
        self._answer = answer

    def __await__(self) -> Generator[Any, None, None]:
        if self._answer.done():
            self._answer.result()
            return
        yield from asyncio.wrap_future(self._answer).__await__()


def _fault(fault: Mapping[str, Any]) -> HandlerFault:
    kind = Retryable if fault.get("retryable") else Terminal
    return kind(fault["message"], type=fault["type"], details=fault.get("details"))


def _refuse(name: str) -> NoReturn:
    raise AttributeError(
        f"context.{name} is for built-in handlers: use a client of your own, or a node with such a handler"
    )


def _beat_body(details: Mapping[str, Any]) -> bytes:
    if not isinstance(details, Mapping):
        raise ValueError(f"the details of a heartbeat are an object, got a {type(details).__name__}")
    try:
        body = json.dumps(as_json(dict(details), "details")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the details of a heartbeat are not JSON: {error}") from None
    if len(body) > BEAT_MAX_BYTES:
        raise ValueError(
            f"the details of a heartbeat are {len(body):,} bytes; allowed are {BEAT_MAX_BYTES:,}"
        )
    return body


def _shown(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give data of a line as JSON; what is none is shown as Python shows it."""
    found = {}
    for name, value in data.items():
        try:
            found[name] = as_json(value, name)
        except (TypeError, ValueError, RecursionError):
            found[name] = repr(value)
    return found


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
