"""Checks what a webhook is to be, and writes it in the fields of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.definitions.webhooks import (
    Kind,
    Secret,
    WebhookRecord,
    WebhookSpec,
    read_webhook,
    secrets_text,
)
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.documents.signatures import Scheme
from orchestrator.errors import Problem, WebhookInvalid
from orchestrator.operations.registrations import flag
from orchestrator.operations.webhook_secrets import check_secrets
from orchestrator.redis_keys import DEFAULT_TENANT


def checked(
    wanted: Mapping[str, Any], secrets: Sequence[str], *, tenant: str, kind: Kind, allows_unsigned: bool
) -> WebhookSpec:
    """Check what is wanted. Raises WebhookInvalid with every problem."""
    findings = Findings(Limits())
    spec = read_webhook(Fields(dict(wanted), "", findings), kind)
    if spec is None:
        raise WebhookInvalid(findings.problems)
    if spec.path is not None and tenant != DEFAULT_TENANT:
        raise invalid("path", "'path' is chosen by the tenant 'default' alone; leave it out, and one is made")
    if spec.scheme is Scheme.NONE and not allows_unsigned:
        raise invalid(
            "scheme",
            "'scheme' may be 'none' in development only, because all who know the path may then send; "
            "allowed: hub256, standard, header_token",
        )
    if spec.scheme is Scheme.NONE and secrets:
        raise invalid("secrets", "'secrets' are of no use to the scheme 'none'; leave them out")
    check_secrets(spec.scheme, secrets, "secrets")
    return spec


def merged(record: WebhookRecord, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Put what is wanted over what there is."""
    given = {name: value for name, value in wanted.items() if value is not None}
    before: dict[str, Any] = {"scheme": str(record.scheme), "inputs": record.inputs}
    if record.header and given.get("scheme", before["scheme"]) == before["scheme"]:
        before["header"] = record.header
    return before | given


def spec_fields(spec: WebhookSpec, secrets: Sequence[Secret], *, is_active: bool) -> dict[str, str]:
    """Write what can be changed as a record keeps it."""
    return {
        "scheme": str(spec.scheme),
        "header": spec.header,
        "inputs": spec.inputs,
        "is_active": flag(is_active),
        "secrets": secrets_text(secrets),
    }


def fields_of(record: WebhookRecord) -> dict[str, str]:
    spec = WebhookSpec(None, record.scheme, record.header, record.inputs)
    return spec_fields(spec, record.secrets, is_active=record.is_active)


def invalid(path: str, message: str) -> WebhookInvalid:
    """Say that one thing is wrong."""
    return WebhookInvalid([Problem(path, "wrong_value", message)])
