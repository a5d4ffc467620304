"""Bodies of `/v1/webhooks` and `/webhooks`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.times import rfc3339
from api.schemas.warnings import Warnings
from orchestrator.definitions.webhooks import MOST_SECRETS, Counts
from orchestrator.documents.signatures import REFUSAL_WORDS
from orchestrator.operations.webhook_results import SampleDelivery, WebhookChange, WebhookView

_DURATION = WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})
SchemeName = Literal["hub256", "standard", "header_token", "none"]
ReasonName = Literal["no_secret", "missing", "malformed", "late", "early", "mismatch"]
InputsName = Literal["none", "payload"]
_Secret = Annotated[str, Field(min_length=1, max_length=256)]


class WebhookRequest(BaseModel):
    """Make a webhook of a registered workflow."""

    model_config = ConfigDict(extra="forbid", strict=True)

    workflow: str = Field(min_length=1, max_length=256, description="Its name or id.")
    scheme: SchemeName = Field(
        description="`hub256`: `X-Hub-Signature-256`. `standard`: Standard Webhooks. `header_token`: the "
        "secret in a header. `none`: in development only."
    )
    path: str | None = Field(
        default=None,
        description="1 to 128 of A-Z a-z 0-9 _ . ~ -; chosen by the tenant `default` alone. Without it, "
        "`wh_` and 32 digits that cannot be guessed.",
    )
    secrets: list[_Secret] = Field(
        default=[],
        max_length=MOST_SECRETS,
        description="What senders sign with. Without any, one is made and shown in the answer.",
    )
    header: str | None = Field(
        default=None, description="Of the scheme `header_token`; `X-Webhook-Token` where it is not named."
    )
    inputs: InputsName | None = Field(
        default=None,
        description="`payload`: the body becomes the inputs, and must match their schema. Otherwise there "
        "are none, and templates read the body as `trigger.payload`.",
    )
    is_active: bool = Field(default=True, description="False: the path is unknown.")


class WebhookPatch(BaseModel):
    """Change a webhook; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    scheme: SchemeName | None = Field(
        default=None, description="Where its secrets cannot be those of this scheme, one is made and shown."
    )
    header: str | None = None
    inputs: InputsName | None = None
    is_active: bool | None = None


class SecretRequest(BaseModel):
    """Optional body of a rotation."""

    model_config = ConfigDict(extra="forbid", strict=True)

    secret: _Secret | None = Field(
        default=None, description="The new one. Without it, one is made and shown in the answer."
    )
    keep: Annotated[Any, _DURATION] = Field(
        default="24h", description="How long those before it are good beside it; 0 ends them now."
    )


class SampleRequest(BaseModel):
    """Optional body of a test."""

    model_config = ConfigDict(extra="forbid", strict=True)

    payload: Any = Field(default=None, description="What is delivered; a sample without it.")


class DeliveryTaken(BaseModel):
    """The same each time the same delivery comes."""

    execution_id: str


class SecretView(BaseModel):
    """What is shown of a secret."""

    created_at: str
    expires_at: str | None


class LastRejected(BaseModel):
    """The newest delivery that was refused. Nothing of it is kept but this."""

    at: str
    reason: ReasonName
    detail: str = Field(description="The reason in words.")


class DeliveryCounts(BaseModel):
    """Deliveries so far. `accepted`: answered with an execution; `duplicate`: those that came before."""

    accepted: int
    duplicate: int
    rejected: int = Field(description="Signature missing, wrong or too old.")
    rejected_for: dict[ReasonName, int] = Field(
        description="The rejected by reason. Those of before reasons were counted are in `rejected` alone."
    )
    last_rejected: LastRejected | None
    error: int = Field(description="Genuine, and refused: too large, or inputs that are wrong.")
    last_at: str | None
    last_accepted_at: str | None


class WebhookShown(BaseModel):
    """A webhook without its secrets."""

    path: str
    url: str = Field(description="Where deliveries are sent, below the address of the API.")
    hook_id: str = Field(description="Tells it from another webhook that had this path before.")
    workflow: str
    workflow_id: str
    scheme: SchemeName
    header: str | None
    inputs: InputsName
    is_active: bool
    secrets: list[SecretView]
    deliveries: DeliveryCounts
    created_at: str
    updated_at: str


class WebhookChanged(WebhookShown):
    secret: str | None = Field(description="One that was made for it. It is shown this once.")
    warnings: Warnings


class WebhookPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[WebhookShown]
    next_cursor: str | None


class SampleRequestShown(BaseModel):
    """The request that would have delivered the sample, signature and all."""

    method: str
    path: str
    headers: dict[str, str] = Field(description="A token is written as `<token>`: only its hash is known.")
    body: str


class SampleTaken(BaseModel):
    execution_id: str
    request: SampleRequestShown


def webhook_fields(view: WebhookView) -> dict[str, Any]:
    """Show a webhook."""
    record = view.record
    return {
        "path": record.path,
        "url": f"/webhooks/{record.path}",
        "hook_id": record.hook_id,
        "workflow": view.workflow,
        "workflow_id": record.workflow_id,
        "scheme": str(record.scheme),
        "header": record.header or None,
        "inputs": record.inputs,
        "is_active": record.is_active,
        "secrets": [
            {"created_at": rfc3339(each.created_ms), "expires_at": rfc3339(each.expires_ms)}
            for each in record.secrets
        ],
        "deliveries": _deliveries(record.counts),
        "created_at": rfc3339(record.created_ms),
        "updated_at": rfc3339(record.updated_ms),
    }


def change_fields(change: WebhookChange) -> dict[str, Any]:
    """Show a webhook after a change, with the secret that was made for it."""
    return webhook_fields(change.view) | {"secret": change.secret}


def sample_fields(sample: SampleDelivery) -> dict[str, Any]:
    """Show what was delivered to test a webhook."""
    return {
        "execution_id": sample.submitted.execution_id,
        "request": {
            "method": "POST",
            "path": f"/webhooks/{sample.path}",
            "headers": dict(sample.headers),
            "body": sample.body.decode(),
        },
    }


def _deliveries(counts: Counts) -> dict[str, Any]:
    reason, last_rejected = counts.last_reason, None
    if reason is not None:
        at = rfc3339(counts.last_rejected_ms)
        last_rejected = {"at": at, "reason": str(reason), "detail": REFUSAL_WORDS[reason]}
    return {
        "accepted": counts.accepted,
        "duplicate": counts.duplicate,
        "rejected": counts.rejected,
        "rejected_for": {str(each): count for each, count in counts.rejected_for.items()},
        "last_rejected": last_rejected,
        "error": counts.error,
        "last_at": rfc3339(counts.last_ms),
        "last_accepted_at": rfc3339(counts.last_accepted_ms),
    }
