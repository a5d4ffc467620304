"""Signs what is sent to others as Standard Webhooks ask for it (https://www.standardwebhooks.com)."""

from __future__ import annotations

import binascii
import hashlib
from datetime import UTC, datetime

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError


class SecretInvalid(Exception):
    """A webhook secret that cannot sign. The message never holds the secret."""

    error_type = "ConfigError"
    retryable = False


def message_id(idempotency_key: str) -> str:
    """Name a message by the work it belongs to: equal over retries, so that a receiver can drop repeats."""
    # Hashed: an id is signed together with what follows it, parted by dots, and node ids may hold dots.
    return f"msg_{hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]}"


def signed_headers(secrets: str, *, message: str, body: bytes, now_s: float) -> dict[str, str]:
    """Give the three headers of a signed message.

    secrets  one or more `whsec_…`, parted by blanks: each signs, so that a receiver may change over in peace.
    body     UTF-8 text, exactly as it goes over the wire.
    now_s    time of sending, Unix epoch; receivers refuse what is older than five minutes.
    Raises SecretInvalid.
    """
    sent_at = datetime.fromtimestamp(int(now_s), UTC)
    try:
        signatures = [Webhook(secret).sign(message, sent_at, body.decode()) for secret in secrets.split()]
    except (binascii.Error, ValueError, EmptyWebhookSecretError) as error:
        raise SecretInvalid("a webhook secret is not 'whsec_' and base64 after it") from error
    if not signatures:
        raise SecretInvalid("a webhook secret is empty")
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(now_s)),
        "webhook-signature": " ".join(signatures),
    }
