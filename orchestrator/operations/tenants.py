"""`engine.tenants`: the tenants of a deployment, registered and disabled by its operator."""

from __future__ import annotations

import contextlib
import re
import secrets
import uuid

from orchestrator.definitions.registry import name_of
from orchestrator.errors import IdempotencyConflict, TenantExists, TenantNotFound, TooBusy
from orchestrator.execution.access import Tenant
from orchestrator.operations.cursors import read_place
from orchestrator.operations.results import Page
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency
from orchestrator.store.transitions import Transitions

#: Part of keys, paths and, in upper case, of names of settings: TENANT_<NAME>_SECRET_<SECRET>.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
#: A name that is made: letters of the title, and letters of chance.
_SLUG_CHARS, _TAIL_CHARS = 31, 8
_TAIL_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
#: How often another name is tried.
ROUNDS = 10
NAME_ALLOWED = "1 to 40 of a-z 0-9 and -, which neither begins nor ends it, and no part `secret`"


class Tenants:
    """The tenants by name; `default` is always there, and never in the list."""

    def __init__(self, store: Store, transitions: Transitions) -> None:
        self._store = store
        self._transitions = transitions

    async def create(
        self, name: str, title: str = "", *, idempotency: Idempotency | None = None
    ) -> tuple[Tenant, bool]:
        """Register a tenant; gives it, and whether the same request had registered it before.

        Raises ValueError for what cannot be a name, TenantExists, IdempotencyConflict.
        """
        if not is_tenant_name(name):
            raise ValueError(f"no tenant can be called {name[:80]!r}; allowed: {NAME_ALLOWED}")
        word, made = await self._transitions.create_tenant(
            name, title, call_id=uuid.uuid4().hex, idempotency=idempotency
        )
        if word == "conflict":
            raise IdempotencyConflict(idempotency.name if idempotency else "")
        if word == "taken":
            raise TenantExists(name)
        return await self.get(made), word == "replayed"

    async def register(self, title: str, *, idempotency: Idempotency | None = None) -> tuple[Tenant, bool]:
        """Register a tenant whose name is made of its title and chance, so that none is ever taken.

        Gives it, and whether the same request had registered it before. Raises IdempotencyConflict.
        """
        slug = name_of(title)[:_SLUG_CHARS].strip("-")
        if not slug or not is_tenant_name(slug):
            slug = "tenant"
        for _ in range(ROUNDS):
            tail = "".join(secrets.choice(_TAIL_ALPHABET) for _ in range(_TAIL_CHARS))
            with contextlib.suppress(TenantExists):
                return await self.create(f"{slug}-{tail}", title, idempotency=idempotency)
        raise TooBusy(f"no free name was found for {title[:80]!r}; try again")

    async def get(self, name: str) -> Tenant:
        """Read one tenant. Raises TenantNotFound."""
        found = await self._store.access.tenant(name) if is_tenant_name(name) else None
        if found is None:
            raise TenantNotFound(name)
        return found

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page:
        """List the tenants beside `default`, oldest first. Raises CursorInvalid."""
        first = read_place(cursor)
        found = await self._store.access.tenants(first, limit)
        return Page(found, str(first + limit) if len(found) == limit else None)

    async def change(self, name: str, *, title: str | None = None, is_active: bool | None = None) -> Tenant:
        """Change a title, or say whether the tenant's keys open anything. Raises TenantNotFound."""
        fields: dict[str, str] = {} if title is None else {"title": title}
        if is_active is not None:
            fields["is_active"] = "1" if is_active else "0"
        if not is_tenant_name(name):
            raise TenantNotFound(name)
        if await self._transitions.change_tenant(name, fields, call_id=uuid.uuid4().hex) == "unknown":
            raise TenantNotFound(name)
        return await self.get(name)


def is_tenant_name(text: str) -> bool:
    """Say whether a tenant can have this name."""
    return _NAME.match(text) is not None and "secret" not in text.split("-")
