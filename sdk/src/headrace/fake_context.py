"""The context of a handler under test: it keeps what the handler reports."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar, cast

from headrace.context import LOG_LEVELS, Context, LogLevel, share_of
from headrace.durable import MAX_EVENTS, TypedEvent
from headrace.fake_durable import FakeJournal
from headrace.fake_events import kept_event
from headrace.outcome import OUTPUT_MAX_BYTES, Cancelled, Terminal, use_of_no_durable
from headrace.plain_json import as_json, text_in_json
from headrace.ran import Line
from headrace.wording import text_of

if TYPE_CHECKING:
    from headrace.durable import Inbox, Journal
    from headrace.tools import Containers, Http, Llm

T = TypeVar("T")
#: The largest details of a heartbeat, as JSON.
BEAT_MAX_BYTES = 16 * 1024
#: Calls that are on their way before they are awaited: what they write is written.
AT_ONCE = frozenset({"append", "snapshot"})


class FakeContext(Context):
    """A context that keeps what a handler reports. What is not JSON is refused, as by a worker."""

    def __init__(
        self,
        *,
        execution_id: str = "execution-1",
        node_id: str = "node",
        attempt: int = 1,
        try_number: int = 1,
        inputs: Mapping[str, Any] | None = None,
        now_ms: int | None = None,
        last_heartbeat: Any = None,
        environment: str = "development",
        is_cancelled: bool = False,
        http: Http | None = None,
        llm: Llm | None = None,
        containers: Containers | None = None,
        journal: FakeJournal | None = None,
        is_durable: bool = True,
        is_async: bool = False,
        output_max_bytes: int = OUTPUT_MAX_BYTES,
    ) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        self.attempt = attempt
        self.try_number = try_number
        self.inputs = as_json(dict(inputs or {}), "inputs")
        self.now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        self.last_heartbeat = as_json(last_heartbeat, "last_heartbeat")
        self.cancelled = asyncio.Event()
        if is_cancelled:
            self.cancelled.set()
        self._environment = environment
        self._http, self._llm, self._containers = http, llm, containers
        self._journal = journal or FakeJournal()
        self.is_durable = is_durable
        self.is_async = is_async
        self.output_max_bytes = output_max_bytes
        self.lines: list[Line] = []
        self.beats: list[Any] = []
        self.reports: list[tuple[float | None, str | None]] = []
        #: Those of journal entries are among them, in order.
        self.events = self._journal.events = []
        self.streamed: list[str] = []

    @property
    def idempotency_key(self) -> str:
        return f"{self.execution_id}:{self.node_id}"

    @property
    def environment(self) -> str:
        return self._environment

    @property
    def http(self) -> Http:
        return self._tool("http", self._http)

    @property
    def llm(self) -> Llm:
        return self._tool("llm", self._llm)

    @property
    def containers(self) -> Containers:
        return self._tool("containers", self._containers)

    @property
    def journal(self) -> Journal:
        return self._as_called(self._durable("journal"))

    @property
    def inbox(self) -> Inbox:
        return self._as_called(self._durable("inbox").inbox)

    def log(self, message: str, level: LogLevel = "info", **data: Any) -> None:
        shown = level if level in LOG_LEVELS else "info"
        self.lines.append(Line(shown, text_of(message), _shown(data)))

    def progress(self, fraction: float | None, message: str | None = None, **data: Any) -> None:
        share = share_of(fraction)
        self.reports.append((share, None if message is None else text_of(message)))

    def token(self, text: str) -> None:
        if text_in_json(text, "the text of a token"):
            self.streamed.append(text)

    def reset_stream(self, reason: str) -> None:
        self.streamed.clear()

    def emit(
        self,
        type: str,
        value: Any,
        parents: Sequence[str] = (),
        internal: bool = False,
        repeated: bool = False,
        qualified_name: str | None = None,
    ) -> Awaitable[None]:
        self._take([kept_event(TypedEvent(type, value, parents, internal, repeated, qualified_name))])
        return _Done()

    def emit_all(self, events: Sequence[TypedEvent]) -> None:
        """Emit the events of an end, or none of them. Raises Terminal with the place of one that is none."""
        kept = []
        for index, event in enumerate(events):
            try:
                kept.append(kept_event(event))
            except Terminal as fault:
                raise Terminal(f"events[{index}]: {fault}", type=fault.error_type) from fault
        self._take(kept)

    def _take(self, events: Sequence[tuple[str, Any]]) -> None:
        if len(self.events) + len(events) > MAX_EVENTS:
            message = f"one typed event too many: an execution keeps {MAX_EVENTS:,}"
            raise Terminal(message, type="EventsExceeded")
        self.events.extend(events)

    def heartbeat(self, details: Mapping[str, Any] | None = None) -> None:
        if details is None:
            self.beats.append(None)
            return
        if not isinstance(details, Mapping):
            raise ValueError("details of a heartbeat must be an object")
        try:
            kept = as_json(dict(details), "details")
        except (TypeError, ValueError) as error:
            raise ValueError(f"details of a heartbeat must be JSON: {error}") from None
        if (size := len(json.dumps(kept).encode())) > BEAT_MAX_BYTES:
            raise ValueError(f"details of a heartbeat have {size:,} bytes; allowed are {BEAT_MAX_BYTES:,}")
        self.beats.append(kept)

    def is_cancelled(self) -> bool:
        return self.cancelled.is_set()

    def raise_if_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled

    def _durable(self, part: str) -> FakeJournal:
        if not self.is_durable:
            raise use_of_no_durable(part)
        return self._journal

    def _tool(self, name: str, given: T | None) -> T:
        if given is None:
            raise RuntimeError(f"the handler uses context.{name}: give the test one, run(…, {name}=…)")
        return self._as_called(given)

    def _as_called(self, tool: T) -> T:
        """Give what a handler calls: in an async one each call is awaited, or mostly nothing comes of it."""
        return cast(T, _Awaited(tool)) if self.is_async else tool


class _Awaited:
    """A tool of an async handler: in the loop its calls are coroutines, as a worker's are."""

    def __init__(self, tool: Any) -> None:
        self._tool = tool

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tool, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            work = functools.partial(found, *arguments, **named)
            if not is_in_loop():
                return work()
            return _later(_begun(work) if name in AT_ONCE else work)

        return call


def _begun(work: Callable[[], Any]) -> Callable[[], Any]:
    """Do some work now; gives what tells later what came of it."""
    done: Future[Any] = Future()
    try:
        done.set_result(work())
    except Exception as error:
        done.set_exception(error)
    return done.result


async def _later(work: Callable[[], Any]) -> Any:
    value = work()
    return await value if inspect.isawaitable(value) else value


def is_in_loop() -> bool:
    """Whether this is called where a loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Done:
    """Awaited, ends at once."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


def _shown(data: Mapping[str, Any]) -> dict[str, Any]:
    """Data of a log line, which never fails the attempt that writes it."""
    shown: dict[str, Any] = json.loads(json.dumps(data, default=repr))
    return shown
