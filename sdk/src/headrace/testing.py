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
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from headrace import fake_ends
from headrace.fake_context import FakeContext as FakeContext
from headrace.fake_context import is_in_loop
from headrace.fake_durable import FakeInbox as FakeInbox
from headrace.fake_durable import FakeJournal as FakeJournal
from headrace.fake_tools import FakeHttp as FakeHttp
from headrace.fake_tools import FakeLlm as FakeLlm
from headrace.lives import Life
from headrace.lives import Lived as Lived
from headrace.plain_json import as_json
from headrace.ran import Error as Error
from headrace.ran import Line as Line
from headrace.ran import Outcome as Outcome
from headrace.ran import Ran as Ran
from headrace.registration import HANDLER_REGISTRY, HandlerSpec
from headrace.wording import did_you_mean, kind_of, unknown_argument

if TYPE_CHECKING:
    from headrace.calls import Definition
    from headrace.client import Client
    from headrace.judgements import Simulation

T = TypeVar("T")


def run(handler: Callable[..., Any] | str, config: Mapping[str, Any] | None = None, **context: Any) -> Ran:
    """Run one attempt of a handler; never raises what the handler raises.

    handler  the function, or the name of a registered one.
    config   as a node has it, its templates resolved; checked by the handler's model.
    context  fields of the context: inputs, node_id, try_number, last_heartbeat, …; is_cancelled=True for work
             that is no longer wanted; http=, llm=, containers= for what stands in for the worker's, such as
             FakeHttp and FakeLlm; output_max_bytes= where OUTPUT_MAX_BYTES of the workers is not 1 MiB.
    Raises TypeError for a config that is no JSON, and RuntimeError for an async handler where a loop runs: a
    test that is a coroutine awaits run_async.
    """
    spec = _spec_of(handler)
    if spec.is_async:
        return _in_a_loop(run_async(handler, config, **context), "run_async")
    seen = _context_of(spec, context)
    given = _config_of(config)
    try:
        value = spec(given, seen)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return fake_ends.raised(error, seen)
    return fake_ends.returned(value, seen, spec.name)


async def run_async(
    handler: Callable[..., Any] | str, config: Mapping[str, Any] | None = None, **context: Any
) -> Ran:
    """Run one attempt of a handler, sync or async, in the loop that runs; see run."""
    spec = _spec_of(handler)
    seen = _context_of(spec, context)
    given = _config_of(config)
    try:
        value = spec(given, seen)
        if spec.is_async:  # A plain function that gives a coroutine has awaited nothing, in a worker too.
            value = await value
    except asyncio.CancelledError as error:
        # The test's own cancellation, such as a time limit around this; one of the handler's own is an end.
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        return fake_ends.raised(error, seen)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return fake_ends.raised(error, seen)
    return fake_ends.returned(value, seen, spec.name)


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
        lived = run_durable_async(
            handler, config, letters=letters, entries=entries, lost_after=lost_after,
            now_ms=now_ms, most_attempts=most_attempts, **context,
        )  # fmt: skip
        return _in_a_loop(lived, "run_durable_async")
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
            hint = did_you_mean(handler, HANDLER_REGISTRY) or "has its module been imported?"
            raise KeyError(f"no handler {handler!r} is registered here; {hint}")
        return HANDLER_REGISTRY[handler]
    function: object = handler
    if not callable(function):
        found = type(handler).__name__
        raise TypeError(
            f"a test runs a handler, by its function or its name, got {found}: run(handler, config)"
        )
    known = (spec for spec in HANDLER_REGISTRY.values() if spec.function is handler)
    name = getattr(handler, "__name__", "handler")
    # Whether it will be declared with durable=True is not known.
    return next(known, HandlerSpec(name, handler, inspect.iscoroutinefunction(handler), is_durable=True))


def _context_of(spec: HandlerSpec, fields: Mapping[str, Any]) -> FakeContext:
    allowed = list(inspect.signature(FakeContext).parameters)
    if unknown := next((name for name in fields if name not in allowed), None):
        hint = (
            did_you_mean(unknown, allowed) or f"fields of the config go into run(handler, {{{unknown!r}: …}})"
        )
        raise unknown_argument("the context of a handler under test", unknown, allowed, hint)
    return FakeContext(**{"is_durable": spec.is_durable, "is_async": spec.is_async, **fields})


def _config_of(config: Any) -> Any:
    """Give a config as a node has it. Raises TypeError for one that is no object, or no JSON."""
    given = as_json({} if config is None else config, "config")
    if not isinstance(given, dict):
        raise TypeError(f"the config of a handler is an object, got {kind_of(given)}")
    return given


def _in_a_loop(work: Coroutine[Any, Any, T], awaited: str) -> T:
    """Run an async handler in a loop of its own."""
    if not is_in_loop():
        return asyncio.run(work)
    work.close()
    raise RuntimeError(
        f"the handler is async, and a loop runs already: write `await {awaited}(…)` in the test"
    )
