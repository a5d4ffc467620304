"""The handler that sends notifications."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from clients.http.retry_after import retry_after_s
from clients.http.wire import HttpError, parse_url
from headrace import HandlerFault, Retryable, Terminal, handler
from headrace.wording import MESSAGE_MAX_CHARS, cut
from orchestrator.documents import exact_json
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.times import rfc3339
from orchestrator.errors import ErrorType
from workers.context import HandlerContext
from workers.excerpts import Excerpt
from workers.library.http import PASSING_STATUSES
from workers.library.plain_text import as_text

log = logging.getLogger("headrace.notify")

Channel = Literal["log", "webhook", "slack", "email", "apprise"]

TIMEOUT_S = 15
EXCERPT_CHARS = 500
GONE = 410

#: What a channel must be given, and what it may be given beside `message`, `title` and `level`.
_FIELDS: dict[Channel, tuple[frozenset[str], frozenset[str]]] = {
    "log": (frozenset(), frozenset({"data"})),
    "webhook": (frozenset({"url"}), frozenset({"secret", "event", "data", "headers", "timeout"})),
    "slack": (frozenset({"message", "url"}), frozenset({"data", "timeout"})),
    "email": (frozenset({"message", "to"}), frozenset({"cc", "bcc", "reply_to", "html", "timeout"})),
    "apprise": (frozenset({"message", "url"}), frozenset({"timeout"})),
}
_COMMON = frozenset({"channel", "message", "title", "level"})


class NotifyConfig(BaseModel):
    """The message, and its channel. Fields that the channel does not take are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    channel: Channel
    #: Text; another value is sent as JSON.
    message: str | None = None
    #: Subject of a mail, heading elsewhere.
    title: str | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
    #: Webhook, Slack and Apprise: a URL, or the name of one in NOTIFY_URLS.
    url: str | None = None
    #: Webhook: a name in WEBHOOK_SECRETS, or a `whsec_…` itself.
    secret: str | None = None
    event: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")] = "workflow.notification"
    #: Log: shown beside the message. Webhook: the event's data. Slack: further fields, such as `blocks`.
    data: dict[str, Any] | None = None
    headers: dict[str, str] = {}
    to: list[str] = []
    cc: list[str] = []
    bcc: list[str] = []
    reply_to: str | None = None
    html: str | None = None
    #: Seconds, or a duration such as "30s", for one attempt.
    timeout: Annotated[Any, Field(validate_default=True)] = TIMEOUT_S

    @field_validator("message", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return None if value is None else as_text(value)

    @field_validator("to", "cc", "bcc", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("timeout")
    @classmethod
    def _a_duration(cls, value: Any) -> Any:
        return parse_duration_ms(TIMEOUT_S if value is None else value, minimum_ms=1)

    @model_validator(mode="after")
    def _fit_for_the_channel(self) -> Self:
        needed, allowed = _FIELDS[self.channel]
        if missing := sorted(name for name in needed if not getattr(self, name)):
            raise ValueError(f"channel '{self.channel}' needs {' and '.join(map(repr, missing))}")
        if self.channel in ("log", "webhook") and not self.message and self.data is None:
            raise ValueError(f"channel '{self.channel}' needs 'message' or 'data'")
        fitting = _COMMON | needed | allowed
        if strange := sorted(self.model_fields_set - fitting):
            raise ValueError(
                f"channel '{self.channel}' takes no {', '.join(map(repr, strange))}; "
                f"it takes {', '.join(sorted(fitting - {'channel'}))}"
            )
        return self

    @property
    def timeout_s(self) -> float:
        return float(self.timeout / 1000)


@handler("notify", config=NotifyConfig, retry={"max_attempts": 5}, secrets=("url", "secret", "headers"))
async def notify(config: NotifyConfig, context: HandlerContext) -> dict[str, Any]:
    """Send a notification: to the log, a signed webhook, a Slack-compatible webhook, by mail or by Apprise.

    Output: {"status": "ok", "channel"}, and by channel: "message" and "data" of the log, "id",
    "status_code" and "is_signed" of a webhook, "message_id" and "refused" of a mail. May be delivered twice
    after a fault; ids are equal then.
    """
    known = await _SENDERS[config.channel](config, context)
    return {"status": "ok", "channel": config.channel, **known}


async def _send_log(config: NotifyConfig, context: HandlerContext) -> dict[str, Any]:
    data = {name: value for name, value in (("title", config.title), ("data", config.data)) if value}
    context.log(config.message or "", config.level, **data)
    where = {"execution_id": context.execution_id, "node_id": context.node_id}
    level = logging.getLevelNamesMapping()[config.level.upper()]
    log.log(
        level, "notify.log", extra={**where, "text": cut(config.message or "", MESSAGE_MAX_CHARS), **data}
    )
    return {"message": config.message, "data": config.data}


async def _send_webhook(config: NotifyConfig, context: HandlerContext) -> dict[str, Any]:
    """Post {"type", "timestamp", "data"} with a Standard Webhooks signature.

    In development it goes without one where no secret is set, and says so.
    """
    from clients.notify.webhook_signer import message_id, signed_headers

    content = {"title": config.title, "message": config.message, "level": config.level}
    origin = {"execution_id": context.execution_id, "node_id": context.node_id}
    body = exact_json.dumps(
        {
            "type": config.event,
            "timestamp": rfc3339(context.now_ms),
            "data": {**content, **origin} if config.data is None else config.data,
        }
    )
    name = message_id(context.idempotency_key)
    secret = _secret(config, context)
    if secret is None:
        signed = {"webhook-id": name, "webhook-timestamp": str(int(time.time()))}
        context.log("sent without a signature: WEBHOOK_SECRETS has no 'default'", "warning")
    else:
        signed = signed_headers(secret, message=name, body=body, now_s=time.time())
    reserved = {*signed, "webhook-signature"}
    headers = {key: value for key, value in config.headers.items() if key.lower() not in reserved}
    # Whatever is no success is tried again, as the standard asks for; only "gone" is an answer for good.
    status = await _post(config, context, body, {**headers, **signed}, is_final=lambda status: status == GONE)
    return {"id": name, "status_code": status, "is_signed": secret is not None}


async def _send_slack(config: NotifyConfig, context: HandlerContext) -> dict[str, Any]:
    text = config.message if not config.title else f"*{config.title}*\n{config.message}"
    body = exact_json.dumps({"text": text, **(config.data or {})})
    status = await _post(
        config,
        context,
        body,
        {},
        is_final=lambda status: 400 <= status < 500 and status not in PASSING_STATUSES,
    )
    return {"status_code": status}


async def _send_email(config: NotifyConfig, context: HandlerContext) -> dict[str, Any]:
    from clients.notify.smtp import Mail, build_message, send_mail

    settings = context.tools.smtp
    if settings is None:
        raise Terminal(
            "no mail server is configured: set SMTP_HOST and SMTP_FROM", type="Notify.NotConfigured"
        )
    mail = Mail(
        text=config.message or "",
        subject=config.title or f"{context.node_id} of execution {context.execution_id}",
        to=tuple(config.to),
        cc=tuple(config.cc),
        bcc=tuple(config.bcc),
        reply_to=config.reply_to,
        html=config.html,
    )
    message, recipients = build_message(
        mail, sender=settings.sender, key=context.idempotency_key, now_s=time.time()
    )
    refused = await send_mail(settings, message, recipients, timeout_s=config.timeout_s)
    if refused:
        # Not a failure: another try would send it again to everybody who has it.
        context.log("some recipients were refused", "warning", refused=refused)
    return {"message_id": message["Message-ID"], "recipients": len(recipients), "refused": refused}


async def _send_apprise(config: NotifyConfig, context: HandlerContext) -> dict[str, Any]:
    from clients.notify.apprise import send_apprise

    named = context.tools.notify_urls.get(config.url or "")
    # Apprise opens connections of its own, past the guard: in production the operator chooses the targets.
    if named is None and context.environment == "production":
        raise Terminal("channel 'apprise' takes only names that are in NOTIFY_URLS", type="ConfigError")
    if named is None and "://" not in (config.url or ""):
        raise _unknown(context)
    try:
        async with asyncio.timeout(config.timeout_s):
            count = await send_apprise(
                named or config.url or "",
                text=config.message or "",
                title=config.title or "",
                level=config.level,
            )
    except TimeoutError as error:
        raise Retryable(f"Apprise took longer than {config.timeout_s:g} s", type="Notify.Failed") from error
    return {"targets": count}


_SENDERS: dict[Channel, Callable[[NotifyConfig, HandlerContext], Awaitable[dict[str, Any]]]] = {
    "log": _send_log,
    "webhook": _send_webhook,
    "slack": _send_slack,
    "email": _send_email,
    "apprise": _send_apprise,
}


async def _post(
    config: NotifyConfig,
    context: HandlerContext,
    body: bytes,
    headers: dict[str, str],
    *,
    is_final: Callable[[int], bool],
) -> int:
    """Post a body once; the status, always 2xx. Redirects are failures: a message is for one place.

    Messages name host and port only: in the URLs of webhooks the path is the key.
    """
    url = context.tools.notify_urls.get(config.url or "", config.url or "")
    if "://" not in url:
        raise _unknown(context)
    target = parse_url(url)
    place = f"{target.scheme}://{target.authority}"
    sent = {"content-type": "application/json", **{name.lower(): value for name, value in headers.items()}}
    try:
        result = await context.http.request(
            "POST", url, headers=sent, content=body, timeout_s=config.timeout_s, follow_redirects=False
        )
    except HttpError as error:
        fault: type[HandlerFault] = Retryable if error.retryable else Terminal
        text = str(error).replace(target.label, place)
        raise fault(text, type=error.error_type, details=error.details) from error
    if 200 <= result.status < 300:
        return result.status
    fault = Terminal if is_final(result.status) else Retryable
    excerpt = Excerpt(result.content.decode("utf-8", errors="replace"), EXCERPT_CHARS)
    raise fault(
        f"{place} answered {result.status}",
        type={4: ErrorType.HTTP_4XX, 5: ErrorType.HTTP_5XX}.get(
            result.status // 100, ErrorType.HTTP_TRANSPORT
        ),
        after_s=retry_after_s(result.headers.get("retry-after"), now_s=time.time()),
        details={"status": result.status, "url": place, "body": excerpt},
    )


def _secret(config: NotifyConfig, context: HandlerContext) -> str | None:
    """The secret or secrets to sign with; None in development, where none is named and none set."""
    secrets = context.tools.webhook_secrets
    if config.secret is not None and config.secret.startswith("whsec_"):
        return config.secret
    name = config.secret or "default"
    if name not in secrets:
        if config.secret is None and context.environment == "development":
            return None
        raise Terminal(
            f"a webhook is signed, and WEBHOOK_SECRETS has no '{name}' (names: "
            f"{', '.join(sorted(secrets)) or 'none'}); to call without a signature use the handler 'http'",
            type="Notify.NotConfigured" if config.secret is None else "ConfigError",
        )
    return secrets[name]


def _unknown(context: HandlerContext) -> Terminal:
    names = ", ".join(sorted(context.tools.notify_urls)) or "none"
    return Terminal(f"'url' is neither a URL nor a name in NOTIFY_URLS ({names})", type="ConfigError")
