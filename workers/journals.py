"""Journal and inbox as handlers of this process have them: every call is a coroutine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from headrace.durable import Entry, Journaled, Letter, TypedEvent
from headrace.plain_json import Json


class JournalAccess(Protocol):
    """The journal of a durable handler's node; see `headrace.durable.Journal`."""

    async def read(self) -> Journaled: ...

    async def append(
        self,
        data: Any,
        *,
        events: Sequence[TypedEvent | tuple[Any, ...]] | Json = (),
        takes: Letter | int | None = None,
    ) -> Entry: ...

    async def snapshot(self, data: Any, through: int) -> Entry: ...


class InboxAccess(Protocol):
    """The letters to a durable handler's node; see `headrace.durable.Inbox`."""

    async def receive(self, timeout_s: float | None = None) -> Letter: ...
