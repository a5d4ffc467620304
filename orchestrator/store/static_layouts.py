"""Sends static layouts: with the first execution that needs one, by name with all others.

What this process has seen to be in Redis it believes to be there; where that is not so the script writes
nothing and says `layout_needed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from orchestrator.errors import TooBusy
from orchestrator.store.layout import Layout, Slice
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions

R = TypeVar("R")

#: Layouts remembered; beyond them all are sent again.
MOST_KNOWN = 10_000
#: How often a call is made: its layout may be removed just before.
TRIES = 5


class StaticLayouts:
    """The static layouts that Redis is believed to have."""

    def __init__(self, transitions: Transitions) -> None:
        self._transitions = transitions
        self._known: set[tuple[str, str]] = set()

    async def send(self, tenant: str, layout: Layout, part: Slice, call: Callable[[Slice], Call[R]]) -> R:
        """Make a call that counts an execution of a static layout, and write that first where it is needed.

        call  makes the call of a slice, with the layout or without it.
        Raises TooBusy.
        """
        name = (tenant, layout.digest)
        if name in self._known:
            part = part.bare()
        for _ in range(TRIES):
            answer = await call(part)
            if not _is_needed(answer):
                self._remember(name)
                return answer
            self._known.discard(name)
            await self.write(tenant, layout)
        raise TooBusy("the static layout of the definition was removed again and again; send it again")

    async def stage(self, execution_id: str, layout: Layout, tenant: str) -> None:
        """Write every slice of an execution but the last. Raises TooBusy, StoreFull."""
        for part in layout.staged:
            await self.send(
                tenant,
                layout,
                part,
                lambda part: self._transitions.stage_execution(execution_id, part, tenant=tenant),
            )

    async def write(self, tenant: str, layout: Layout, *, digest: str | None = None) -> None:
        """Write a static layout. digest: of the one that is lost, and that it stands in for."""
        name = digest or layout.digest
        for number, part in enumerate(layout.statics, start=1):
            await self._transitions.stage_layout(
                tenant,
                name,
                part,
                count=layout.statics_count if number == len(layout.statics) else 0,
                is_rebuilt=name != layout.digest,
            )

    def _remember(self, name: tuple[str, str]) -> None:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known.add(name)


def _is_needed(answer: Any) -> bool:
    return "layout_needed" in (answer, answer[0])
