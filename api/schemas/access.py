"""Bodies of `/v1/keys`, `/v1/tenants`, `/v1/identity`, `/ui/session` and `/ui/context`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.times import rfc3339
from orchestrator.execution.access import ApiKey, Identity, Scope, Tenant
from orchestrator.operations.origin import is_on_a_line
from orchestrator.operations.results import IssuedKey

_DURATION = WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]})


def _on_a_line(text: str) -> str:
    if text and (not text.strip() or not is_on_a_line(text)):
        raise ValueError("must be text without control characters, and not only blanks")
    return text


_Title = Annotated[str, Field(max_length=256), AfterValidator(_on_a_line)]
_Name = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_on_a_line)]


class KeyRequest(BaseModel):
    """Make an API key."""

    model_config = ConfigDict(extra="forbid")

    name: _Name = Field(description="Free text, to know the key by.")
    scopes: list[Scope] = Field(
        default=[Scope.RUN],
        min_length=1,
        max_length=3,
        description="`admin` opens what `run` opens, that what `read` does.",
    )
    expires_in: Annotated[Any, _DURATION] = Field(
        default=None, description="From now: seconds, or `30s`, `5m`. Without it the key does not expire."
    )


class RotateRequest(BaseModel):
    """Optional body of a rotation."""

    model_config = ConfigDict(extra="forbid")

    overlap: Annotated[Any, _DURATION] = Field(
        default="24h", description="How long the old key goes on beside the new one."
    )


class TenantRequest(BaseModel):
    """Register a tenant."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(description="1 to 40 of a-z, 0-9 and -; part of paths and of names of settings.")
    title: _Title = ""


class TenantChange(BaseModel):
    """Change a tenant; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: _Title | None = None
    is_active: bool | None = Field(
        default=None, description="false: its keys open nothing until it is true again."
    )


class SessionRequest(BaseModel):
    """Open a browser's session."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(min_length=1, max_length=512)


class KeyView(BaseModel):
    """What is kept of an API key."""

    key_id: str
    tenant: str
    name: str
    scopes: list[Scope]
    created_at: str
    expires_at: str | None
    last_used_at: str | None = Field(description="To the minute.")


class KeyIssued(KeyView):
    """A new API key."""

    key: str = Field(description="The key itself. It is shown once, and kept nowhere.")


class KeyList(BaseModel):
    items: list[KeyView]


class TenantView(BaseModel):
    name: str
    title: str
    is_active: bool
    created_at: str | None = Field(description="null for `default`, which is always there.")


class TenantCreated(TenantView):
    api_key: KeyIssued


class TenantPage(BaseModel):
    items: list[TenantView]
    next_cursor: str | None


class IdentityView(BaseModel):
    """Who makes this request."""

    tenant: str
    scopes: list[Scope]
    key_id: str | None
    is_operator: bool


class Visitor(BaseModel):
    """Who opens the page."""

    tenant: str | None = Field(description="null for the operator, who is no tenant.")
    scopes: list[Scope]
    is_operator: bool


class ContextView(BaseModel):
    """What the page needs to know before anything else."""

    environment: str = Field(description="`development` or `production`.")
    version: str
    needs_key: bool = Field(description="Whether requests need a key or a session.")
    demo: bool = Field(description="Whether the routes of the demo are served.")
    identity: Visitor | None = Field(
        description="null without a key where one is needed, and with a key or session that is not good."
    )
    root_path: str = Field(
        description="Prefix of every path behind a proxy, such as `/headrace`; else empty."
    )


def key_fields(key: ApiKey) -> dict[str, Any]:
    """Show what is kept of a key."""
    return {
        "key_id": key.key_id,
        "tenant": key.tenant,
        "name": key.name,
        "scopes": [scope for scope in Scope if scope in key.scopes],
        "created_at": rfc3339(key.created_ms),
        "expires_at": rfc3339(key.expires_ms),
        "last_used_at": rfc3339(key.used_ms),
    }


def issued_fields(issued: IssuedKey) -> dict[str, Any]:
    """Show a new key, itself included."""
    return key_fields(issued.key) | {"last_used_at": None, "key": issued.text}


def tenant_fields(tenant: Tenant) -> dict[str, Any]:
    """Show a tenant."""
    return {
        "name": tenant.name,
        "title": tenant.title,
        "is_active": tenant.is_active,
        "created_at": rfc3339(tenant.created_ms),
    }


def visitor_fields(identity: Identity) -> dict[str, Any]:
    """Show who opens the page."""
    return {
        "tenant": identity.tenant,
        "scopes": [scope for scope in Scope if scope in identity.scopes],
        "is_operator": identity.is_operator,
    }


def identity_fields(identity: Identity) -> dict[str, Any]:
    """Show who makes a request."""
    return visitor_fields(identity) | {"key_id": identity.key_id}
