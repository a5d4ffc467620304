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
        #: Events of steps that were said while an entry was on its way.
        self._held: list[TypedEvent] = []
        self._has_entry = False

    def add(self, event: Event) -> None:
        """Let an event of the loop go with the next entry. Raises Terminal for one that is no JSON."""
        self._waiting.append(_said(event))

    def emit(self, event: Event, *, is_repeated: bool) -> None:
        """Publish an event of a step: at once, or behind the entry that is on its way.

        is_repeated  the step may have said it before, in a process that was lost.
        What keeps it from being published is raised by `check`: the library goes on without it.
        """
        try:
            typed = _typed(event)._replace(repeated=is_repeated)
            if self._has_entry:
                self._held.append(typed)
            else:
                # What has let the step begin stands before what the step says.
                self.emit_rest()
                self._write(typed)
        except Exception as error:
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            self._follow(failed)

    def take(self) -> Json:
        """Give what goes with the entry that is now on its way: a list. `entry_written` ends that."""
        self._hold_rest()
        self._has_entry = True
        waiting, self._waiting = self._waiting, []
        return Json(b"[%b]" % b",".join([each.text for each in waiting]))

    def entry_written(self) -> None:
        """Publish what steps have said while the entry was on its way."""
        self._has_entry = False
        held, self._held = self._held, []
        if held:
            self.emit_rest()
        for each in held:
            self._write(each)

    def _write(self, event: TypedEvent) -> None:
        self._follow(asyncio.ensure_future(self._context.emit(*event)))

    def _follow(self, written: asyncio.Future[None]) -> None:
        # A run that ends otherwise asks none of them what became of it.
        written.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._emits.append(written)

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
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        json_of_dumped(event.value, "value")
        raise ValueError("its names are no text")
    except (TypeError, ValueError, RecursionError) as error:
        raise _no_json(event.type, error) from None


def _typed(event: Event) -> TypedEvent:
    parents, qualified_name = _names_of(type(event))
    is_internal = isinstance(event, InternalDispatchEvent)
    try:
        value = event.model_dump(mode="json")
    except Exception as error:
        raise _no_json(type(event).__name__, error) from None
    return TypedEvent(type(event).__name__, value, parents, is_internal, False, qualified_name)


def _no_json(type: str, error: Exception) -> Terminal:
    return Terminal(f"the value of event '{type}' is not JSON: {error}", type="EventInvalid")


@functools.lru_cache(maxsize=1024)
def _names_of(event: type[Event]) -> tuple[tuple[str, ...], str]:
    return tuple(parents_of(event)), qualified_name_of(event)
