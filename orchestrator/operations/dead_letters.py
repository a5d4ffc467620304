"""`engine.dead_letters`: nodes that failed for good, kept for an operator to requeue or drop."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.errors import DeadEntryNotFound
from orchestrator.execution.inventory import DeadEntry
from orchestrator.operations.cursors import is_entry_id, read_entry_id
from orchestrator.operations.executions import Executions
from orchestrator.operations.owner import Owner
from orchestrator.operations.results import Page
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions


class DeadLetters:
    """The list of dead nodes, newest first; the oldest are trimmed."""

    def __init__(self, store: Store, transitions: Transitions, executions: Executions, owner: Owner) -> None:
        self.store = store
        self._owner = owner
        self._transitions = transitions
        self._executions = executions

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        """List dead nodes, newest first. Raises CursorInvalid."""
        after = read_entry_id(cursor)
        found: list[DeadEntry] = []
        while True:
            entries = await self.store.dead_entries(self._owner.tenant, limit + 1, before=after)
            names = await self.store.index.names([entry.execution_id for entry in entries])
            # Entries of an execution that is being purged go with its other keys.
            found += [
                replace(entry, name=names[entry.execution_id])
                for entry in entries
                if entry.execution_id in names
            ]
            if len(found) > limit:
                return Page(found[:limit], found[limit - 1].entry_id)
            if len(entries) <= limit:
                return Page(found, None)
            after = entries[-1].entry_id

    async def requeue(self, entry_id: str) -> str:
        """Run a dead node again, by retrying its execution in place; gives the execution id.

        Raises DeadEntryNotFound, InvalidTransition while the execution still runs, ExecutionNotFound when it
        is gone.
        """
        entry = await self._entry(entry_id)
        await self._executions.retry(entry.execution_id)
        # The retry takes off the entries of the nodes it runs; a failure that was handled does not run again.
        await self._transitions.drop_dead(self._owner.tenant, entry_id)
        return entry.execution_id

    async def drop(self, entry_id: str) -> None:
        """Take an entry off the list; its node stays FAILED. Raises DeadEntryNotFound."""
        await self._entry(entry_id)
        if not await self._transitions.drop_dead(self._owner.tenant, entry_id):
            raise DeadEntryNotFound(entry_id)

    async def _entry(self, entry_id: str) -> DeadEntry:
        entry = await self.store.dead_entry(self._owner.tenant, entry_id) if is_entry_id(entry_id) else None
        if entry is None:
            raise DeadEntryNotFound(entry_id)
        return entry
