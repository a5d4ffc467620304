"""Tenants and API keys. Keys are in the answers that make them, and in no other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from clients.headrace.transport import Document, Documents, Transport, given, path_of


class ApiKeys:
    """`client.api_keys`: those of the tenant of this client's own key, or of one the operator names."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def identity(self) -> Document:
        """The tenant and scopes of this client."""
        return await self._transport.get(path_of("identity"))

    async def list(self, *, tenant: str | None = None) -> Documents:
        """What is kept of each key, oldest first."""
        return await self._transport.items(_keys(tenant))

    async def create(
        self,
        name: str,
        scopes: Sequence[str] = ("run",),
        *,
        expires_in: str | float | None = None,
        tenant: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Make a key; `key` is in this answer alone.

        expires_in  seconds, or `30s`, `12h`; None for a key that does not expire.
        """
        body = given(name=name, scopes=list(scopes), expires_in=expires_in)
        return (await self._transport.post_once(_keys(tenant), body, idempotency_key)).document

    async def rotate(
        self,
        key_id: str,
        *,
        overlap: str | float | None = None,
        tenant: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Make a key in place of another, which goes on for the overlap, a day without one."""
        path = _keys(tenant, key_id, "rotate")
        return (await self._transport.post_once(path, given(overlap=overlap), idempotency_key)).document

    async def revoke(self, key_id: str, *, tenant: str | None = None) -> None:
        """Take a key away."""
        await self._transport.delete(_keys(tenant, key_id))


class Tenants:
    """`client.tenants`: for the operator."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, name: str, title: str = "", *, idempotency_key: str | None = None) -> Document:
        """Register a tenant; `api_key` is its first key."""
        body = {"name": name, "title": title}
        return (await self._transport.post_once(path_of("tenants"), body, idempotency_key)).document

    async def get(self, name: str) -> Document:
        """One tenant."""
        return await self._transport.get(path_of("tenants", name))

    async def list(self, *, limit: int | None = None) -> AsyncIterator[Document]:
        """The tenants beside `default`, oldest first."""
        async for item in self._transport.pages(path_of("tenants"), limit=limit):
            yield item

    async def change(self, name: str, *, title: str | None = None, is_active: bool | None = None) -> Document:
        """Give it a title, disable or enable it."""
        return await self._transport.patch(path_of("tenants", name), given(title=title, is_active=is_active))


def _keys(tenant: str | None, *rest: str) -> str:
    return path_of("keys", *rest) if tenant is None else path_of("tenants", tenant, "keys", *rest)
