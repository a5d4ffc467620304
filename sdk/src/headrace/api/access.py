"""Tenants and API keys. Keys are in the answers that make them, and in no other."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.calls import (
    Pages,
    Part,
    Steps,
    Way,
    delete,
    each_of,
    get,
    get_items,
    get_pages,
    given,
    listing,
    operation,
    patch,
    path_of,
    post_once,
)
from headrace.records import ApiKey, Identity, Tenant


class ApiKeys(Part[Way]):
    """`client.api_keys`: those of the tenant of this client's own key, or of one the operator names."""

    @operation
    def identity(self) -> Steps[Identity]:
        """The tenant and scopes of this client."""
        return Identity.from_dict((yield from get(path_of("identity"))))

    @operation
    def list(self, *, tenant: str | None = None) -> Steps[tuple[ApiKey, ...]]:
        """What is kept of each key, oldest first."""
        return ApiKey.all_of((yield from get_items(_keys(tenant))))

    @operation
    def create(
        self,
        name: str,
        scopes: Sequence[str] = ("run",),
        *,
        expires_in: str | float | None = None,
        tenant: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[ApiKey]:
        """Make a key; `key` is in this answer alone.

        expires_in  seconds, or `30s`, `12h`; None for a key that does not expire.
        """
        body = given(name=name, scopes=list(scopes), expires_in=expires_in)
        return ApiKey.from_dict((yield from post_once(_keys(tenant), body, idempotency_key)).document)

    @operation
    def rotate(
        self,
        key_id: str,
        *,
        overlap: str | float | None = None,
        tenant: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[ApiKey]:
        """Make a key in place of another, which goes on for the overlap, a day without one."""
        path = _keys(tenant, key_id, "rotate")
        return ApiKey.from_dict(
            (yield from post_once(path, given(overlap=overlap), idempotency_key)).document
        )

    @operation
    def revoke(self, key_id: str, *, tenant: str | None = None) -> Steps[None]:
        """Take a key away."""
        yield from delete(_keys(tenant, key_id))


class Tenants(Part[Way]):
    """`client.tenants`: for the operator."""

    @operation
    def create(self, name: str, title: str = "", *, idempotency_key: str | None = None) -> Steps[Tenant]:
        """Register a tenant; `api_key` is its first key."""
        body = {"name": name, "title": title}
        return Tenant.from_dict((yield from post_once(path_of("tenants"), body, idempotency_key)).document)

    @operation
    def get(self, name: str) -> Steps[Tenant]:
        """One tenant."""
        return Tenant.from_dict((yield from get(path_of("tenants", name))))

    @listing
    def list(self, *, limit: int | None = None) -> Pages[Tenant]:
        """The tenants beside `default`, oldest first."""
        return each_of(get_pages(path_of("tenants"), limit=limit), Tenant.from_dict)

    @operation
    def change(self, name: str, *, title: str | None = None, is_active: bool | None = None) -> Steps[Tenant]:
        """Give it a title, disable or enable it."""
        return Tenant.from_dict(
            (yield from patch(path_of("tenants", name), given(title=title, is_active=is_active)))
        )


def _keys(tenant: str | None, *rest: str) -> str:
    return path_of("keys", *rest) if tenant is None else path_of("tenants", tenant, "keys", *rest)
