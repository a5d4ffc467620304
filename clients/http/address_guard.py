"""Which network addresses an outbound call may reach, decided on the address that will be dialled.

Text checks on URLs are bypassed (encoded numbers, redirects, names that change their answer). So a host is
resolved once, every address it gives is judged here, and the connection goes to a judged address, never to
the name again.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Reach(Enum):
    """How far an address reaches: everywhere, within this network, or nowhere a call may go."""

    PUBLIC = "public"
    PRIVATE = "private"
    FORBIDDEN = "forbidden"


def _networks(*texts: str) -> tuple[IPNetwork, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


#: Never reached, whatever is allowed: link-local, cloud metadata, multicast, reserved, "this host".
FORBIDDEN = _networks(
    "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
    "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
    "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::254/128",
)  # fmt: skip
#: Reached only where the policy lists them. `is_global` is asked too; Python versions disagree about some.
PRIVATE = _networks(
    "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "::1/128", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7",
    "fec0::/10",
)  # fmt: skip
METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)
#: Ports below 1024 that carry HTTP, and ports above it that carry something an HTTP request must not reach.
LOW_PORTS = frozenset({80, 443})
DENIED_PORTS = frozenset(
    {
        1433, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 4369, 5432, 5672, 5900, 6000, 6379, 6380,
        9042, 9092, 10250, 10255, 11211, 16379, 26379, 27017, 27018,
    }
)  # fmt: skip

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_TRANSLATED = ipaddress.ip_network("::ffff:0:0:0/96")


def reach_of(address: IPAddress) -> Reach:
    """Judge one address; a form that carries an IPv4 address inside is as bad as what it carries. Pure."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return Reach.FORBIDDEN
        if (mapped := address.ipv4_mapped) is not None:
            return reach_of(mapped)
    if any(address in network for network in FORBIDDEN):
        return Reach.FORBIDDEN
    inner = {reach_of(each) for each in _embedded(address)}
    if Reach.FORBIDDEN in inner:
        return Reach.FORBIDDEN
    if Reach.PRIVATE in inner or any(address in network for network in PRIVATE):
        return Reach.PRIVATE
    # NAT64 and its kin are not "global" by the register; what counts is the address inside, judged above.
    return Reach.PUBLIC if address.is_global or address in _NAT64 else Reach.PRIVATE


def _embedded(address: IPAddress) -> Iterable[ipaddress.IPv4Address]:
    """The IPv4 addresses that a tunnel or translator would take from an IPv6 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    number = int(address)
    low = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64 or address in _TRANSLATED or (address in _COMPATIBLE and number > 1):
        yield low
    if (number >> 32) & 0xFDFFFFFF == 0x5EFE:  # ISATAP, with or without the universal bit
        yield low


def normal_name(host: str) -> str:
    """A host name in the one form names are compared in."""
    return host.strip("[]").rstrip(".").lower()


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """The rule of one deployment. Built from its allow-list by `from_list`; equal lists give equal guards.

    allow_all  private and loopback addresses are all allowed (the development default).
    networks, names, endpoints  what is allowed one by one; an endpoint (host, port) also opens its port.
    """

    allow_all: bool = False
    networks: tuple[IPNetwork, ...] = ()
    names: frozenset[str] = frozenset()
    endpoints: frozenset[tuple[str, int]] = field(default=frozenset())

    @classmethod
    def from_list(cls, entries: Iterable[str], *, endpoints: Iterable[tuple[str, int]] = ()) -> AddressGuard:
        """Read `*`, networks, addresses, names and host:port. Raises ValueError naming a bad entry."""
        allow_all = False
        networks: list[IPNetwork] = []
        names: set[str] = set()
        open_endpoints = {(normal_name(host), port) for host, port in endpoints}
        for entry in (each.strip() for each in entries):
            host, _, port = entry.rpartition(":")
            if entry == "*":
                allow_all = True
            elif network := _as_network(entry):
                networks.append(network)
            elif host and port.isdigit() and (":" not in host or host.startswith("[")):
                open_endpoints.add((normal_name(host), int(port)))
            elif entry and not set(entry) & set("/:@ "):
                names.add(normal_name(entry))
            elif entry:
                raise ValueError(
                    f"HTTP_ALLOW_PRIVATE entry {entry!r} is none of: *, network, address, name, host:port"
                )
        return cls(
            allow_all=allow_all,
            networks=tuple(networks),
            names=frozenset(names),
            endpoints=frozenset(open_endpoints),
        )

    def refuse_target(self, host: str, port: int) -> str | None:
        """Say why a host and port may not be asked for, before any look-up; None when they may."""
        name = normal_name(host)
        if name in METADATA_NAMES:
            return f"{name} is a cloud metadata service"
        if (name, port) in self.endpoints:
            return None
        if port in DENIED_PORTS or (port < 1024 and port not in LOW_PORTS):
            return f"port {port} is not one for HTTP (80, 443, or from 1024 without known services)"
        return None

    def refuse_address(self, address: IPAddress, host: str, port: int) -> str | None:
        """Say why an address that `host` resolved to may not be dialled; None when it may."""
        reach = reach_of(address)
        if reach is Reach.PUBLIC:
            return None
        shown = str(address) if str(address) == normal_name(host) else f"{host} -> {address}"
        if reach is Reach.FORBIDDEN:
            return f"{shown} is a link-local, metadata, multicast or reserved address"
        name = normal_name(host)
        if self.allow_all or name in self.names or (name, port) in self.endpoints:
            return None
        if any(address in network for network in self.networks):
            return None
        return f"{shown} is a private address, and HTTP_ALLOW_PRIVATE does not list it"


def _as_network(text: str) -> IPNetwork | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
