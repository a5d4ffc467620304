"""Makes the secrets of webhooks, and says which of them go on after a change."""

from __future__ import annotations

import base64
import hmac
import secrets as randomness
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.definitions.webhooks import MOST_SECRETS, Secret, WebhookRecord
from orchestrator.documents.signatures import SECRET_PREFIX, Scheme, kept_secret, secret_rule
from orchestrator.errors import Problem, WebhookInvalid
from orchestrator.store.requests import Idempotency


class WebhookSecrets:
    """Makes secrets that can be shown again to the same request, and to no other."""

    def __init__(self, pepper: str = "") -> None:
        """pepper: what Redis does not know."""
        self._pepper = pepper

    def make(self, hook_id: str, idempotency: Idempotency | None) -> tuple[str, str]:
        """Make a secret; gives it, and the salt to keep: `-` for a request that cannot be made again."""
        salt = randomness.token_urlsafe(32)
        return self._put_together(hook_id, salt, idempotency), salt if idempotency else "-"

    def made_before(self, record: WebhookRecord, salt: str, idempotency: Idempotency | None) -> str | None:
        """Give the secret that the same request made; None where it made none, or it is replaced by now."""
        if salt in ("", "-"):
            return None
        secret = self._put_together(record.hook_id, salt, idempotency)
        is_kept = kept_secret(record.scheme, secret) in {each.kept for each in record.secrets}
        return secret if is_kept else None

    def _put_together(self, hook_id: str, salt: str, idempotency: Idempotency | None) -> str:
        made_of = f"{hook_id}\n{idempotency.name if idempotency else ''}\n{self._pepper}"
        key = hmac.digest(salt.encode(), made_of.encode(), "sha256")
        return SECRET_PREFIX + base64.b64encode(key).decode()


def check_secrets(scheme: Scheme, secrets: Sequence[str], field: str) -> None:
    """Raise WebhookInvalid for secrets that cannot be those of a scheme. No message has one in it."""
    message = ""
    if len(secrets) > MOST_SECRETS:
        message = f"'{field}' has {len(secrets)}; allowed are {MOST_SECRETS}"
    elif len(set(secrets)) < len(secrets):
        message = f"'{field}' has one of them twice"
    elif rules := [rule for each in secrets if (rule := secret_rule(scheme, each)) is not None]:
        message = f"'{field}' of the scheme '{scheme}' must be {rules[0]}"
    if message:
        raise WebhookInvalid([Problem(field, "wrong_value", message)])


def carried(record: WebhookRecord, scheme: Scheme, now_ms: int) -> tuple[Secret, ...]:
    """Give the secrets that a webhook keeps under another scheme, or the same."""
    if scheme is record.scheme:
        return record.secrets
    # Of tokens only digests are kept, which sign nothing; and the scheme none has no use for any.
    if Scheme.NONE in (scheme, record.scheme) or record.scheme is Scheme.HEADER_TOKEN:
        return ()
    return tuple(
        replace(each, kept=kept_secret(scheme, each.kept))
        for each in record.live_secrets(now_ms)
        if secret_rule(scheme, each.kept) is None
    )


def rotated(record: WebhookRecord, secret: str, *, now_ms: int, keep_ms: int) -> tuple[Secret, ...]:
    """Put a new secret after those that are good; these end after keep_ms, if not sooner."""
    kept, until_ms = kept_secret(record.scheme, secret), now_ms + keep_ms
    older = (
        replace(each, expires_ms=until_ms if each.expires_ms is None else min(each.expires_ms, until_ms))
        for each in record.live_secrets(now_ms)
        if keep_ms > 0 and each.kept != kept
    )
    return (*older, Secret(now_ms, None, kept))
