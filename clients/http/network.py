"""How connections of outbound HTTP are opened: resolve once, check every address, dial a checked one."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore2

from clients.http.address_guard import AddressGuard, IPAddress
from clients.http.wire import NameNotResolved, ResponseTooLarge, SsrfBlocked

#: Gives every address of a host. Raises OSError when there is none.
Resolver = Callable[[str, int], Awaitable[Sequence[IPAddress]]]


async def resolve(host: str, port: int) -> list[IPAddress]:
    """Look a host up by the system's rules; numbers in any spelling (`0x7f.1`) come out as what they mean."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


#: What is read at once of the head of an answer: all of it is parsed without giving way to others.
HEAD_READ_BYTES = 8 * 1024


class MeteredStream(httpcore2.AsyncNetworkStream):
    """A connection that counts what comes in answer to one request, headers and framing included.

    An answer of interim responses, of empty blocks or of one header without end stops there.
    """

    def __init__(self, stream: httpcore2.AsyncNetworkStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._count = 0
        self._is_in_head = True

    def begin_body(self) -> None:
        """Read as much at once as is asked for, from now to the next request: a body comes piece by piece."""
        self._is_in_head = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        wanted = min(max_bytes, HEAD_READ_BYTES) if self._is_in_head else max_bytes
        data = await self._stream.read(wanted, timeout)
        self._count += len(data)
        if self._count > self._max_bytes:
            raise ResponseTooLarge(
                f"the answer takes more than {self._max_bytes} bytes on the wire", max_bytes=self._max_bytes
            )
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._count, self._is_in_head = 0, True
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        inner = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return MeteredStream(inner, self._max_bytes)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections for the pool: resolves once, refuses, dials what it checked.

    TLS still verifies the host's name: the pool hands that on by itself.
    max_bytes  that may come in answer to one request.
    """

    def __init__(self, guard: AddressGuard, resolver: Resolver = resolve, *, max_bytes: int) -> None:
        self._guard = guard
        self._max_bytes = max_bytes
        self._resolver = resolver
        self._dialler = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        deadline = time.monotonic() + (timeout or 60.0)
        addresses = await self._checked_addresses(host, port, deadline)
        failure: Exception = httpcore2.ConnectError(f"no address of {host} answers")
        for index, address in enumerate(addresses):
            # A dead first address must leave time for the next one.
            share_s = max(0.05, (deadline - time.monotonic()) / (len(addresses) - index))
            try:
                stream = await self._dialler.connect_tcp(str(address), port, share_s, None, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return MeteredStream(stream, self._max_bytes)
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise SsrfBlocked("unix sockets are not reached from workflows")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _checked_addresses(self, host: str, port: int, deadline: float) -> Sequence[IPAddress]:
        if reason := self._guard.refuse_target(host, port):
            raise SsrfBlocked(f"refused to call {host}:{port}: {reason}", host=host, port=port)
        try:
            async with asyncio.timeout(max(0.05, deadline - time.monotonic())):
                addresses = await self._resolver(host, port)
        except TimeoutError:
            raise NameNotResolved(host, "the look-up took too long") from None
        except (OSError, UnicodeError) as error:
            raise NameNotResolved(host, error) from error
        if not addresses:
            raise NameNotResolved(host, "it has no address")
        # One bad address spoils the host: a name that also points inside was made to be dialled there.
        for address in addresses:
            if reason := self._guard.refuse_address(address, host, port):
                raise SsrfBlocked(f"refused to call {host}:{port}: {reason}", host=host, port=port)
        return addresses
