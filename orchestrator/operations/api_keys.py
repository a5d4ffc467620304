"""`engine.api_keys`: the keys of a tenant: made, rotated, listed and revoked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from typing import Literal

from orchestrator.errors import ApiKeyNotFound, IdempotencyConflict, TenantNotFound, TooManyApiKeys
from orchestrator.execution.access import ApiKey, Scope
from orchestrator.operations.owner import Owner
from orchestrator.operations.results import IssuedKey
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency, NewApiKey
from orchestrator.store.transitions import Transitions

#: What every key begins with, so that scanners for leaked secrets know it.
PREFIX = "hr"
ID_CHARACTERS, SECRET_CHARACTERS = 8, 43
#: Of a key in the form `hex`, which has no id in it.
HEX_DIGITS = 32
#: Keys of one tenant; the script's own figure.
MOST_KEYS = 100
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
#: `PREFIX_ID_SECRET`, or, of doors whose keys are promised so, `PREFIX_` and 32 hex digits.
Form = Literal["plain", "hex"]
_plain_key = re.compile(
    rf"[A-Za-z0-9_]{{1,16}}_([a-z2-7]{{{ID_CHARACTERS}}})_[A-Za-z0-9_-]{{{SECRET_CHARACTERS}}}", re.ASCII
).fullmatch
_hex_key = re.compile(rf"[A-Za-z0-9_]{{1,16}}_[0-9a-f]{{{HEX_DIGITS}}}", re.ASCII).fullmatch


class ApiKeys:
    """The API keys of one tenant, by id."""

    def __init__(self, store: Store, transitions: Transitions, owner: Owner, *, pepper: str = "") -> None:
        """pepper: what Redis does not know, and goes into keys that may be shown again."""
        self._pepper = pepper
        self._store = store
        self._transitions = transitions
        self._owner = owner

    async def create(
        self,
        name: str,
        scopes: Collection[Scope],
        *,
        lasts_ms: int | None = None,
        prefix: str = PREFIX,
        form: Form = "plain",
        idempotency: Idempotency | None = None,
    ) -> IssuedKey:
        """Make a key. It is in the answer, and nowhere else: only its SHA-256 is kept.

        lasts_ms  from now until it expires; None for a key that does not.
        prefix    what it begins with.
        form      hex: the prefix and 32 hex digits; its id is made of its SHA-256.
        The same idempotency key again gives the same key.
        Raises TenantNotFound, TooManyApiKeys, IdempotencyConflict.
        """
        expires_ms = None if lasts_ms is None else await self._store.now_ms() + lasts_ms
        return await self._issue(name, scopes, expires_ms, prefix=prefix, form=form, idempotency=idempotency)

    async def rotate(
        self,
        key_id: str,
        *,
        overlap_ms: int,
        prefix: str = PREFIX,
        idempotency: Idempotency | None = None,
    ) -> IssuedKey:
        """Make a key of the same name, scopes and end in place of another, which goes on for the overlap.

        Raises ApiKeyNotFound, and what `create` raises.
        """
        old = await self.get(key_id)
        return await self._issue(
            old.name,
            old.scopes,
            old.own_expires_ms,
            replaces=key_id,
            overlap_ms=overlap_ms,
            prefix=prefix,
            idempotency=idempotency,
        )

    async def get(self, key_id: str) -> ApiKey:
        """Read what is kept of a key. Raises ApiKeyNotFound, for the keys of others too."""
        (found,) = await self._store.access.api_keys([key_id])
        if found is None or found.tenant != self._owner.tenant:
            raise ApiKeyNotFound(key_id)
        return found

    async def list(self) -> Sequence[ApiKey]:
        """List the keys that are good, oldest first; there are 100 at most."""
        found = await self._store.access.api_keys(await self._store.access.api_key_ids(self._owner.tenant))
        return [key for key in found if key is not None]

    async def revoke(self, key_id: str) -> None:
        """Take a key away; within a second it opens nothing any more. Raises ApiKeyNotFound."""
        await self.get(key_id)
        # `unknown` by then: it is gone, by this very call, whose first answer was lost, or by another.
        await self._transitions.revoke_api_key(self._owner.tenant, key_id)

    async def _issue(
        self,
        name: str,
        scopes: Collection[Scope],
        expires_ms: int | None,
        *,
        prefix: str,
        form: Form = "plain",
        idempotency: Idempotency | None,
        replaces: str = "",
        overlap_ms: int = 0,
    ) -> IssuedKey:
        tenant = self._owner.tenant
        key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(ID_CHARACTERS))
        salt = secrets.token_urlsafe(32)
        text = self._text(prefix, form, key_id, salt, idempotency)
        key_id = id_of_key(text) or key_id
        word, made_id, made_salt, created_ms = await self._transitions.create_api_key(
            tenant,
            NewApiKey(
                key_id=key_id,
                digest=digest_of_key(text),
                name=name,
                scopes=" ".join(scope for scope in Scope if scope in scopes),
                expires_ms=expires_ms,
                replaces=replaces,
                overlap_ms=overlap_ms,
                # Of a request that cannot be made again the salt is kept nowhere.
                salt=salt if idempotency else "-",
            ),
            idempotency=idempotency,
        )
        match word:
            case "conflict":
                raise IdempotencyConflict(idempotency.name if idempotency else "")
            case "unknown":
                raise TenantNotFound(tenant)
            case "gone":
                raise ApiKeyNotFound(replaces or made_id)
            case "full":
                raise TooManyApiKeys(tenant, MOST_KEYS)
        if word == "replayed":
            before, again = await self.get(made_id), self._text(prefix, form, made_id, made_salt, idempotency)
            if digest_of_key(again) != before.digest:  # the pepper or the prefix is another one by now
                raise ApiKeyNotFound(made_id)
            return IssuedKey(before, again, True)
        kept = ApiKey(
            key_id=key_id,
            tenant=tenant,
            digest=digest_of_key(text),
            name=name,
            scopes=frozenset(scopes),
            created_ms=created_ms,
            expires_ms=expires_ms,
            used_ms=None,
            own_expires_ms=expires_ms,
        )
        return IssuedKey(kept, text, False)

    def _text(self, prefix: str, form: Form, key_id: str, salt: str, idempotency: Idempotency | None) -> str:
        """Put a key together; the same again for the same request, of which only a digest is kept."""
        name = idempotency.name if idempotency else ""
        if form == "hex":
            secret = hmac.digest(salt.encode(), f"{name}\n{self._pepper}".encode(), "sha256")
            return f"{prefix}_{secret.hex()[:HEX_DIGITS]}"
        secret = hmac.digest(salt.encode(), f"{key_id}\n{name}\n{self._pepper}".encode(), "sha256")
        return f"{prefix}_{key_id}_{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


def id_of_key(text: str) -> str | None:
    """Give the id under which a key is kept; None for what is no key.

    A key in the form `hex` is named by its SHA-256, so that all its 128 bits are secret.
    """
    if (found := _plain_key(text)) is not None:
        return found[1]
    if _hex_key(text) is None:
        return None
    return base64.b32encode(bytes.fromhex(digest_of_key(text))).decode().lower()[:ID_CHARACTERS]


def digest_of_key(text: str) -> str:
    """SHA-256 of a key, hex: what is kept of it.

    A key has 128 random bits or more, so that a slow hash adds nothing.
    """
    return hashlib.sha256(text.encode()).hexdigest()
