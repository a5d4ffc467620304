"""Sends messages about ends of executions to webhooks, signed after Standard Webhooks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from clients.http.retry_after import retry_after_s
from clients.http.wire import HttpError, RequestInvalid, SsrfBlocked, parse_url
from orchestrator.definitions.targets import DEFAULT_SECRET
from orchestrator.execution.deliveries import Answer, Delivery, message_body
from workers.context import Toolbox

TIMEOUT_S = 15.0
#: Shown of an answer that is no success.
EXCERPT_CHARS = 300


class WebhookChannel:
    """Posts messages with what the tenant's settings allow and hold at that moment."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    def content(self, delivery: Delivery, data: Mapping[str, Any]) -> bytes:
        """Write the body of the message."""
        return message_body(delivery, data)

    async def send(self, delivery: Delivery, content: bytes, now_ms: int) -> Answer:
        """Post the message once. Only 2xx is a success; redirects are failures, and are not followed."""
        from clients.notify.webhook_signer import SecretInvalid, signed_headers

        tools, target = self._tools.of(delivery.tenant), delivery.target
        named = target.url or ""
        url = named if "://" in named else tools.notify_urls.get(named)
        if url is None:
            return Answer(0, error=f"NOTIFY_URLS has no '{named}'")
        secret = target.secret or DEFAULT_SECRET
        if secret not in tools.webhook_secrets:
            return Answer(0, error=f"a webhook is signed, and WEBHOOK_SECRETS has no '{secret}'")
        started_s = time.perf_counter()
        place = target.place
        try:
            found = parse_url(url)
            place = f"{found.scheme}://{found.authority}"
            signed = signed_headers(
                tools.webhook_secrets[secret],
                message=delivery.message_id,
                body=content,
                now_s=now_ms / 1000,
            )
            own = {name.lower(): value for name, value in target.headers.items()}
            result = await tools.http.request(
                "POST",
                url,
                headers={**own, "content-type": "application/json", **signed},
                content=content,
                timeout_s=TIMEOUT_S,
                follow_redirects=False,
            )
        except (HttpError, SecretInvalid) as error:
            took_ms = round(1_000 * (time.perf_counter() - started_s))
            # In the URLs of webhooks the path is the key.
            text = str(error).replace(url, place).replace(url.partition("?")[0], place)
            is_final = isinstance(error, (SsrfBlocked, RequestInvalid))
            return Answer(took_ms, error=text, is_final=is_final)
        if 200 <= result.status < 300:
            return Answer(result.duration_ms, result.status)
        said = " ".join(result.content[: 4 * EXCERPT_CHARS].decode("utf-8", errors="replace").split())
        ending = f": {said[:EXCERPT_CHARS]}" if said else ""
        return Answer(
            result.duration_ms,
            result.status,
            error=f"{place} answered {result.status}{ending}",
            retry_after_s=retry_after_s(result.headers.get("retry-after"), now_s=time.time()),
        )
