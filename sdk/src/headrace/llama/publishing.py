"""What a run publishes: what the library's loop says with its entries, and what steps say at once."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, NamedTuple

from workflows.events import Event, InternalDispatchEvent, StepStateChanged

from headrace.context import Context
from headrace.durable import TypedEvent
from headrace.llama.description import parents_of, qualified_name_of
from headrace.outcome import Terminal
from headrace.plain_json import Json, json_of_dumped

#: What goes with no entry is published after this time: in it there may be an entry.
QUIET_S = 0.05
#: Changes of steps that are kept as they are written.
KEPT_CHANGES = 1024


class Said(NamedTuple):
    """An event of the loop, and its fields as a list in JSON."""

    event: TypedEvent
    text: bytes


class Publisher:
    """Publishes the events of one run, in the order in which they were said."""

    def __init__(self, context: Context) -> None:
        self._context = context
        #: Of the loop, for the next entry.
        self._waiting: list[Said] = []
        #: Publishes those that go with no entry for a while.
        self._rest: asyncio.TimerHandle | None = None
        #: Events of steps that are being written.
        self._emits: list[asyncio.Future[None]] = []

    def add(self, event: Event) -> None:
        """Let an event of the loop go with the next entry. Raises Terminal for one that is no JSON."""
        self._waiting.append(_said(event))

    def emit(self, event: Event, *, is_repeated: bool, is_ahead: bool) -> None:
        """Publish an event of a step.

        is_repeated  the step may have said it before, in a process that was lost.
        is_ahead     what waits for an entry goes before it: the entry before that one is written.
        """
        if is_ahead:
            # What has let the step begin stands before what the step says.
            self.emit_rest()
        typed = _typed(event)._replace(repeated=is_repeated)
        self._emits.append(asyncio.ensure_future(self._context.emit(*typed)))

    def take(self) -> Json:
        """Give what goes with the entry that is being made: a list."""
        self._hold_rest()
        waiting, self._waiting = self._waiting, []
        return Json(b"[%b]" % b",".join([each.text for each in waiting]))

    def emit_rest_later(self) -> None:
        """Publish what waits for an entry, should there be none for a while."""
        if self._waiting and self._rest is None:
            self._rest = asyncio.get_running_loop().call_later(QUIET_S, self.emit_rest)

    def emit_rest(self) -> None:
        """Publish what goes with no entry: changes of steps that say nothing new."""
        self._hold_rest()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._context.emit(*each.event)

    def check(self) -> None:
        """Raise what has kept an event of a step from being written."""
        for task in self._emits:
            if task.done() and (error := task.exception()) is not None:
                raise error
        self._emits = [task for task in self._emits if not task.done()]

    async def finish(self) -> list[TypedEvent]:
        """Give what waits for an entry, once all that steps have said is written.

        Raises Terminal where an event is not kept.
        """
        self._hold_rest()
        if self._emits:
            await asyncio.gather(*self._emits)
        left, self._waiting = self._waiting, []
        return [each.event for each in left]

    def close(self) -> None:
        """Publish nothing more by itself."""
        self._hold_rest()

    def _hold_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None


def _said(event: Event) -> Said:
    if type(event) is StepStateChanged and not event.items():
        return _change(tuple(vars(event).items()))
    return _written(_typed(event))


@functools.lru_cache(maxsize=KEPT_CHANGES)
def _change(fields: tuple[tuple[str, Any], ...]) -> Said:
    """Write a change of a step: a workflow says the same of its steps in every run."""
    return _written(_typed(StepStateChanged(**dict(fields))))


def _written(event: TypedEvent) -> Said:
    try:
        return Said(event, json_of_dumped(list(event), "event"))
    except (TypeError, ValueError, RecursionError) as error:
        raise Terminal(f"an event is not JSON: {error}", type="EventInvalid") from None


def _typed(event: Event) -> TypedEvent:
    parents, qualified_name = _names_of(type(event))
    is_internal = isinstance(event, InternalDispatchEvent)
    value = event.model_dump(mode="json")
    return TypedEvent(type(event).__name__, value, parents, is_internal, False, qualified_name)


@functools.lru_cache(maxsize=1024)
def _names_of(event: type[Event]) -> tuple[tuple[str, ...], str]:
    return tuple(parents_of(event)), qualified_name_of(event)
