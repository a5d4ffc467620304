"""Tests of handlers and workflows without a stack, or against a simulated one.

    def test_greets() -> None:
        ran = run(greet, {"name": "Ada"})

        assert ran.output == {"text": "Hello, Ada!"}

`simulate` runs a whole workflow with stubs on a virtual clock; the pytest fixture `headrace_client` is a
client of a real stack.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.context import LOG_LEVELS, Context, LogLevel
from headrace.fake_durable import FakeInbox as FakeInbox
from headrace.fake_durable import FakeJournal as FakeJournal
from headrace.fake_tools import FakeHttp as FakeHttp
from headrace.fake_tools import FakeLlm as FakeLlm
from headrace.outcome import (
    Cancelled,
    Completed,
    HandlerFault,
    Parked,
    Skip,
    Skipped,
    Terminal,
    Waiting,
    park_problem,
)
from headrace.plain_json import as_json
from headrace.ran import Error as Error
from headrace.ran import Line as Line
from headrace.ran import Outcome as Outcome
from headrace.ran import Ran as Ran
from headrace.registration import HANDLER_REGISTRY, HandlerSpec
from headrace.wording import text_of

if TYPE_CHECKING:
    from headrace.calls import Definition
    from headrace.client import Client
    from headrace.durable import Inbox, Journal
    from headrace.tools import Containers, Http, Llm
    from headrace.values import Simulation

T = TypeVar("T")
#: The largest details of a heartbeat, as JSON.
BEAT_MAX_BYTES = 16 * 1024


def run(handler: Callable[..., Any] | str, config: Mapping[str, Any] | None = None, **context: Any) -> Ran:
    """Run one attempt of a handler; never raises what the handler raises.

    handler  the function, or the name of a registered one.
    config   as a node has it, its templates resolved; checked by the handler's model.
    context  fields of the context: inputs, node_id, try_number, last_heartbeat, …; is_cancelled=True for work
             that is no longer wanted; http=, llm=, containers= for what stands in for the worker's, such as
             FakeHttp and FakeLlm.
    Raises TypeError for a config that is no JSON, and RuntimeError for an async handler where a loop runs: a
    test that is a coroutine awaits run_async.
    """
    spec = _spec_of(handler)
    if spec.is_async:
        return asyncio.run(run_async(handler, config, **context))
    seen = FakeContext(**context)
    given = as_json(dict(config or {}), "config")
    try:
        value = spec(given, seen)
    except BaseException as error:
        return _ended(error, seen)
    return _returned(value, seen)


async def run_async(
    handler: Callable[..., Any] | str, config: Mapping[str, Any] | None = None, **context: Any
) -> Ran:
    """Run one attempt of a handler, sync or async, in the loop that runs; see run."""
    spec, seen = _spec_of(handler), FakeContext(**context)
    given = as_json(dict(config or {}), "config")
    try:
        value = spec(given, seen)
        if inspect.isawaitable(value):
            value = await value
    except asyncio.CancelledError as error:
        # The test's own cancellation, such as a time limit around this; one of the handler's own is an end.
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        return _ended(error, seen)
    except BaseException as error:
        return _ended(error, seen)
    return _returned(value, seen)


def simulate(
    client: Client,
    workflow: Definition,
    *,
    outputs: Mapping[str, Any] | None = None,
    stubs: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    trigger: Mapping[str, Any] | None = None,
) -> Simulation:
    """Run a whole workflow with stubs on a virtual clock: its path, its outputs and its end.

    outputs  of nodes, by id: what they give instead of running.
    stubs    the rest: {nodes, handlers, default, signals}, see the documentation of simulations.
    Handlers that reach nothing outside run as they are. Raises Invalid for a definition or stub that cannot
    be used.
    """
    all_stubs = dict(stubs or {})
    nodes = dict(all_stubs.get("nodes") or {})
    nodes |= {
        node_id: nodes.get(node_id, {}) | {"output": value} for node_id, value in (outputs or {}).items()
    }
    if nodes:
        all_stubs["nodes"] = nodes
    return client.definitions.simulate(workflow, inputs=inputs, trigger=trigger, stubs=all_stubs or None)


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
        return self._journal

    @property
    def inbox(self) -> Inbox:
        return self._journal.inbox

    def log(self, message: str, level: LogLevel = "info", **data: Any) -> None:
        shown = level if level in LOG_LEVELS else "info"
        self.lines.append(Line(shown, text_of(message), _shown(data)))

    def progress(self, fraction: float | None, message: str | None = None, **data: Any) -> None:
        share = None if fraction is None or fraction != fraction else min(1.0, max(0.0, float(fraction)))
        self.reports.append((share, None if message is None else text_of(message)))

    def token(self, text: str) -> None:
        self.streamed.append(text)

    def reset_stream(self, reason: str) -> None:
        self.streamed.clear()

    def emit(
        self, type: str, value: Any, parents: Sequence[str] = (), internal: bool = False
    ) -> Awaitable[None]:
        try:
            self.events.append((type, as_json(value, "value")))
        except (TypeError, ValueError) as error:
            message = f"the value of event {type!r} is not JSON: {error}"
            raise Terminal(message, type="EventInvalid") from error
        return _Done()

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

    def _tool(self, name: str, given: T | None) -> T:
        if given is None:
            raise RuntimeError(f"the handler uses context.{name}: give the test one, run(…, {name}=…)")
        return given


class _Done:
    """Awaited, ends at once."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


def _spec_of(handler: Callable[..., Any] | str) -> HandlerSpec:
    """The registered handler; a function that is none runs as it is. Raises KeyError for an unknown name."""
    if isinstance(handler, str):
        if handler not in HANDLER_REGISTRY:
            raise KeyError(f"no handler {handler!r} is registered here; has its module been imported?")
        return HANDLER_REGISTRY[handler]
    known = (spec for spec in HANDLER_REGISTRY.values() if spec.function is handler)
    name = getattr(handler, "__name__", "handler")
    return next(known, HandlerSpec(name, handler, inspect.iscoroutinefunction(handler)))


def _returned(value: Any, seen: FakeContext) -> Ran:
    """What an attempt came to by what it returned."""
    if isinstance(value, Skipped):
        return _ran(seen, "skipped", reason=value.reason)
    if isinstance(value, Parked):
        if (problem := park_problem(value)) is not None:
            return _ended(Terminal(problem), seen)
        return _ran(seen, "parked", until_ms=value.until_ms, waits_for=tuple(value.waits_for))
    given = value if isinstance(value, Completed | Waiting) else Completed(value)
    try:
        output = as_json(given.output)
    except (TypeError, ValueError) as error:
        return _ended(Terminal(f"the handler's output is not JSON: {error}"), seen)
    if isinstance(given, Waiting):
        return _ran(seen, "waiting", output=output, delay_ms=given.delay_ms, until_ms=given.until_ms)
    return _ran(seen, "completed", output=output, not_taken=given.not_taken)


def _ended(error: BaseException, seen: FakeContext) -> Ran:
    """What an attempt came to by what it raised."""
    if isinstance(error, KeyboardInterrupt):
        raise error
    if isinstance(error, Skip):
        return _ran(seen, "skipped", reason=error.reason)
    if isinstance(error, HandlerFault):
        fault = Error(error.error_type, text_of(error), error.retryable, error.retry_after_s, error.details)
    elif isinstance(error, Cancelled):
        fault = Error(error.error_type, text_of(error), error.retryable)
    else:
        fault = Error("HandlerError", f"{type(error).__name__}: {text_of(error)}", retryable=True)
    return _ran(seen, "failed", error=fault, raised=error)


def _ran(seen: FakeContext, outcome: Outcome, **fields: Any) -> Ran:
    return Ran(
        outcome,
        lines=tuple(seen.lines),
        beats=tuple(seen.beats),
        progress=tuple(seen.reports),
        events=tuple(seen.events),
        text="".join(seen.streamed),
        **fields,
    )


def _shown(data: Mapping[str, Any]) -> dict[str, Any]:
    """Data of a log line, which never fails the attempt that writes it."""
    shown: dict[str, Any] = json.loads(json.dumps(data, default=repr))
    return shown
