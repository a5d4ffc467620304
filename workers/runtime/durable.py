"""Journal and inbox of one attempt, as its durable handler has them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from headrace import Terminal
from headrace.durable import ENTRY_MAX_BYTES, MAX_EVENTS, Entry, Journaled, Letter, TypedEvent
from headrace.plain_json import Json
from orchestrator.definitions.interface import Interface
from orchestrator.documents import exact_json
from orchestrator.errors import ErrorType
from orchestrator.store.journals import Journals
from orchestrator.store.requests import AttemptToken
from orchestrator.store.script_client import retry_while_unavailable
from orchestrator.store.transitions import MAX_JOURNAL_BYTES, Transitions
from workers.context import StopSignal
from workers.outcome import encode_json, refuse_nan
from workers.runtime.entry_events import EntryEvents
from workers.runtime.letter_watch import LetterWatch
from workers.runtime.redaction import Redactor

#: A handler that waits for a letter shows this often that it is alive.
BEAT_S = 1.0


class AttemptJournal:
    """The journal of a unit, written by one attempt. Entries are numbered here, so they come one by one.

    What writes is not to be cancelled: it would not be known which number comes next.

    redactor   takes secrets out of what is written, as out of outputs.
    interface  what the definition declares of its events.
    events     writes them.
    flush      writes what was reported before.
    """

    def __init__(
        self,
        transitions: Transitions,
        journals: Journals,
        token: AttemptToken,
        *,
        redactor: Redactor,
        interface: Interface | None,
        events: EntryEvents,
        flush: Callable[[], Awaitable[None]],
    ) -> None:
        self._transitions = transitions
        self._journals = journals
        self._token = token
        self._redactor = redactor
        self._interface = interface
        self._events = events
        self._flush = flush
        #: Number of the newest entry; None while it is not known. The first attempt finds nothing written.
        self._last: int | None = 0 if token.attempt == 1 else None
        self._turn = asyncio.Lock()

    async def read(self) -> Journaled:
        """Read all of it; see `headrace.durable.Journal`."""
        token = self._token
        async with self._turn:
            if self._last == 0:
                return Journaled()
            reading = partial(self._journals.read, token.execution_id, token.node_id)
            found = await retry_while_unavailable(reading)
            self._last = found.last
        snapshot = None if found.snapshot is None else exact_json.loads(found.snapshot)
        entries = (Entry(entry.number, exact_json.loads(entry.data)) for entry in found.entries)
        return Journaled(snapshot, found.through, tuple(entries))

    async def append(
        self,
        data: Any,
        *,
        events: Sequence[TypedEvent | tuple[Any, ...]] | Json = (),
        takes: Letter | int | None = None,
    ) -> Entry:
        """Append an entry; see `headrace.durable.Journal`."""
        text = self._encoded(data, "the entry")
        written = self._events.of(events, self._interface, self._redactor)
        letter = takes.number if isinstance(takes, Letter) else takes
        return Entry(await self._append(text, written, letter), data)

    async def snapshot(self, data: Any, through: int) -> Entry:
        """Replace entries by a snapshot; see `headrace.durable.Journal`."""
        await self._snapshot(self._encoded(data, "the snapshot"), through)
        return Entry(through, data)

    async def _append(self, text: bytes, events: list[bytes], takes: int | None) -> int:
        async with self._turn:
            await self._flush()
            if self._last is None:
                token = self._token
                reading = partial(self._journals.read, token.execution_id, token.node_id, limit=0)
                self._last = (await retry_while_unavailable(reading)).last
            number, self._last = self._last + 1, None
            word, found = await self._transitions.append_journal(
                self._token, number, text, takes=takes, events=events
            )
            if word == "fenced":
                raise _replaced()
            # Of any other word it is known how far the journal goes.
            self._last = number if word == "ok" else None if word == "gap" else number - 1
        if word == "full":
            raise _too_large(f"with this entry the journal would have {found:,} bytes", MAX_JOURNAL_BYTES)
        if word == "letter":
            raise Terminal(f"the entry cannot take letter {takes}: the next one to be taken is {found}")
        if word == "exceeded":
            message = f"one typed event too many: an execution keeps {MAX_EVENTS:,}"
            raise Terminal(message, type=ErrorType.EVENTS_EXCEEDED)
        if word == "gap":
            raise Terminal(f"entry {number} cannot be written: the journal ends with {found}")
        return number

    async def _snapshot(self, text: bytes, through: int) -> None:
        async with self._turn:
            more = True
            while more:
                word, more = await self._transitions.snapshot_journal(self._token, through, text)
                if word == "fenced":
                    raise _replaced()
                if word == "gap":
                    raise Terminal(f"no snapshot can stand for entry {through}: there is none of that number")

    def _encoded(self, data: Any, what: str) -> bytes:
        text = encode_json(self._redactor.output(data), what, root="data")
        if len(text) > ENTRY_MAX_BYTES:
            raise _too_large(f"{what} has {len(text):,} bytes as JSON", ENTRY_MAX_BYTES)
        refuse_nan(text, data, what, root="data")
        return text


class AttemptInbox:
    """The letters to a unit, as one attempt receives them.

    on_alive  called while the handler waits: it is alive.
    """

    def __init__(
        self,
        journals: Journals,
        token: AttemptToken,
        *,
        watch: LetterWatch,
        cancelled: StopSignal,
        on_alive: Callable[[], None],
    ) -> None:
        self._journals = journals
        self._token = token
        self._watch = watch
        self._cancelled = cancelled
        self._on_alive = on_alive

    async def receive(self, timeout_s: float | None = None) -> Letter:
        """Wait for the oldest letter that waits to be taken; see `headrace.durable.Inbox`.

        Raises CancelledError once the work is not wanted any more.
        """
        if (letter := await self._oldest()) is not None:
            return letter
        if timeout_s is not None and timeout_s <= 0:
            raise TimeoutError("no letter is there")
        try:
            async with asyncio.timeout(timeout_s):
                return await self._next()
        except TimeoutError:
            raise TimeoutError(f"no letter has come within {timeout_s:g} s") from None

    async def _next(self) -> Letter:
        stopped = asyncio.create_task(self._cancelled.wait())
        try:
            async with self._watch.watched(self._token.execution_id) as woken:
                while not stopped.done():
                    if woken.is_set():
                        woken.clear()
                        if (letter := await self._oldest()) is not None:
                            return letter
                    waking = asyncio.create_task(woken.wait())
                    try:
                        await asyncio.wait(
                            [waking, stopped], timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED
                        )
                    finally:
                        waking.cancel()
                    self._on_alive()
        finally:
            stopped.cancel()
        raise asyncio.CancelledError

    async def _oldest(self) -> Letter | None:
        reading = partial(self._journals.letters, self._token.execution_id, self._token.node_id, limit=1)
        waiting = (await retry_while_unavailable(reading)).waiting
        return Letter(waiting[0].number, exact_json.loads(waiting[0].payload)) if waiting else None


class Durables:
    """Makes journal and inbox of attempts; all attempts of a worker share one."""

    def __init__(self, transitions: Transitions, journals: Journals, watch: LetterWatch) -> None:
        self._transitions = transitions
        self._journals = journals
        self._watch = watch
        self._events = EntryEvents()

    def journal(
        self,
        token: AttemptToken,
        *,
        redactor: Redactor,
        interface: Interface | None,
        flush: Callable[[], Awaitable[None]],
    ) -> AttemptJournal:
        return AttemptJournal(
            self._transitions, self._journals, token,
            redactor=redactor, interface=interface, events=self._events, flush=flush,
        )  # fmt: skip

    def inbox(
        self, token: AttemptToken, *, cancelled: StopSignal, on_alive: Callable[[], None]
    ) -> AttemptInbox:
        return AttemptInbox(self._journals, token, watch=self._watch, cancelled=cancelled, on_alive=on_alive)

    async def aclose(self) -> None:
        """End what was opened for attempts that wait."""
        await self._watch.aclose()


def _too_large(what: str, allowed: int) -> Terminal:
    return Terminal(f"{what}; allowed are {allowed:,}", type=ErrorType.JOURNAL_TOO_LARGE)


def _replaced() -> Terminal:
    return Terminal("this attempt has been replaced", type=ErrorType.LEASE_LOST)
