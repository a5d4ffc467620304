"""The pure half of outbound HTTP: reading URLs and headers, and the errors a call may end with."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

URL_MAX_CHARS = 16 * 1024
#: Of a text that is shown in a message.
EXCERPT_CHARS = 100


class HttpError(Exception):
    """A call that gave no usable answer. `error_type` and `retryable` are what a failed node will say."""

    error_type = "Http.Transport"
    retryable = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details: dict[str, Any] = details


class RequestInvalid(HttpError):
    """The request itself cannot be sent: its URL or a header is malformed or not allowed."""

    error_type = "ConfigError"


class SsrfBlocked(HttpError):
    """The target is one that calls from here must not reach."""

    error_type = "SsrfBlocked"


class ResponseTooLarge(HttpError):
    """The body is larger than the limit; reading stopped there."""

    error_type = "OutputTooLarge"


class RedirectRefused(HttpError):
    """A redirect that would take the body of the request to where it was not sent to."""

    error_type = "Http.RedirectRefused"


class TransportFailed(HttpError):
    """No answer came: no connection, a broken one, or none in time.

    is_sent  whether the far side may have seen the request; if not, repeating it is safe for any method.
    """

    retryable = True

    def __init__(self, message: str, *, kind: str, is_sent: bool, **details: Any) -> None:
        super().__init__(message, kind=kind, **details)
        self.kind = kind
        self.is_sent = is_sent


class NameNotResolved(TransportFailed):
    """The host has no address."""

    def __init__(self, host: str, cause: object) -> None:
        super().__init__(f"host '{host}' cannot be resolved: {cause}", kind="resolve", is_sent=False)
        self.host = host


@dataclass(frozen=True, slots=True)
class Target:
    """A URL fit to be sent: quoted, without user, password and fragment."""

    scheme: str
    host: str
    port: int
    #: Path and query as they go on the request line.
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def own_port(self) -> int:
        """The port, 0 where it is the usual one of the scheme."""
        return 0 if self.port == _PORTS[self.scheme] else self.port

    @property
    def authority(self) -> str:
        """Host and, unless it is the scheme's own, port: the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.own_port else host

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def label(self) -> str:
        """The URL for messages and logs: without the query, which may hold keys."""
        return self.url.partition("?")[0]


_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HOST = r"\[[0-9A-Fa-f:.]+\]|[^\s:@\[\]%<>\\\"'`{}|^,;!$&()*+=~\x00-\x1f\x7f]+"
_AUTHORITY = re.compile(rf"({_HOST})(?::(\d{{0,5}}))?")
#: What a path and a query may hold unquoted; "%" stands apart: kept where it starts a valid escape.
_SAFE = "/:@!$&'()*+,;=-._~"
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse_url(text: str) -> Target:
    """Read a URL as templates leave it, quoting what may not stand in it. Raises RequestInvalid.

    Spaces, line breaks and other letters are quoted, since a path is often an earlier node's answer; the host
    is not repaired in any way.
    """
    stripped = text.strip()
    if len(stripped) > URL_MAX_CHARS:
        raise RequestInvalid(f"the URL has {len(stripped)} characters; at most {URL_MAX_CHARS} are sent")
    match = _URL.match(stripped)
    if match is None:
        scheme = _SCHEME.match(stripped)
        found = f"scheme '{scheme[1]}'" if scheme else "no scheme"
        raise RequestInvalid(f"the URL {excerpt(stripped)!r} has {found}; allowed: http://, https://")
    scheme_name, authority, rest = match[1].lower(), match[2], match[3]
    if "@" in authority:
        raise RequestInvalid("the URL holds a user name or password; send them in a header")
    parts = _AUTHORITY.fullmatch(authority)
    port = int(parts[2] or _PORTS[scheme_name]) if parts else 0
    if parts is None or not 0 < port < 65536:
        raise RequestInvalid(f"the URL has no valid host and port: {excerpt(authority)!r}")
    path, mark, query = rest.partition("?")
    quoted = _quote(path or "/", _SAFE) + mark + _quote(query, _SAFE + "?")
    return Target(scheme_name, _ascii_host(parts[1]), port, quoted)


def join_url(base: Target, location: str) -> Target:
    """The target a redirect names. Raises RequestInvalid."""
    try:
        return parse_url(urljoin(base.url, location.strip()))
    except ValueError as error:
        raise RequestInvalid(f"the redirect to {excerpt(location)!r} is no URL: {error}") from error


def _quote(text: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=safe + "%", errors="replace")


def _ascii_host(host: str) -> str:
    if host.startswith("["):
        return host[1:-1].lower()
    if host.isascii():
        return host.lower()
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise RequestInvalid(f"the URL's host {excerpt(host)!r} is no valid name: {error}") from error


def excerpt(text: str) -> str:
    """The beginning of a text for a message, with a mark where it is cut.

    By the mark whoever hides secrets in the message knows that half of one may stand before it.
    """
    return text if len(text) <= EXCERPT_CHARS else f"{text[:EXCERPT_CHARS]}…"


_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: Set by the client, or about the connection rather than the request.
_RESERVED_HEADERS = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer",
        "expect", "accept-encoding", "proxy-authorization", "proxy-connection", "http2-settings",
    }
)  # fmt: skip
#: What still goes along when a redirect leads to another origin; anything else may be a secret.
_PLAIN_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent", "accept-encoding"})


def clean_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Lower-case the names; raise RequestInvalid for what must not be sent or cannot stand on the wire."""
    cleaned: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            raise RequestInvalid(f"header name {excerpt(name)!r} is not valid")
        if lower in _RESERVED_HEADERS:
            raise RequestInvalid(f"header '{name}' is set by the client and cannot be given")
        if any(char in value for char in "\r\n\0"):
            raise RequestInvalid(f"header '{name}' holds a line break")
        cleaned[lower] = value.strip()
    return cleaned


def headers_for_other_origin(headers: Mapping[str, str], private: Collection[str] = ()) -> dict[str, str]:
    """What of the request's headers may go to an origin it was not written for.

    private  names in lower case of headers that hold a secret.
    """
    return {name: value for name, value in headers.items() if name in _PLAIN_HEADERS and name not in private}


def why_body_stays(here: Target, there: Target, *, may_leave: bool) -> str | None:
    """Say why the body of a request may not follow a redirect; None where it may. Pure."""
    if here.origin == there.origin:
        return None
    if here.scheme == "https" and there.scheme == "http":
        return "a body that was sent by TLS is not sent again without"
    if not may_leave:
        return "the body is for the origin it was sent to; resend_body_across_origins lets it go on"
    return None


def read_headers(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of an answer, names in lower case; the values of one that occurs more often are joined."""
    headers: dict[str, list[str]] = {}
    for name, value in fields:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return {name: ", ".join(values) for name, values in headers.items()}
