"""Who may ask for what: every route has an owner, and a request passes where its key opens what that owns.

The key comes as `Authorization: Bearer KEY` or `X-API-Key: KEY`; a browser's session comes as a cookie. A key
that is sent is always checked. Without one a request acts for the tenant `default` where keys are not
required, and in development as the operator too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from api.refusals import KeyRequired, OperatorOnly, ScopeMissing
from orchestrator.execution.access import Identity, Scope
from orchestrator.operations.authentication import Authentication, anybody

COOKIE = "headrace_session"
_SESSION = re.compile(r"[A-Za-z0-9_-]{43}")

#: The ways in which a key is sent, in terms of OpenAPI.
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}


class Owner(StrEnum):
    """Whose a route is. Of a tenant's routes it says the scope that opens them."""

    PUBLIC = "public"
    READ = "read"
    RUN = "run"
    ADMIN = "admin"
    OPERATOR = "operator"
    #: The operator's, and everybody's where tenants may register themselves.
    REGISTRATION = "registration"


#: The owner of every route, by its operation id. A route without a row is nobody's: no request passes.
OWNERS: Mapping[str, Owner] = {
    "health_get": Owner.PUBLIC,
    "livez_get": Owner.PUBLIC,
    "readyz_get": Owner.PUBLIC,  # with ?verbose it is the operator's
    "documentation": Owner.PUBLIC,
    "session_open": Owner.PUBLIC,  # with the key in its body
    "session_close": Owner.PUBLIC,
    "workflow_submit": Owner.RUN,
    "workflow_trigger": Owner.RUN,
    "workflow_status": Owner.READ,
    "workflow_results": Owner.READ,
    "definitions_validate": Owner.READ,
    "definitions_simulate": Owner.RUN,
    "executions_create": Owner.RUN,
    "executions_list": Owner.READ,
    "executions_get": Owner.READ,
    "executions_results": Owner.READ,
    "executions_output": Owner.READ,
    "executions_definition": Owner.READ,
    "executions_children": Owner.READ,
    "executions_events": Owner.READ,
    "executions_explain": Owner.READ,
    "executions_trigger": Owner.RUN,
    "executions_purge": Owner.ADMIN,
    "executions_cancel": Owner.RUN,
    "executions_pause": Owner.RUN,
    "executions_resume": Owner.RUN,
    "executions_retry": Owner.RUN,
    "executions_replay": Owner.RUN,
    "executions_fork": Owner.RUN,
    "executions_node": Owner.READ,
    "executions_node_output": Owner.READ,
    "executions_items": Owner.READ,
    "executions_node_complete": Owner.RUN,
    "executions_node_fail": Owner.RUN,
    "executions_node_skip": Owner.RUN,
    "executions_node_retry": Owner.RUN,
    "executions_signal": Owner.RUN,
    "executions_decide": Owner.RUN,
    "workflows_list": Owner.READ,
    "workflows_get": Owner.READ,
    "workflows_source": Owner.READ,
    "workflows_versions": Owner.READ,
    "workflows_version": Owner.READ,
    "workflows_start": Owner.RUN,
    "workflows_create": Owner.ADMIN,
    "workflows_put": Owner.ADMIN,
    "workflows_pause": Owner.ADMIN,
    "workflows_resume": Owner.ADMIN,
    "workflows_delete": Owner.ADMIN,
    "approvals_list": Owner.READ,
    "approvals_get": Owner.READ,
    "dead_list": Owner.READ,
    "dead_requeue": Owner.RUN,
    "dead_drop": Owner.RUN,
    "handlers_list": Owner.READ,
    "usage_get": Owner.READ,
    "identity_get": Owner.READ,
    "keys_list": Owner.ADMIN,
    "keys_create": Owner.ADMIN,
    "keys_rotate": Owner.ADMIN,
    "keys_revoke": Owner.ADMIN,
    "tenants_create": Owner.REGISTRATION,
    "tenants_list": Owner.OPERATOR,
    "tenants_get": Owner.OPERATOR,
    "tenants_change": Owner.OPERATOR,
    "tenants_keys_list": Owner.OPERATOR,
    "tenants_keys_create": Owner.OPERATOR,
    "tenants_keys_revoke": Owner.OPERATOR,
    "workers_list": Owner.OPERATOR,
    "queues_list": Owner.OPERATOR,
}


@dataclass(frozen=True, slots=True)
class Gate:
    """The rule by which requests pass.

    is_required     whether a request needs a key, but for what is public.
    is_development  whether a request without a key may act as the operator, where none is required.
    is_registration_open  whether anybody may register a tenant.
    """

    is_required: bool = False
    is_development: bool = True
    is_registration_open: bool = True

    async def admit(
        self,
        scope: Mapping[str, Any],
        authentication: Authentication,
        owner: Owner,
        *,
        is_fresh: bool = False,
    ) -> Identity:
        """Say who passes to what somebody owns.

        is_fresh  whether the key is read again, however lately it was.
        Raises KeyRequired, ApiKeyInvalid (401), ScopeMissing, OperatorOnly, TenantDisabled (403).
        """
        headers: Mapping[bytes, bytes] = scope.get("headrace.headers", {})
        if b"authorization" in headers or b"x-api-key" in headers or b"cookie" in headers:
            # Who makes keys and takes them away is asked each time: no key outlives the one it was made with.
            is_fresh = is_fresh or owner is Owner.ADMIN
            identity = await self._identify(headers, authentication, is_fresh=is_fresh)
        else:
            identity = None
        identity = identity or self._without_key(owner)
        if owner is Owner.REGISTRATION and self.is_registration_open:
            return identity or anybody()
        if owner in (Owner.OPERATOR, Owner.REGISTRATION):
            if identity is not None and identity.is_operator:
                return identity
            if identity is None and authentication.has_operator_key:
                raise KeyRequired
            raise OperatorOnly(has_key=authentication.has_operator_key)
        if identity is None:
            raise KeyRequired
        if identity.tenant is None or Scope(owner) not in identity.scopes:
            found = [scope for scope in Scope if scope in identity.scopes]
            raise ScopeMissing(owner, found, is_operator=identity.tenant is None)
        return identity

    async def _identify(
        self, headers: Mapping[bytes, bytes], authentication: Authentication, *, is_fresh: bool
    ) -> Identity | None:
        """Say whose key or session comes with a request; None where there is neither."""
        if (key := _key_in(headers)) is not None:
            return await authentication.of_key(key, is_fresh=is_fresh)
        if (cookie := session_in(headers)) is not None:
            return await authentication.of_session(cookie, is_fresh=is_fresh)
        return None

    def _without_key(self, owner: Owner) -> Identity | None:
        """Say who makes a request without a key; None where that is not enough."""
        if self.is_required or (owner is Owner.OPERATOR and not self.is_development):
            return None
        return anybody(is_operator=self.is_development)


def security_of(owner: Owner) -> list[dict[str, list[str]]]:
    """Say in terms of OpenAPI which keys open a route, and with which scope."""
    scopes = [] if owner in (Owner.OPERATOR, Owner.REGISTRATION) else [str(owner)]
    return [{name: scopes} for name in SECURITY_SCHEMES]


def owner_of(operation_id: str | None) -> Owner:
    """Give the owner of a route. Raises LookupError for one without a row."""
    return OWNERS[operation_id or ""]


def _key_in(headers: Mapping[bytes, bytes]) -> str | None:
    """Find the key; text that is no key is one that opens nothing."""
    sent = headers.get(b"authorization")
    if sent is not None:
        scheme, _, key = sent.decode("latin-1").strip().partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""
    sent = headers.get(b"x-api-key")
    return None if sent is None else sent.decode("latin-1").strip()


def session_in(headers: Mapping[bytes, bytes]) -> str | None:
    """Find the cookie of a session; two of that name, or one that is none of ours, open nothing.

    Cookies of other applications on this host may hold anything, and are passed over unread.
    """
    sent = headers.get(b"cookie")
    if sent is None or COOKIE.encode() not in sent:
        return None
    pairs = (part.partition("=") for part in sent.decode("latin-1").split(";"))
    found = {value.strip() for name, _, value in pairs if name.strip() == COOKIE}
    if not found:
        return None
    (value, *others) = found
    return "" if others or _SESSION.fullmatch(value) is None else value
