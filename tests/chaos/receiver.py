"""A receiver of messages about ends: notes each one, answers some late, and refuses some the first time."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Mapping

import orjson
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from tests.chaos.history import Message
from tests.unit.clients.http.target_server import Seen, reply

#: By tenant, what its messages are signed with.
SECRETS: Mapping[str, str] = {
    "default": "whsec_" + base64.b64encode(b"d" * 32).decode(),
    "other": "whsec_" + base64.b64encode(b"o" * 32).decode(),
}
#: The same, as the environment of workers has it.
ENVIRONMENT: Mapping[str, str] = {
    "WEBHOOK_SECRETS": orjson.dumps({"default": SECRETS["default"]}).decode(),
    "TENANT_OTHER_WEBHOOK_SECRETS": orjson.dumps({"default": SECRETS["other"]}).decode(),
}
#: Of five messages one is refused once, and one answered so much later.
SHARES, LATE_S = 5, 0.4


class Receiver:
    """Stands outside: it is never struck, and keeps what it has seen."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def take(self, seen: Seen) -> bytes:
        """Answer one request."""
        message_id = seen.headers.get("webhook-id", "")
        share = hashlib.sha256(message_id.encode()).digest()[0] % SHARES
        is_first = all(each.message_id != message_id for each in self.messages)
        status = 500 if share == 0 and is_first else 204
        data = orjson.loads(seen.body)["data"]
        message = Message(
            message_id, data["execution_id"], data["generation"], data["status"],
            signed_by(seen), status, seen.body, time.monotonic(),
        )  # fmt: skip
        self.messages.append(message)
        if share == 1:
            await asyncio.sleep(LATE_S)
        return reply(status)


def signed_by(seen: Seen) -> str | None:
    """Say which tenant's secret has signed a message."""
    for tenant, secret in SECRETS.items():
        try:
            Webhook(secret).verify(seen.body, seen.headers)
        except WebhookVerificationError:
            continue
        return tenant
    return None
