"""The library's instrumentation of steps, which costs nothing while nobody listens to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from llama_index_instrumentation.dispatcher import Dispatcher
from llama_index_instrumentation.event_handlers import NullEventHandler
from llama_index_instrumentation.span_handlers import NullSpanHandler
from workflows.events import Event
from workflows.runtime.types import step_function

R = TypeVar("R")


class Unheard:
    """A workflow's dispatcher that opens a span for a step only where something takes spans.

    For each call of a step the library makes a decorator, binds the arguments by the step's signature, and
    draws an id, whoever listens: together a twentieth of what a short step costs.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dispatcher, name)

    def span(self, func: Callable[..., R]) -> Callable[..., R]:
        """Give a function within a span of its own, or as it is."""
        return self._dispatcher.span(func) if is_heard(self._dispatcher) else func


def is_heard(dispatcher: Dispatcher) -> bool:
    """Say whether anything takes events or spans in this process, of this dispatcher or another.

    What is said within a step by another one, such as that of a library for models, names the span of the
    step and describes its event.
    """
    manager = dispatcher.manager
    for at in (dispatcher,) if manager is None else manager.dispatchers.values():
        for each in at.event_handlers:
            if type(each) is not NullEventHandler:
                return True
        for taker in at.span_handlers:
            if type(taker) is not NullSpanHandler:
                return True
    return False


def describe_when_heard() -> None:
    """Have the library describe an event in full only where something takes what it says of steps.

    It makes a text of all that comes to a step, and of all that leaves it, whatever its size.
    """
    describe = vars(step_function)["summarize_event"]
    if hasattr(describe, "__wrapped__"):
        return

    @wraps(describe)
    def described(event: Event, max_length: int = 200) -> str:
        heard = is_heard(step_function._dispatcher)
        return describe(event, max_length) if heard else type(event).__name__

    vars(step_function)["summarize_event"] = described
