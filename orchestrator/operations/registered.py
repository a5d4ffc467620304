"""Finds workflows of the registry and compiles their versions, for all who start them."""

from __future__ import annotations

import asyncio

import orjson

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
#: Names kept with the ids they stood for.
MOST_NAMES = 10_000


class Registered:
    """Workflows by name or id, with one read for a name that is known.

    A name may stand for another workflow later; an id and a version stand for the same document for ever, and
    so are compiled once. The handlers of a version may come and go: it was accepted before.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids: dict[tuple[str, str], str] = {}
        self._cache = DefinitionCache[tuple[str, int], Compiled](max_entries=KEPT)
        self._compiling = asyncio.Lock()

    async def find(self, tenant: str, workflow: str) -> WorkflowRecord:
        """Find a workflow of a tenant by its name or id. Raises WorkflowNotFound."""
        if is_workflow_id(workflow):
            record = await self._store.workflows.record(tenant, workflow)
        elif is_name(workflow):
            record = await self._named(tenant, workflow)
        else:
            record = None
        if record is None:
            raise WorkflowNotFound(workflow)
        return record

    async def compiled(self, record: WorkflowRecord, version: int | None = None) -> Compiled:
        """Compile a version, the newest where none is named. Raises WorkflowNotFound."""
        number = record.version if version is None else version
        key = record.workflow_id, number
        if kept := self._cache.get(key):
            return kept
        text = await self._store.workflows.definition(record.tenant, record.workflow_id, number)
        if text is None:
            raise WorkflowNotFound(record.name, number)
        # One after the other: of many who ask for the same, the first compiles.
        async with self._compiling:
            if kept := self._cache.get(key):
                return kept
            is_long = len(text) > LONG_BYTES
            compiled = await asyncio.to_thread(self._compile, text) if is_long else self._compile(text)
            return self._cache.put(key, compiled, text_bytes=len(text))

    def _compile(self, text: bytes) -> Compiled:
        definition = compile_stored(orjson.loads(text), self._store.default_retry)
        return Compiled(definition, lay_out(definition), text)

    async def _named(self, tenant: str, name: str) -> WorkflowRecord | None:
        known = self._ids.get((tenant, name))
        if known is not None and (record := await self._store.workflows.record(tenant, known)):
            return record
        self._ids.pop((tenant, name), None)
        found = await self._store.workflows.id_of(tenant, name)
        record = await self._store.workflows.record(tenant, found) if found else None
        if record is not None:
            if len(self._ids) >= MOST_NAMES:
                del self._ids[next(iter(self._ids))]
            self._ids[tenant, name] = record.workflow_id
        return record
