"""HTTP calls to places a workflow names: every address checked, dialled as checked, on every redirect.

Built on httpcore2 rather than on httpx2's client: one client serves all executions of a worker, and a cookie
jar, a request log with full URLs or proxies from the environment would carry things from one of them into
another. Cookies live as long as one call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import httpcore2

from clients.http.address_guard import AddressGuard
from clients.http.body_reader import BodyReader
from clients.http.cookies import CookiesOfCall
from clients.http.network import GuardedBackend, MeteredStream, Resolver, resolve
from clients.http.wire import (
    RedirectRefused,
    RequestInvalid,
    SsrfBlocked,
    Target,
    TransportFailed,
    clean_headers,
    headers_for_other_origin,
    join_url,
    parse_url,
    read_headers,
    why_body_stays,
)
from headrace.tools import HttpResult

USER_AGENT = "headrace/0.1"
MIB = 1024 * 1024
#: What an answer may take on the wire beside twice the largest body: headers, sizes of chunks.
MOST_FRAMING_BYTES = MIB
#: Longest work on an answer without giving way to other attempts.
STEP_S = 0.01
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """What outbound calls may do in this deployment."""

    guard: AddressGuard = field(default_factory=AddressGuard)
    timeout_s: float = 30.0
    connect_timeout_s: float = 5.0
    max_response_bytes: int = MIB
    max_redirects: int = 5
    max_connections: int = 256

    @classmethod
    def for_environment(
        cls,
        environment: str,
        *,
        allow_private: Iterable[str] | None = None,
        services: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
        max_response_bytes: int = MIB,
    ) -> HttpPolicy:
        """Build the policy of a deployment. Raises ValueError for a bad entry, RequestInvalid for a bad URL.

        allow_private  HTTP_ALLOW_PRIVATE; None means all private addresses in development and none otherwise.
        services       base URLs by name: the operator chose them, so their hosts and ports are open.
        """
        if allow_private is None:
            allow_private = ("*",) if environment == "development" else ()
        bases = [parse_url(url) for url in (services or {}).values()]
        guard = AddressGuard.from_list(allow_private, endpoints=[(base.host, base.port) for base in bases])
        return cls(guard=guard, timeout_s=timeout_s, max_response_bytes=max_response_bytes)


@dataclass(slots=True)
class _Call:
    """One request on its way through redirects; the only mutable thing here."""

    method: str
    target: Target
    headers: dict[str, str]
    content: bytes | None
    private: Collection[str]
    resends_body: bool
    cookies: CookiesOfCall = field(default_factory=CookiesOfCall)

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Give the headers as they go to the target."""
        headers = dict(self.headers)
        cookies = self.cookies.header_for(self.target, headers.pop("cookie", None))
        if cookies is not None:
            headers["cookie"] = cookies
        found = [(b"host", self.target.authority.encode("ascii"))]
        return found + [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers.items()]

    def follow(self, status: int, location: str) -> None:
        """Point the call to where a redirect leads, dropping what must not go there."""
        try:
            there = join_url(self.target, location)
        except RequestInvalid as error:
            raise SsrfBlocked(f"refused a redirect from {self.target.label}: {error}") from error
        if (status == 303 and self.method != "HEAD") or (status in (301, 302) and self.method == "POST"):
            self.method, self.content = "GET", None
            self.headers = {k: v for k, v in self.headers.items() if not k.startswith("content-")}
        if there.origin != self.target.origin:
            self._check_body(there)
            self.headers = headers_for_other_origin(self.headers, self.private)
        self.target = there

    def _check_body(self, there: Target) -> None:
        """Refuse to take a body where the request was not sent to. Raises RedirectRefused."""
        why = why_body_stays(self.target, there, may_leave=self.resends_body) if self.content else None
        if why is not None:
            label = there.label
            raise RedirectRefused(f"refused a redirect from {self.target.label} to {label}: {why}", url=label)


class GuardedHttpClient:
    """Sends requests under a policy. One for all attempts of a process; holds connections, no other state."""

    def __init__(self, policy: HttpPolicy | None = None, *, resolver: Resolver = resolve) -> None:
        self.policy = policy or HttpPolicy()
        self._resolver = resolver
        self._open_pool: httpcore2.AsyncConnectionPool | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_s: float | None = None,
        max_bytes: int | None = None,
        follow_redirects: bool = True,
        private: Collection[str] = (),
        resends_body: bool = False,
    ) -> HttpResult:
        """Send one request and read its answer; any status is an answer.

        timeout_s     for the whole call, redirects and body included.
        max_bytes     of the unpacked body; never above the policy's.
        private       headers that hold a secret: like credentials, they never go to another origin.
        resends_body  also to another origin, where a redirect (307, 308) asks for it.
        Raises RequestInvalid, SsrfBlocked, RedirectRefused, TransportFailed (NameNotResolved) and
        ResponseTooLarge.
        """
        started = time.perf_counter()
        limit_s = min(timeout_s or self.policy.timeout_s, 24 * 3600.0)
        call = _Call(
            method.upper(),
            parse_url(url),
            clean_headers(headers or {}),
            content,
            private={name.lower() for name in private},
            resends_body=resends_body,
        )
        call.headers.setdefault("user-agent", USER_AGENT)
        call.headers.setdefault("accept", "*/*")
        call.headers["accept-encoding"] = "gzip, deflate"
        body_limit = min(max_bytes or self.policy.max_response_bytes, self.policy.max_response_bytes)
        try:
            async with asyncio.timeout(limit_s):
                status, found, body = await self._follow(call, limit_s, body_limit, follow_redirects)
        except TimeoutError as error:
            raise TransportFailed(
                f"no complete answer from {call.target.label} within {limit_s:g} s",
                kind="timeout",
                is_sent=True,
            ) from error
        duration_ms = round((time.perf_counter() - started) * 1000)
        return HttpResult(status, found, body, call.target.url, duration_ms)

    async def aclose(self) -> None:
        """Close the connections. Safe to call twice."""
        pool, self._open_pool = self._open_pool, None
        if pool is not None:
            await pool.aclose()

    async def _follow(
        self, call: _Call, limit_s: float, max_bytes: int, follow_redirects: bool
    ) -> tuple[int, dict[str, str], bytes]:
        for _ in range(self.policy.max_redirects + 1):
            status, headers, body = await self._send(call, limit_s, max_bytes)
            location = headers.get("location")
            if not follow_redirects or status not in REDIRECTS or not location:
                return status, headers, body
            call.follow(status, location)
        raise TransportFailed(
            f"more than {self.policy.max_redirects} redirects, the last one to {call.target.label}",
            kind="redirects",
            is_sent=True,
        )

    async def _send(self, call: _Call, limit_s: float, max_bytes: int) -> tuple[int, dict[str, str], bytes]:
        target = call.target
        connect_s = min(self.policy.connect_timeout_s, limit_s)
        timeouts = {"connect": connect_s, "read": limit_s, "write": limit_s, "pool": limit_s}
        url = httpcore2.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode("ascii"),
            port=target.port,
            target=target.path.encode("ascii"),
        )
        try:
            async with self._pool().stream(
                call.method,
                url,
                headers=call.fields(),
                content=call.content,
                extensions={"timeout": timeouts},
            ) as response:
                headers = read_headers(response.headers)
                call.cookies.take(target, response.headers)
                reader = BodyReader(headers.get("content-encoding", ""), max_bytes=max_bytes)
                await _collect(response, reader)
                return response.status, headers, reader.content()
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout) as error:
            raise TransportFailed(
                f"cannot connect to {target.label}: {_cause(error)}", kind="connect", is_sent=False
            ) from error
        except httpcore2.LocalProtocolError as error:
            raise RequestInvalid(f"the request to {target.label} is not HTTP: {_cause(error)}") from error
        except httpcore2.TimeoutException as error:
            raise TransportFailed(
                f"{target.label} did not answer within {limit_s:g} s", kind="timeout", is_sent=True
            ) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise TransportFailed(
                f"the connection to {target.label} broke: {_cause(error)}", kind="protocol", is_sent=True
            ) from error

    def _pool(self) -> httpcore2.AsyncConnectionPool:
        if self._open_pool is None:
            self._open_pool = httpcore2.AsyncConnectionPool(
                ssl_context=httpcore2.default_ssl_context(),
                max_connections=self.policy.max_connections,
                max_keepalive_connections=32,
                keepalive_expiry=15.0,
                network_backend=GuardedBackend(
                    self.policy.guard,
                    self._resolver,
                    max_bytes=2 * self.policy.max_response_bytes + MOST_FRAMING_BYTES,
                ),
            )
        return self._open_pool


async def _collect(response: httpcore2.Response, reader: BodyReader) -> None:
    """Read the body, giving way now and then: between very short pieces there is no wait."""
    stream = response.extensions.get("network_stream")
    if isinstance(stream, MeteredStream):
        stream.begin_body()
    resumed = time.perf_counter()
    async for chunk in response.aiter_stream():
        reader.feed(chunk)
        if time.perf_counter() - resumed > STEP_S:
            await asyncio.sleep(0)
            resumed = time.perf_counter()


def _cause(error: BaseException) -> str:
    if "buffer too long" in str(error):  # h11's word for a line or a head that does not end
        return "the head of its answer, or a line of it, is longer than 100 KiB"
    return str(error) or type(error).__name__
