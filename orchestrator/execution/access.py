"""Who may ask for what: tenants, API keys and their scopes, as read at one moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a key is for; each scope opens what those before it open."""

    READ = "read"
    RUN = "run"
    ADMIN = "admin"


def opened_by(scopes: Collection[Scope]) -> frozenset[Scope]:
    """Give every scope that these open."""
    order = list(Scope)
    return frozenset(order[: max((order.index(scope) + 1 for scope in scopes), default=0)])


@dataclass(frozen=True, slots=True)
class Tenant:
    """One party whose executions, workflows and keys are its own.

    name        lower-case letters, digits and dashes, part of keys and of names of settings.
    title       free text.
    created_ms  None for `default`, which is always there.
    is_active   whether its keys open anything.
    """

    name: str
    title: str
    created_ms: int | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of an API key.

    digest          SHA-256 of the key, hex.
    used_ms         to the minute.
    own_expires_ms  when it would expire, had it not been rotated.
    """

    key_id: str
    tenant: str
    digest: str
    name: str
    scopes: frozenset[Scope]
    created_ms: int
    expires_ms: int | None
    used_ms: int | None
    own_expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who makes a request.

    tenant       None for the operator, who is no tenant.
    scopes       what it may do there: all that is opened.
    key_id       of the key it came with, or that its session stands for; None without one.
    credential   what it came with, a key or a session, whose end ends what it began; None without either.
    is_operator  whether it may do what belongs to the operator.
    """

    tenant: str | None
    scopes: frozenset[Scope]
    key_id: str | None = None
    is_operator: bool = False
    credential: str | None = None
