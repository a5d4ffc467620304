"""Keep the cookies that the hops of one call set, and send them to its later hops where they belong.

A login often is a redirect that sets a cookie and leads to a page that asks for it. Nothing outlives the
call: one client serves all executions of a worker.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

from clients.http.wire import Target

#: Of one call; what is over is not kept.
MAX_COOKIES = 50
MAX_COOKIE_CHARS = 4096
#: Of the header that is sent.
MAX_HEADER_CHARS = 16 * 1024

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie and where it may go.

    domain     the host that set it, or a domain that the host is in.
    is_host    it goes to that very host only.
    port       of the host, 0 for the usual one of its scheme: another port is another service.
    needs_tls  it asks for TLS, or came by TLS: then it is not sent without.
    """

    name: str
    value: str
    domain: str
    is_host: bool
    port: int
    path: str
    needs_tls: bool

    def fits(self, target: Target) -> bool:
        """Say whether it may be sent to a target."""
        if (self.needs_tls and target.scheme != "https") or self.port != target.own_port:
            return False
        if target.host != self.domain and (self.is_host or not target.host.endswith(f".{self.domain}")):
            return False
        path = target.path.partition("?")[0]
        return path == self.path or path.startswith(self.path if self.path.endswith("/") else f"{self.path}/")


class CookiesOfCall:
    """The cookies of one call; the only thing of it that hops add to."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Cookie] = {}
        #: Names that a hop has set or taken back: what the request brought under them is out of date.
        self._replaced: set[str] = set()

    def take(
        self, target: Target, fields: Iterable[tuple[bytes, bytes]], *, now_s: float | None = None
    ) -> None:
        """Read the Set-Cookie headers of an answer. What is malformed or not the host's to set is ignored."""
        for name, value in fields:
            if name.lower() != b"set-cookie" or len(value) > MAX_COOKIE_CHARS:
                continue
            found = read_cookie(
                value.decode("latin-1"), target, now_s=time.time() if now_s is None else now_s
            )
            if found is None:
                continue
            cookie, is_over = found
            place = (cookie.domain, cookie.path, cookie.name)
            if is_over:
                self._kept.pop(place, None)
            elif place in self._kept or len(self._kept) < MAX_COOKIES:
                self._kept[place] = cookie
            self._replaced.add(cookie.name)

    def header_for(self, target: Target, given: str | None) -> str | None:
        """Give the Cookie header for a target, None for none.

        given  the header of the request itself, where it may still go there.
        """
        own = [pair.strip() for pair in (given or "").split(";") if pair.strip()]
        pairs = [pair for pair in own if pair.partition("=")[0].strip() not in self._replaced]
        # Longer paths first, as browsers do: a server takes the first of a name.
        fitting = sorted(
            (cookie for cookie in self._kept.values() if cookie.fits(target)),
            key=lambda each: -len(each.path),
        )
        for cookie in fitting:
            pairs.append(f"{cookie.name}={cookie.value}")
        header = "; ".join(pairs)
        while len(pairs) > len(own) and len(header) > MAX_HEADER_CHARS:
            pairs.pop()
            header = "; ".join(pairs)
        return header or None


def read_cookie(text: str, target: Target, *, now_s: float) -> tuple[Cookie, bool] | None:
    """Read one Set-Cookie header: the cookie, and whether it is over already; None for none. Pure."""
    pair, *parts = text.split(";")
    name, mark, value = pair.partition("=")
    name, value = name.strip(), value.strip()
    if not mark or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        return None
    attributes = {
        key.strip().lower(): setting.strip() for key, _, setting in (part.partition("=") for part in parts)
    }
    domain = attributes.get("domain", "").lower().removeprefix(".")
    if domain and not _may_set(domain, target.host):
        return None
    path = attributes.get("path", "")
    asked = "secure" in attributes
    if asked and target.scheme != "https":
        return None
    is_bare = not domain and path == "/"
    if (name.startswith("__Secure-") and not asked) or (
        name.startswith("__Host-") and not (asked and is_bare)
    ):
        return None
    cookie = Cookie(
        name,
        value,
        domain or target.host,
        is_host=not domain,
        port=target.own_port,
        path=path if path.startswith("/") else _default_path(target),
        needs_tls=target.scheme == "https",
    )
    return cookie, _is_over(attributes, now_s)


def _may_set(domain: str, host: str) -> bool:
    """Whether a host may speak for a domain: its own, or one above it of two parts at least."""
    if domain == host:
        return True
    if not host.endswith(f".{domain}") or "." not in domain:
        return False
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False


def _default_path(target: Target) -> str:
    path = target.path.partition("?")[0].rpartition("/")[0]
    return path or "/"


def _is_over(attributes: dict[str, str], now_s: float) -> bool:
    """Whether a cookie is taken back: an age of nothing, or a date that has passed."""
    age = attributes.get("max-age")
    if age is not None and re.fullmatch(r"-?\d{1,18}", age, re.ASCII):
        return int(age) <= 0
    try:
        return parsedate_to_datetime(attributes.get("expires", "")).timestamp() <= now_s
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
