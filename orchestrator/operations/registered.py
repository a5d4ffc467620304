"""Finds workflows of the registry and compiles their versions, for all who start them."""

from __future__ import annotations

import asyncio

import orjson

from headrace.wording import which_name
from orchestrator.definitions.cache import DefinitionCache
from orchestrator.definitions.compiler import compile_stored
from orchestrator.definitions.registry import WorkflowRecord, is_name, is_workflow_id
from orchestrator.errors import WorkflowNotFound
from orchestrator.operations.submissions import Compiled
from orchestrator.operations.turns import LONG_BYTES
from orchestrator.store.layout import lay_out
from orchestrator.store.reader import Store

#: Compiled versions kept.
KEPT = 256
#: Names that a hint looks at.
MOST_NAMES = 200
#: Records kept by the names and ids they were asked for by.
MOST_SEEN = 2_000


def no_version(record: WorkflowRecord, number: int) -> WorkflowNotFound:
    """Say which versions a workflow has, where another was asked for."""
    has = "only version 1" if record.version == 1 else f"versions 1 to {record.version}"
    return WorkflowNotFound(record.name, number, hint=f"it has {has}")


class Registered:
    """Workflows by name or id.

    A name may stand for another workflow later; an id and a version stand for the same document for ever, and
    so are compiled once. The handlers of a version may come and go: it was accepted before.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[tuple[str, str], WorkflowRecord] = {}
        self._cache = DefinitionCache[tuple[str, int], Compiled](max_entries=KEPT)
        self._compiling = asyncio.Lock()

    def seen(self, tenant: str, workflow: str) -> WorkflowRecord | None:
        """Give a record as it was when it was found last; it may be another by now."""
        return self._seen.get((tenant, workflow))

    async def find(self, tenant: str, workflow: str) -> WorkflowRecord:
        """Find a workflow of a tenant by its name or id. Raises WorkflowNotFound."""
        known = self._seen.pop((tenant, workflow), None)
        record = await self._read(tenant, workflow, known)
        if record is None:
            raise WorkflowNotFound(workflow, hint=await self._hint(tenant, workflow))
        if len(self._seen) >= MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[tenant, workflow] = record
        return record

    async def compiled(self, record: WorkflowRecord, version: int | None = None) -> Compiled:
        """Compile a version, the newest where none is named. Raises WorkflowNotFound."""
        number = record.version if version is None else version
        key = record.workflow_id, number
        if kept := self._cache.get(key):
            return kept
        text = await self._store.workflows.definition(record.tenant, record.workflow_id, number)
        if text is None:
            raise no_version(record, number)
        # One after the other: of many who ask for the same, the first compiles.
        async with self._compiling:
            if kept := self._cache.get(key):
                return kept
            is_long = len(text) > LONG_BYTES
            compiled = await asyncio.to_thread(self._compile, text) if is_long else self._compile(text)
            return self._cache.put(key, compiled, text_bytes=len(text))

    async def _hint(self, tenant: str, workflow: str) -> str | None:
        """Name the workflow that was probably meant."""
        return which_name(workflow, await self._store.workflows.names(tenant, MOST_NAMES))

    async def hint_at_schedule(self, tenant: str, schedule: str) -> str | None:
        """Name the schedule that was probably meant; documents give theirs their own name before it."""
        return which_name(schedule, await self._store.schedules.names(tenant, MOST_NAMES))

    def _compile(self, text: bytes) -> Compiled:
        definition = compile_stored(orjson.loads(text), self._store.default_retry)
        return Compiled(definition, lay_out(definition), text)

    async def _read(self, tenant: str, workflow: str, known: WorkflowRecord | None) -> WorkflowRecord | None:
        """Read a record; known: the one that the name stood for, which saves looking the name up."""
        records = self._store.workflows
        if is_workflow_id(workflow):
            return await records.record(tenant, workflow)
        if not is_name(workflow):
            return None
        if known is not None and (record := await records.record(tenant, known.workflow_id)):
            return record
        found = await records.id_of(tenant, workflow)
        return await records.record(tenant, found) if found else None
