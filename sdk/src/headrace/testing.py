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
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.fake_context import FakeContext as FakeContext
from headrace.fake_durable import FakeInbox as FakeInbox
from headrace.fake_durable import FakeJournal as FakeJournal
from headrace.fake_tools import FakeHttp as FakeHttp
from headrace.fake_tools import FakeLlm as FakeLlm
from headrace.lives import Life
from headrace.lives import Lived as Lived
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
    typed_events,
    wait_problem,
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
    from headrace.values import Simulation

T = TypeVar("T")


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


def run_durable(
    handler: Callable[..., Any] | str,
    config: Mapping[str, Any] | None = None,
    *,
    letters: Iterable[Any] = (),
    entries: Iterable[Any] = (),
    lost_after: Collection[int] = (),
    now_ms: int | None = None,
    most_attempts: int = 100,
    **context: Any,
) -> Lived:
    """Run a durable handler to its end, attempt after attempt, on a clock that only its waits move.

    letters     payloads that are there from the beginning, or pairs: seconds after it, and a payload.
    entries     data of its journal that earlier attempts have written.
    lost_after  numbers of entries behind which the worker is lost: another attempt begins with the journal.
    now_ms      where the clock begins.
    Raises AssertionError for a handler that goes on for ever, and what `run` raises.
    """
    if _spec_of(handler).is_async:
        return asyncio.run(
            run_durable_async(
                handler, config, letters=letters, entries=entries, lost_after=lost_after,
                now_ms=now_ms, most_attempts=most_attempts, **context,
            )
        )  # fmt: skip
    life = Life(
        letters=letters, entries=entries, lost_after=lost_after, now_ms=now_ms, most_attempts=most_attempts
    )
    while not life.is_over:
        life.take(run(handler, config, **context, **life.context()))
    return life.result()


async def run_durable_async(
    handler: Callable[..., Any] | str,
    config: Mapping[str, Any] | None = None,
    *,
    letters: Iterable[Any] = (),
    entries: Iterable[Any] = (),
    lost_after: Collection[int] = (),
    now_ms: int | None = None,
    most_attempts: int = 100,
    **context: Any,
) -> Lived:
    """Run a durable handler to its end in the loop that runs; see run_durable."""
    life = Life(
        letters=letters, entries=entries, lost_after=lost_after, now_ms=now_ms, most_attempts=most_attempts
    )
    while not life.is_over:
        life.take(await run_async(handler, config, **context, **life.context()))
    return life.result()


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
    if isinstance(value, Waiting) and (problem := wait_problem(value)) is not None:
        return _ended(Terminal(problem), seen)
    given = value if isinstance(value, Completed | Waiting) else Completed(value)
    try:
        output = as_json(given.output)
        for event in typed_events(given) if isinstance(given, Completed) else ():
            seen.emit(*event)
    except (TypeError, ValueError) as error:
        return _ended(Terminal(f"the handler's output cannot be kept: {error}"), seen)
    except Terminal as fault:
        return _ended(fault, seen)
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
