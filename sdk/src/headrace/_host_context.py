"""A handler's context in a handler host: what it reports goes to the worker, and answers come from there."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headrace._asks import Asks
from headrace._host_durable import HostInbox, HostJournal
from headrace._host_tools import HostContainers, HostHttp, HostLlm
from headrace.context import LogLevel, no_part_of_it, share_of
from headrace.durable import Inbox, Journal
from headrace.outcome import Cancelled, Terminal
from headrace.plain_json import as_json, text_in_json
from headrace.registration import HANDLER_REGISTRY
from headrace.tools import Containers, Http, Llm
from headrace.wording import text_of

if TYPE_CHECKING:
    from headrace._wire import Wire

#: Heartbeats are sent this often at most; of those between only the newest counts.
BEAT_S = 0.1
#: Bytes of the details of a heartbeat.
BEAT_MAX_BYTES = 16 * 1024


class HostContext:
    """One attempt, seen from inside a handler that runs in a host. See `headrace.Context`."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise no_part_of_it(name)

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
        self._asks = Asks(wire, self._run, loop)
        spec = HANDLER_REGISTRY.get(asked["handler"])
        # The worker says that others have none.
        is_durable = spec is not None and spec.is_durable
        self._journal = HostJournal(self._asks, is_empty=is_durable and self.attempt == 1)
        self._beat: bytes | None = None
        self._has_beat = False
        self._beat_s = float("-inf")
        self._beat_lock = threading.Lock()

    @property
    def http(self) -> Http:
        return HostHttp(self._asks)

    @property
    def llm(self) -> Llm:
        return HostLlm(self._asks, lambda on_text: on_text == self.token)

    @property
    def containers(self) -> Containers:
        return HostContainers(self._asks)

    @property
    def journal(self) -> Journal:
        return self._journal

    @property
    def inbox(self) -> Inbox:
        return HostInbox(self._asks)

    def log(self, message: str, level: LogLevel = "info", **data: Any) -> None:
        fields = {"level": text_of(level), "message": text_of(message), "data": _shown(data)}
        self._wire.send({"type": "log", "id": self._run, **fields})

    def progress(self, fraction: float | None, message: str | None = None, **data: Any) -> None:
        share = share_of(fraction)
        text = None if message is None else text_of(message)
        self._wire.send(
            {"type": "progress", "id": self._run, "fraction": share, "message": text, "data": _shown(data)}
        )

    def token(self, text: str) -> None:
        if text_in_json(text, "the text of a token"):
            self._wire.send({"type": "token", "id": self._run, "text": text})

    def reset_stream(self, reason: str) -> None:
        self._wire.send({"type": "reset", "id": self._run, "reason": text_of(reason)})

    def emit(
        self,
        type: str,
        value: Any,
        parents: Sequence[str] = (),
        internal: bool = False,
        repeated: bool = False,
        qualified_name: str | None = None,
    ) -> Awaitable[None]:
        try:
            body = json.dumps(as_json(value, "value")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise Terminal(f"the value of event {type!r} is not JSON: {error}", type="EventInvalid") from None
        # A text is no list of names, which the worker says.
        names = parents if isinstance(parents, str) else list(parents)
        fields = {
            "event": type,
            "parents": names,
            "internal": bool(internal),
            "repeated": bool(repeated),
            "qualified_name": qualified_name,
        }
        asked = self._asks.begin("emit", fields, body, lambda header, body: None, is_kept=True)
        if not self._asks.is_awaited:
            asked.wait()
        return asked

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

    def close(self) -> None:
        """Take back the worker's clients: the attempt has ended."""
        self._asks.close()

    def answer(self, header: Mapping[str, Any], body: bytes) -> None:
        """Take what the worker answers to something asked; from any thread."""
        self._asks.take(header, body)


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
