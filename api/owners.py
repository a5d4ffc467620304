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
from orchestrator.errors import ApiKeyInvalid, TenantDisabled
from orchestrator.execution.access import Identity, Scope
from orchestrator.operations.authentication import Authentication, anyone

COOKIE = "headrace_session"
_SESSION = re.compile(r"[A-Za-z0-9_-]{43}")

#: The ways in which a key is sent, in terms of OpenAPI.
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}


class RouteOwner(StrEnum):
    """Whose a route is. Of a tenant's routes it says the scope that opens them."""

    PUBLIC = "public"
    #: Whoever can sign what is sent: a webhook's secret is its key, and its path says whose it is.
    SIGNED = "signed"
    READ = "read"
    RUN = "run"
    ADMIN = "admin"
    OPERATOR = "operator"
    #: The operator's, and everybody's where tenants may register themselves.
    REGISTRATION = "registration"


#: The owner of every route, by its operation id. A route without a row is nobody's: no request passes.
OWNERS: Mapping[str, RouteOwner] = {
    "health_get": RouteOwner.PUBLIC,
    "livez_get": RouteOwner.PUBLIC,
    "readyz_get": RouteOwner.PUBLIC,  # with ?verbose it is the operator's
    "documentation": RouteOwner.PUBLIC,
    "session_open": RouteOwner.PUBLIC,  # with the key in its body
    "session_close": RouteOwner.PUBLIC,
    "page_shell": RouteOwner.PUBLIC,
    "page_file": RouteOwner.PUBLIC,
    "context_get": RouteOwner.PUBLIC,
    "workflow_submit": RouteOwner.RUN,
    "workflow_trigger": RouteOwner.RUN,
    "workflow_status": RouteOwner.READ,
    "workflow_results": RouteOwner.READ,
    "definitions_validate": RouteOwner.READ,
    "definitions_simulate": RouteOwner.RUN,
    "executions_create": RouteOwner.RUN,
    "executions_list": RouteOwner.READ,
    "executions_get": RouteOwner.READ,
    "executions_results": RouteOwner.READ,
    "executions_output": RouteOwner.READ,
    "executions_definition": RouteOwner.READ,
    "executions_children": RouteOwner.READ,
    "executions_events": RouteOwner.READ,
    "executions_history": RouteOwner.READ,
    "executions_attempts": RouteOwner.READ,
    "executions_feed": RouteOwner.READ,
    "executions_explain": RouteOwner.READ,
    "executions_trigger": RouteOwner.RUN,
    "executions_purge": RouteOwner.ADMIN,
    "executions_cancel": RouteOwner.RUN,
    "executions_pause": RouteOwner.RUN,
    "executions_resume": RouteOwner.RUN,
    "executions_retry": RouteOwner.RUN,
    "executions_replay": RouteOwner.RUN,
    "executions_fork": RouteOwner.RUN,
    "executions_node": RouteOwner.READ,
    "executions_node_output": RouteOwner.READ,
    "executions_node_explain": RouteOwner.READ,
    "executions_items": RouteOwner.READ,
    "executions_node_complete": RouteOwner.RUN,
    "executions_node_fail": RouteOwner.RUN,
    "executions_node_skip": RouteOwner.RUN,
    "executions_node_retry": RouteOwner.RUN,
    "executions_signal": RouteOwner.RUN,
    "executions_post": RouteOwner.RUN,
    "executions_inbox": RouteOwner.READ,
    "executions_journal": RouteOwner.READ,
    "executions_decide": RouteOwner.RUN,
    "workflows_list": RouteOwner.READ,
    "workflows_get": RouteOwner.READ,
    "workflows_source": RouteOwner.READ,
    "workflows_versions": RouteOwner.READ,
    "workflows_version": RouteOwner.READ,
    "workflows_start": RouteOwner.RUN,
    "workflows_create": RouteOwner.ADMIN,
    "workflows_put": RouteOwner.ADMIN,
    "workflows_change": RouteOwner.ADMIN,
    "workflows_pause": RouteOwner.ADMIN,
    "workflows_resume": RouteOwner.ADMIN,
    "workflows_delete": RouteOwner.ADMIN,
    "schedules_list": RouteOwner.READ,
    "schedules_get": RouteOwner.READ,
    "schedules_next": RouteOwner.READ,
    "schedules_preview": RouteOwner.READ,
    "schedules_trigger": RouteOwner.RUN,
    "schedules_backfill": RouteOwner.RUN,
    "schedules_backfill_stop": RouteOwner.RUN,
    "schedules_create": RouteOwner.ADMIN,
    "schedules_put": RouteOwner.ADMIN,
    "schedules_pause": RouteOwner.ADMIN,
    "schedules_resume": RouteOwner.ADMIN,
    "schedules_delete": RouteOwner.ADMIN,
    "approvals_list": RouteOwner.READ,
    "approvals_get": RouteOwner.READ,
    "dead_list": RouteOwner.READ,
    "dead_requeue": RouteOwner.RUN,
    "dead_drop": RouteOwner.RUN,
    "deliveries_list": RouteOwner.READ,
    "deliveries_get": RouteOwner.READ,
    "deliveries_resend": RouteOwner.RUN,
    "handlers_list": RouteOwner.READ,
    "usage_get": RouteOwner.READ,
    "statistics_get": RouteOwner.READ,
    "webhooks_receive": RouteOwner.SIGNED,
    "webhooks_list": RouteOwner.READ,
    "webhooks_get": RouteOwner.READ,
    "webhooks_create": RouteOwner.ADMIN,
    "webhooks_change": RouteOwner.ADMIN,
    "webhooks_delete": RouteOwner.ADMIN,
    "webhooks_rotate": RouteOwner.ADMIN,
    "webhooks_test": RouteOwner.ADMIN,  # the answer has the signature of a sample
    "identity_get": RouteOwner.READ,
    "keys_list": RouteOwner.ADMIN,
    "keys_create": RouteOwner.ADMIN,
    "keys_rotate": RouteOwner.ADMIN,
    "keys_revoke": RouteOwner.ADMIN,
    "tenants_create": RouteOwner.REGISTRATION,
    "tenants_list": RouteOwner.OPERATOR,
    "tenants_get": RouteOwner.OPERATOR,
    "tenants_change": RouteOwner.OPERATOR,
    "tenants_keys_list": RouteOwner.OPERATOR,
    "tenants_keys_create": RouteOwner.OPERATOR,
    "tenants_keys_rotate": RouteOwner.OPERATOR,
    "tenants_keys_revoke": RouteOwner.OPERATOR,
    "workers_list": RouteOwner.OPERATOR,
    "queues_list": RouteOwner.OPERATOR,
    "metrics_get": RouteOwner.OPERATOR,
}


@dataclass(frozen=True, slots=True)
class Gate:
    """The rule by which requests pass.

    is_required     whether a request needs a key, but for what is public.
    is_development  whether a request without a key may act as the operator, where none is required.
    is_registration_open  whether anyone may register a tenant.
    """

    is_required: bool = False
    is_development: bool = True
    is_registration_open: bool = True

    async def admit(
        self,
        scope: Mapping[str, Any],
        authentication: Authentication,
        owner: RouteOwner,
        *,
        is_fresh: bool = False,
        needs_key: bool = False,
    ) -> Identity:
        """Say who passes to what somebody owns.

        is_fresh   whether the key is read again, however lately it was.
        needs_key  whether a key is needed also where none is required.
        Raises KeyRequired, ApiKeyInvalid (401), ScopeMissing, OperatorOnly, TenantDisabled (403).
        """
        headers: Mapping[bytes, bytes] = scope.get("headrace.headers", {})
        if b"authorization" in headers or b"x-api-key" in headers or b"cookie" in headers:
            # Who makes keys and takes them away is asked each time: no key outlives the one it was made with.
            is_fresh = is_fresh or owner is RouteOwner.ADMIN
            identity = await self._identify(headers, authentication, is_fresh=is_fresh)
        else:
            identity = None
        if identity is None and not needs_key:
            identity = self._without_key(owner)
        if owner is RouteOwner.REGISTRATION and self.is_registration_open:
            return identity or anyone()
        if owner in (RouteOwner.OPERATOR, RouteOwner.REGISTRATION):
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

    async def identity(self, scope: Mapping[str, Any], authentication: Authentication) -> Identity | None:
        """Say who makes a request, without refusing anyone.

        None without a key where one is needed, and with a key or session that opens nothing.
        """
        try:
            found = await self._identify(scope.get("headrace.headers", {}), authentication, is_fresh=False)
        except (ApiKeyInvalid, TenantDisabled):
            return None
        return found or self._without_key(RouteOwner.READ)

    async def _identify(
        self, headers: Mapping[bytes, bytes], authentication: Authentication, *, is_fresh: bool
    ) -> Identity | None:
        """Say whose key or session comes with a request; None where there is neither."""
        if (key := _key_in(headers)) is not None:
            return await authentication.of_key(key, is_fresh=is_fresh)
        if (cookie := session_in(headers)) is not None:
            return await authentication.of_session(cookie, is_fresh=is_fresh)
        return None

    def _without_key(self, owner: RouteOwner) -> Identity | None:
        """Say who makes a request without a key; None where that is not enough."""
        if self.is_required or (owner is RouteOwner.OPERATOR and not self.is_development):
            return None
        return anyone(is_operator=self.is_development)


def security_of(owner: RouteOwner) -> list[dict[str, list[str]]]:
    """Say in terms of OpenAPI which keys open a route, and with which scope."""
    scopes = [] if owner in (RouteOwner.OPERATOR, RouteOwner.REGISTRATION) else [str(owner)]
    return [{name: scopes} for name in SECURITY_SCHEMES]


def owner_of(operation_id: str | None, owners: Mapping[str, RouteOwner] = OWNERS) -> RouteOwner:
    """Give the owner of a route. Raises LookupError for one without a row."""
    return owners[operation_id or ""]


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
