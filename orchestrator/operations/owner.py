"""Whose executions a part of the engine may reach: those of one tenant, and no others."""

from __future__ import annotations

from orchestrator.errors import ExecutionNotFound
from orchestrator.operations.origin import has_id_shape
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.store.reader import Store

#: Executions remembered with their tenants, all tenants together.
MOST_KNOWN = 50_000


class KnownTenants:
    """The tenants of executions seen lately; an execution keeps its tenant, and its id is used once."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._tenants: dict[str, str] = {}

    def get(self, execution_id: str) -> str | None:
        return self._tenants.get(execution_id)

    def put(self, execution_id: str, tenant: str) -> None:
        """Remember; the one known for longest is forgotten."""
        if len(self._tenants) >= self._most:
            del self._tenants[next(iter(self._tenants))]
        self._tenants[execution_id] = tenant


class Owner:
    """One tenant, as every verb and question asks for it before it does anything.

    What is another tenant's is read from the store each time, as what does not exist is: the time an answer
    takes tells nothing.
    """

    def __init__(self, store: Store, tenant: str, known: KnownTenants | None = None) -> None:
        self.tenant = tenant
        self._store = store
        self._known = known or KnownTenants()

    async def execution(self, execution_id: str) -> str:
        """Give the id of an execution of this tenant, named by its id or its key.

        Raises ExecutionNotFound for all others.
        """
        if self._known.get(execution_id) == self.tenant:
            return execution_id
        if not has_id_shape(execution_id):
            # Which execution a key stands for may change, so that it is never remembered.
            found = await self._store.index.named(self.tenant, execution_id)
            if found is None:
                raise ExecutionNotFound(execution_id)
            return found
        if await self._store.tenant(execution_id) != self.tenant:
            raise ExecutionNotFound(execution_id)
        self._known.put(execution_id, self.tenant)
        return execution_id

    def remember(self, execution_id: str) -> None:
        """Take note of an execution that this tenant has just made."""
        self._known.put(execution_id, self.tenant)


class AnyOwner(Owner):
    """The engine itself, for which every execution is its own; what it makes belongs to `default`."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, DEFAULT_TENANT)

    async def execution(self, execution_id: str) -> str:
        return execution_id
