"""`engine.authentication`: who makes a request, by the key or the session that it comes with."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache

from orchestrator.errors import ApiKeyInvalid, HeadraceError, TenantDisabled
from orchestrator.execution.access import ApiKey, Identity, Scope, opened_by
from orchestrator.operations.api_keys import digest_of_key, id_of_key
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.store.reader import Store
from orchestrator.store.script_client import STORE_FAULTS
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.access")

#: How long a key that was found good counts as good without being read again.
FRESH_S = 0.5
#: Keys remembered by one process.
MOST_KEPT = 10_000
SESSION_MS = 12 * 3_600_000
MINUTE_MS = 60_000
#: What a session of the operator stands for, before the digest of the operator's key.
_OPERATOR = "operator "
#: What names a session among credentials, before the digest of its cookie.
SESSION = "session "
#: Compared with where there is no key, so that it takes as long.
_NO_DIGEST = "0" * 64


class Authentication:
    """Knows keys and sessions. What it has read it believes for half a second.

    operator_key  the operator's own; None where there is none.
    """

    def __init__(self, store: Store, transitions: Transitions, *, operator_key: str | None = None) -> None:
        self._store = store
        self._transitions = transitions
        self._operator_digest = digest_of_key(operator_key) if operator_key else None
        #: By kind and digest of what was sent: what it opens, and until when that counts.
        self._kept: dict[tuple[str, str], tuple[Identity, float]] = {}
        self._background: set[asyncio.Task[None]] = set()

    @property
    def has_operator_key(self) -> bool:
        return self._operator_digest is not None

    async def of_key(self, text: str, *, is_fresh: bool = False) -> Identity:
        """Say who comes with this key. Raises ApiKeyInvalid, TenantDisabled.

        is_fresh  whether the key is read, however lately it was.
        """
        digest = digest_of_key(text)
        if self._operator_digest is not None and hmac.compare_digest(digest, self._operator_digest):
            return Identity(None, frozenset(), None, is_operator=True)
        kept = None if is_fresh else self._kept.get(("key", digest))
        if kept is not None and time.monotonic() < kept[1]:
            return kept[0]
        key_id = id_of_key(text)
        if key_id is None:
            raise ApiKeyInvalid
        identity = await self._read(key_id, digest)
        self._keep(("key", digest), identity)
        return identity

    async def of_session(self, cookie: str, *, is_fresh: bool = False) -> Identity:
        """Say whose session this is. Raises ApiKeyInvalid once it or its key is over, TenantDisabled."""
        digest = digest_of_key(cookie)
        kept = None if is_fresh else self._kept.get(("session", digest))
        if kept is not None and time.monotonic() < kept[1]:
            return kept[0]
        stands_for = await self._store.access.session(digest)
        if stands_for is None:
            raise ApiKeyInvalid
        if stands_for.startswith(_OPERATOR):
            if stands_for.removeprefix(_OPERATOR) != self._operator_digest:
                raise ApiKeyInvalid
            identity = Identity(None, frozenset(), None, is_operator=True)
        else:
            identity = await self._read(stands_for, None)
        identity = replace(identity, credential=SESSION + digest)
        self._keep(("session", digest), identity)
        return identity

    async def open_session(self, text: str) -> str:
        """Open a session that lasts as long as this key is good, 12 hours at most; gives its cookie.

        Raises ApiKeyInvalid, TenantDisabled.
        """
        identity = await self.of_key(text)
        cookie = secrets.token_urlsafe(32)
        stands_for = identity.key_id or f"{_OPERATOR}{self._operator_digest}"
        await self._transitions.open_session(digest_of_key(cookie), stands_for, lasts_ms=SESSION_MS)
        return cookie

    async def close_session(self, cookie: str) -> None:
        """Close a session, in this process at once."""
        digest = digest_of_key(cookie)
        self._kept.pop(("session", digest), None)
        await self._transitions.close_session(digest)

    async def over(self, credentials: Collection[str]) -> set[str]:
        """Find those of the credentials (`Identity.credential`) that open nothing any more."""
        stand_for: dict[str, str | None] = {}
        for credential in credentials:
            is_session = credential.startswith(SESSION)
            digest = credential.removeprefix(SESSION)
            stand_for[credential] = await self._store.access.session(digest) if is_session else credential
        wanted = sorted({key for key in stand_for.values() if key and not key.startswith(_OPERATOR)})
        found = await self._store.access.api_keys(wanted)
        now_ms = await self._store.now_ms()
        good = {
            key_id
            for key_id, key in zip(wanted, found, strict=True)
            if key is not None and not _is_over(key, now_ms) and await self._is_active(key.tenant)
        }
        good.add(f"{_OPERATOR}{self._operator_digest}")
        return {credential for credential, key in stand_for.items() if key not in good}

    async def _read(self, key_id: str, digest: str | None) -> Identity:
        """Read a key. digest: of the key that was sent; None where something else has vouched for it."""
        (key,) = await self._store.access.api_keys([key_id])
        now_ms = await self._store.now_ms()
        expected = key.digest if key is not None else _NO_DIGEST
        is_right = digest is None or hmac.compare_digest(digest, expected)
        if key is None or not is_right or _is_over(key, now_ms):
            raise ApiKeyInvalid
        if not await self._is_active(key.tenant):
            raise TenantDisabled(key.tenant)
        minute_ms = now_ms - now_ms % MINUTE_MS
        if key.used_ms != minute_ms:
            self._note_use(key_id, minute_ms)
        return Identity(key.tenant, opened_by(key.scopes), key_id, credential=key_id)

    async def _is_active(self, tenant: str) -> bool:
        found = await self._store.access.tenant(tenant)
        return found is not None and found.is_active

    def _keep(self, place: tuple[str, str], identity: Identity) -> None:
        self._kept.pop(place, None)
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[place] = (identity, time.monotonic() + FRESH_S)

    def _note_use(self, key_id: str, minute_ms: int) -> None:
        """Take note beside the request, which need not wait for it."""
        task = asyncio.ensure_future(self._use(key_id, minute_ms))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _use(self, key_id: str, minute_ms: int) -> None:
        try:
            await self._transitions.use_api_key(key_id, minute_ms)
        except (HeadraceError, *STORE_FAULTS) as error:
            log.warning("api_key.use_not_noted", extra={"key_id": key_id, "error": str(error)})


@lru_cache
def anyone(*, is_operator: bool = False) -> Identity:
    """Give who makes a request without a key, where none is required: the tenant `default`."""
    return Identity(DEFAULT_TENANT, frozenset(Scope), is_operator=is_operator)


def _is_over(key: ApiKey, now_ms: int) -> bool:
    return key.expires_ms is not None and key.expires_ms <= now_ms
