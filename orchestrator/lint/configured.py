"""Names that the settings of no live worker have: of secrets, and of those and URLs for messages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain

from orchestrator.definitions.definition import Node
from orchestrator.definitions.targets import DEFAULT_SECRET, TARGET_FIELDS, Target
from orchestrator.documents.problems import Findings, joined
from orchestrator.execution.inventory import Configured
from orchestrator.lint.context import Places
from orchestrator.lint.template_reads import secrets_of
from orchestrator.templates.references import is_template

#: Path, code, message, hint.
Missing = tuple[str, str, str, str | None]
NOTIFY, WEBHOOK, WITH_URL = "notify", "webhook", frozenset({"webhook", "slack", "apprise"})
#: What begins a secret that stands in a config itself.
WHSEC = "whsec_"
NONE_HAS = "which no live worker has"


def not_configured(places: Places, configured: Configured) -> Iterator[Missing]:
    """List what nodes and the ends of the execution name in vain."""
    for node in places.definition.nodes:
        found = chain(_secrets(node, configured, places.findings), _of_notify(node, configured))
        for path, code, message, hint in found:
            yield places.at(node, path), code, message, hint
    for field, status in TARGET_FIELDS.items():
        targets = places.definition.targets.get(status, ())
        is_list = isinstance(places.definition.source.get(field), list)
        for place, target in enumerate(targets):
            yield from _of_target(target, f"{field}[{place}]" if is_list else field, configured)


def _secrets(node: Node, configured: Configured, findings: Findings) -> Iterator[Missing]:
    for use in secrets_of(node):
        if use.key is not None and use.key not in configured.secrets:
            message = f"{node.id!r} reads secrets.{use.key}, {NONE_HAS}"
            hint = findings.did_you_mean(use.key, configured.secrets)
            hint = hint or f"set SECRET_{use.key}, or that of the tenant, where workers run"
            yield use.path, "secret_not_set", message, hint


def _of_notify(node: Node, configured: Configured) -> Iterator[Missing]:
    channel, url, secret = (node.config.get(name) for name in ("channel", "url", "secret"))
    if node.handler != NOTIFY or channel not in WITH_URL:
        return
    if _is_name(url) and url not in configured.notify_urls:
        yield _unknown("config.url", f"{node.id!r}", url, "NOTIFY_URLS", configured.notify_urls)
    if channel == WEBHOOK and _is_name(secret) and secret not in configured.webhook_secrets:
        yield _unknown("config.secret", f"{node.id!r}", secret, "WEBHOOK_SECRETS", configured.webhook_secrets)


def _of_target(target: Target, path: str, configured: Configured) -> Iterator[Missing]:
    if target.url is None:
        return
    if _is_name(target.url) and target.url not in configured.notify_urls:
        yield _unknown(f"{path}.url", path, target.url, "NOTIFY_URLS", configured.notify_urls)
    secret = target.secret or DEFAULT_SECRET
    if secret not in configured.webhook_secrets:
        where = f"{path}.secret" if target.secret else path
        yield _unknown(where, path, secret, "WEBHOOK_SECRETS", configured.webhook_secrets)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and not is_template(value) and "://" not in value and WHSEC not in value


def _unknown(path: str, who: str, name: object, setting: str, known: Collection[str]) -> Missing:
    names = joined(known) if known else "none"
    message = f"{who} names {name!r} of {setting}, {NONE_HAS}"
    return path, "name_not_set", message, f"{setting} of live workers: {names}"
