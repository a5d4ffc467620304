"""Which addresses an outbound call may reach."""

from __future__ import annotations

import ipaddress

import pytest

from clients.http.address_guard import AddressGuard, Reach, reach_of

FORBIDDEN = [
    "169.254.169.254", "169.254.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255",
    "240.0.0.1", "100.100.100.200", "168.63.129.16", "::", "fe80::1", "fe80::1%eth0", "::1%lo", "ff02::1",
    "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::a9fe:a9fe",
    "::ffff:0:a9fe:a9fe", "2606:4700::5efe:a9fe:a9fe",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
    "192.88.99.1", "::1", "fc00::1", "fd12:3456::1", "fec0::1", "2001:db8::1", "100::1", "64:ff9b:1::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1",
    "2002:c0a8:101::1", "::7f00:1", "::ffff:0:7f00:1", "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1",
    "2001:0:7f00:1::f5ff:fffe",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_link_local_metadata_and_reserved_addresses_are_forbidden_in_every_form(text: str) -> None:
    assert reach_of(ipaddress.ip_address(text)) is Reach.FORBIDDEN


@pytest.mark.parametrize("text", PRIVATE)
def test_loopback_and_private_addresses_are_private_in_every_form(text: str) -> None:
    assert reach_of(ipaddress.ip_address(text)) is Reach.PRIVATE


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_public(text: str) -> None:
    assert reach_of(ipaddress.ip_address(text)) is Reach.PUBLIC


def allows(guard: AddressGuard, host: str, address: str, port: int = 80) -> bool:
    refused = guard.refuse_target(host, port) or guard.refuse_address(
        ipaddress.ip_address(address), host, port
    )
    return refused is None


def test_nothing_private_is_reached_without_a_list() -> None:
    guard = AddressGuard.from_list([])

    assert not allows(guard, "inside.example", "10.0.0.1")
    assert allows(guard, "example.com", "93.184.216.34")


def test_a_star_opens_private_but_never_metadata() -> None:
    guard = AddressGuard.from_list(["*"])

    assert allows(guard, "localhost", "127.0.0.1", 8000)
    assert not allows(guard, "inside.example", "169.254.169.254")
    assert not allows(guard, "metadata.google.internal.", "8.8.8.8")


def test_a_network_a_name_and_an_endpoint_open_only_themselves() -> None:
    guard = AddressGuard.from_list(
        ["10.1.0.0/16", "Inner.Example.", "db-proxy:6379", " 192.168.7.7 ", "[::1]:8080"]
    )

    assert allows(guard, "any.example", "10.1.2.3")
    assert not allows(guard, "any.example", "10.2.2.3")
    assert allows(guard, "inner.example", "172.16.0.9")
    assert not allows(guard, "outer.example", "172.16.0.9")
    assert allows(guard, "db-proxy", "10.9.9.9", 6379)
    assert not allows(guard, "db-proxy", "10.9.9.9", 80)
    assert allows(guard, "x.example", "192.168.7.7")
    assert allows(guard, "::1", "::1", 8080)


@pytest.mark.parametrize(
    "port", [1, 21, 22, 23, 25, 53, 111, 135, 445, 631, 2375, 3306, 5432, 6379, 11211, 27017]
)
def test_ports_of_other_services_are_refused_even_in_development(port: int) -> None:
    assert AddressGuard.from_list(["*"]).refuse_target("example.com", port)


@pytest.mark.parametrize("port", [80, 443, 1024, 3000, 8000, 8080, 8443, 54321])
def test_ports_of_http_are_allowed(port: int) -> None:
    assert AddressGuard().refuse_target("example.com", port) is None


def test_an_entry_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match=r"'http://10\.0\.0\.1/' is none of"):
        AddressGuard.from_list(["10.0.0.0/8", "http://10.0.0.1/"])
