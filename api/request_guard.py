"""Which requests are let in: addressed to this server, sent by no foreign page, with a body it can read.

A page of any site can make the browser of its reader send requests to a server on the reader's machine. The
browser marks them (Origin, Sec-Fetch-Site), and the page cannot keep it from that. A page that has rebound
its own name to this machine is one of this server's to the browser; its name in Host gives it away.
"""

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from functools import lru_cache

from api.refusals import YAML_TYPES, CrossSiteRequest, UnknownHost, UnsupportedBody
from orchestrator.errors import HeadraceError

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
#: The headers that `refusal` looks at.
READ = frozenset(
    {
        b"host", b"origin", b"referer", b"sec-fetch-site", b"authorization", b"x-api-key",
        b"content-type", b"content-length", b"transfer-encoding",
    }
)  # fmt: skip
FORM = b"application/x-www-form-urlencoded"

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?\Z")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
#: Credentials that a browser remembers and adds by itself, to requests of foreign pages too.
_REMEMBERED = (b"basic", b"digest", b"negotiate", b"ntlm")
_YAML = frozenset(name.encode() for name in YAML_TYPES)
_JSON = re.compile(rb"(application|text)/(json|[a-z0-9!#$&^_.-]+\+json)\Z")


class RequestGuard:
    """The rule by which requests are let in.

    hosts    further names of this server; `*.example.com` for all below one, `*` for any.
    origins  other origins, `https://app.example.com`, whose pages may change things here.
    """

    def __init__(self, *, hosts: Sequence[str] = (), origins: Sequence[str] = ()) -> None:
        self.hosts = tuple(hosts)
        self.origins = tuple(origins)
        own = socket.gethostname().lower()
        self._names = frozenset({own, f"{own}.local", "host.docker.internal", *map(str.lower, hosts)})
        self._is_own_name = lru_cache(maxsize=128)(self._look_up)

    def refusal(
        self,
        method: str,
        scheme: str,
        headers: Mapping[bytes, bytes],
        *,
        is_marked: bool,
        takes_any_body: bool = False,
    ) -> HeadraceError | None:
        """Say why a request is not let in; None where it is.

        headers         those of READ, a repeated one joined by commas.
        is_marked       it has a header only browsers send (`sec-…`).
        takes_any_body  its route reads a body whatever it is called.
        """
        host = headers.get(b"host")
        if host is not None and not self._is_own_name(host):
            return UnknownHost(host.decode("latin-1"), self.hosts)
        if method not in CHANGING:
            return None
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        if (origin is not None or site is not None) and not _has_key(headers):
            own = f"{scheme}://{(host or b'').decode('latin-1').lower()}"
            if found := self._foreign(origin, site, own):
                return CrossSiteRequest(found, own, self.origins)
        if takes_any_body:
            return None
        is_marked = is_marked or origin is not None or b"referer" in headers
        if (kind := headers.get(b"content-type")) is None or _is_readable(kind, is_marked=is_marked):
            return None
        return UnsupportedBody(kind.decode("latin-1")) if _has_body(headers) else None

    def _foreign(self, origin: bytes | None, site: bytes | None, own: str) -> str | None:
        """Name what shows that a page of another origin is behind a request; None for none."""
        if origin is not None:
            text = origin.decode("latin-1").strip().lower()
            if text in self.origins:
                return None
            if _with_port(text) != _with_port(own):
                return f"Origin: {text[:200]}"
        # A page on another port of this machine is same-site; its Origin says so, and it always has one.
        if site is not None and (site == b"cross-site" or (site == b"same-site" and origin is None)):
            return f"Sec-Fetch-Site: {site.decode('latin-1')}"
        return None

    def _look_up(self, host: bytes) -> bool:
        found = _HOST.match(host.decode("latin-1").strip().lower())
        if found is None:
            return "*" in self._names
        name = found[1].rstrip(".")
        # A name without a dot is nobody's to register: compose services and machines of the same network.
        if "." not in name or name in self._names or name.endswith(".localhost") or _is_address(name):
            return True
        parents = name.split(".")
        return "*" in self._names or any(
            "*." + ".".join(parents[start:]) in self._names for start in range(1, len(parents))
        )


def collect(
    headers: Sequence[tuple[bytes, bytes]], wanted: frozenset[bytes]
) -> tuple[dict[bytes, bytes], bool]:
    """Pick the wanted headers, and say whether there are any of those only browsers send."""
    found: dict[bytes, bytes] = {}
    is_marked = False
    for name, value in headers:
        if name in wanted:
            # A header that must be there once is judged as the list it was made.
            found[name] = found[name] + b", " + value if name in found else value
        is_marked = is_marked or name.startswith(b"sec-")
    return found, is_marked


def _has_key(headers: Mapping[bytes, bytes]) -> bool:
    """Whether there is a key that a foreign page cannot have the browser add without asking this server."""
    key = headers.get(b"authorization")
    return b"x-api-key" in headers or (key is not None and not key.strip().lower().startswith(_REMEMBERED))


def _has_body(headers: Mapping[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b" 0") != b""


def _is_readable(content_type: bytes, *, is_marked: bool) -> bool:
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == FORM:
        # What curl and others send by default with any body. A form of a page comes with a browser's marks.
        return not is_marked
    return kind in _YAML or _JSON.match(kind) is not None


def _with_port(origin: str) -> str:
    """An origin with its port spelled out."""
    scheme, _, rest = origin.partition("://")
    has_port = re.search(r":\d*\Z", rest) is not None and not rest.endswith("]")
    return origin if has_port else origin + _DEFAULT_PORTS.get(scheme, "")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
