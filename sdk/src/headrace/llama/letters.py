"""What comes from outside of a run: letters of its node, as events for the library's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from workflows.events import Event
from workflows.runtime.types.step_id import StepId
from workflows.runtime.types.ticks import TickAddEvent, WorkflowTick

from headrace.context import Context
from headrace.durable import Letter

#: A run listens to its inbox from this age on: one that is over by then never asks.
LISTEN_AFTER_S = 0.02

#: Gives a tick to the loop.
Put = Callable[[WorkflowTick], None]


class Offered(NamedTuple):
    """A letter that was given to the loop, and the event it was read as."""

    number: int
    event: Event


class Letters:
    """Gives letters to the loop, one at a time: the next once an entry has taken the one before.

    classes  of events that may be sent, by name.
    drop     takes a letter that is no event.
    """

    def __init__(
        self, context: Context, classes: Mapping[str, type[Event]], drop: Callable[[int], Awaitable[None]]
    ) -> None:
        self._context = context
        self._classes = classes
        self._drop = drop
        self._offered: Offered | None = None
        self._seen = 0
        self._taken = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    def number_of(self, tick: WorkflowTick) -> int | None:
        """Give the number of the letter that a tick was made of; None for any other tick."""
        offered = self._offered
        is_of_it = offered and isinstance(tick, TickAddEvent) and tick.event is offered.event
        return offered.number if offered and is_of_it else None

    def is_taken(self) -> None:
        """Go on with the next: an entry has taken what was given last."""
        self._offered = None
        self._taken.set()

    async def look(self, put: Put) -> bool:
        """Give the oldest to the loop; says whether there is one."""
        while True:
            try:
                letter = await self._context.inbox.receive(0)
            except TimeoutError:
                return False
            if await self._offer(letter, put):
                return True

    def listen(self, put: Put) -> None:
        """Give letters to the loop as they come."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(put))

    @property
    def fault(self) -> BaseException | None:
        """What has ended the listening; None while nothing has."""
        listener = self._listener
        return listener.exception() if listener is not None and listener.done() else None

    def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            self._listener.cancel()

    async def _listen(self, put: Put) -> None:
        await asyncio.sleep(LISTEN_AFTER_S)
        while True:
            letter = await self._context.inbox.receive()
            if await self._offer(letter, put):
                await self._taken.wait()
            self._taken.clear()

    async def _offer(self, letter: Letter, put: Put) -> bool:
        """Give a letter to the loop; says whether it did, now or before. One that is no event is taken."""
        if letter.number <= self._seen:
            return True
        self._seen = letter.number
        try:
            tick = self._read(letter.payload)
        except (ValueError, TypeError) as error:
            self._context.log(f"letter {letter.number} is no event of this workflow: {error}", "warning")
            await self._drop(letter.number)
            return False
        self._offered = Offered(letter.number, tick.event)
        put(tick)
        return True

    def _read(self, payload: Any) -> TickAddEvent:
        """Read a letter `{type, value, step}`. Raises ValueError, TypeError."""
        if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
            raise ValueError("it has no 'type'")
        found = self._classes.get(payload["type"])
        if found is None:
            known = ", ".join(self._classes)
            raise ValueError(f"the type {payload['type']!r} is not known; expected one of {known}")
        try:
            event = found(**(payload.get("value") or {}))
        except ValidationError as error:
            raise ValueError(f"it is no {found.__name__}: {error}") from None
        step = payload.get("step")
        return TickAddEvent(event=event, step_id=StepId.root(step) if step else None)
