"""Why a request is refused before a route sees it: its host, origin, content type, size or pace."""

from collections.abc import Sequence
from typing import ClassVar

from orchestrator.errors import HeadraceError

#: Names of YAML; a body under one of them is read as YAML, every other as JSON.
YAML_TYPES = frozenset({
    "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml",
})  # fmt: skip
#: Content types whose bodies are read.
BODY_TYPES = ("application/json", "application/*+json", "application/yaml")


class UnknownHost(HeadraceError):
    """The request is addressed to a name this server does not have: what a rebound DNS name looks like."""

    code: ClassVar[str] = "UNKNOWN_HOST"

    def __init__(self, host: str, names: Sequence[str]) -> None:
        super().__init__(
            f"this server has no host name {host[:200]!r}; allowed: localhost, IP addresses, "
            f"names without a dot{''.join(f', {name}' for name in names)}; ALLOWED_HOSTS adds names"
        )


class CrossSiteRequest(HeadraceError):
    """A browser sends a changing request for a page of another site, and without a key."""

    code: ClassVar[str] = "CROSS_SITE_REQUEST"

    def __init__(self, found: str, own: str, origins: Sequence[str]) -> None:
        allowed = ", ".join((own, *origins))
        super().__init__(
            f"a page of another origin may change nothing here; found {found}; allowed: {allowed}; "
            "CORS_ORIGINS adds origins; a request with a key (Authorization: Bearer, X-API-Key) needs none"
        )


class KeyRequired(HeadraceError):
    """The request comes without a key, and this server asks for one."""

    code: ClassVar[str] = "KEY_REQUIRED"

    def __init__(self) -> None:
        super().__init__(
            "a key is required: send Authorization: Bearer KEY, or X-API-Key: KEY; commands send API_KEY"
        )


class ScopeMissing(HeadraceError):
    """The key is good, and does not open this."""

    code: ClassVar[str] = "SCOPE_MISSING"

    def __init__(self, needed: str, found: Sequence[str], *, is_operator: bool = False) -> None:
        self.scope = needed
        has = (
            "the operator's key opens no tenant's routes"
            if is_operator
            else f"this key has {', '.join(found)}"
        )
        super().__init__(f"this needs the scope '{needed}' of a tenant's key; {has}")


class ReplayDisabled(HeadraceError):
    """The deployment does not let executions be replayed this way."""

    code: ClassVar[str] = "REPLAY_DISABLED"

    def __init__(self) -> None:
        super().__init__("replays are switched off here (WEBHOOK_REPLAY_ENABLED)")


class OperatorOnly(HeadraceError):
    """The route belongs to the operator of the deployment."""

    code: ClassVar[str] = "OPERATOR_ONLY"

    def __init__(self, *, has_key: bool) -> None:
        cure = (
            "send its key (OPERATOR_KEY)" if has_key else "start the API with OPERATOR_KEY set, and send that"
        )
        super().__init__(f"this belongs to the operator; {cure}")


class UnsupportedBody(HeadraceError):
    """The content type says that the body is no document this server reads."""

    code: ClassVar[str] = "UNSUPPORTED_MEDIA_TYPE"

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"a body of the type {content_type[:200]!r} is not read; allowed: {', '.join(BODY_TYPES)}, "
            "or no Content-Type at all"
        )


class HeaderTooLarge(HeadraceError):
    """Request line and header fields are over the limit; the rest of them was not read."""

    code: ClassVar[str] = "HEADER_TOO_LARGE"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the request's header is larger than the {limit_bytes:,} bytes allowed")


class RequestTooSlow(HeadraceError):
    """The request did not come whole in time."""

    code: ClassVar[str] = "REQUEST_TOO_SLOW"


class MalformedRequest(HeadraceError):
    """What came is not HTTP/1.1."""

    code: ClassVar[str] = "MALFORMED_REQUEST"

    def __init__(self) -> None:
        super().__init__("this is not an HTTP/1.1 request")
