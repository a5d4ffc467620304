"""Addresses, names, redirects and URLs by which a workflow may try to call what it must not reach."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from clients.http.address_guard import AddressGuard, IPAddress
from clients.http.client import GuardedHttpClient, HttpPolicy

PRODUCTION = HttpPolicy.for_environment("production")

#: Hosts that are an inside address in some notation; a system that reads them at all comes to an inside one.
HOSTS = [
    # IPv4: short, decimal, hexadecimal, octal, mixed, and numbers that overflow
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "127.00.000.1", "2130706433",
    "0x7f000001", "0x7F000001", "0X7f000001", "0x7f.1", "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "0x7f.0.1",
    "0x0000007f.1", "0x00007f000001", "0177.0.0.1", "017700000001", "0177.1", "0177.0x0.0.1",
    "00000177.0.0.1", "127.0x1", "127.65535", "127.16777215", "0x17f000001", "6425673729", "383.0.0.1",
    "256.256.256.256", "127.0.0.1.1", "127.0.0.256", "127..0.1", "1e3", "-1", "+127.0.0.1",
    "0", "0.0.0.0", "0x0", "00.0.0.0", "0.0", "000", "127.0.0.1.", "127.1.", "2130706433.", "0x7f000001.",
    # other inside ranges in the same notations
    "10.0.0.1", "0xa000001", "167772161", "012.0.0.1", "10.1", "172.16.0.1", "172.31.255.254", "0xac100001",
    "2886729729", "192.168.0.1", "192.168.1", "3232235521", "0300.0250.0.1", "0xc0.0xa8.0.1",
    "100.64.0.1", "100.127.255.254", "198.18.0.1", "198.19.255.254", "192.0.0.1", "192.0.0.170",
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "0.1.2.3",
    # cloud metadata
    "169.254.169.254", "169.254.0.1", "169.254.170.2", "2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376", "169.16689662", "169.254.43518", "169.254.169.254.", "100.100.100.200",
    "168.63.129.16", "192.0.0.192", "[fd00:ec2::254]", "[fd20:ce::254]", "[fe80::a9fe:a9fe]",
    # IPv6, and IPv4 inside IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0001]", "[0::1]",
    "[::127.0.0.1]", "[::7f00:1]", "[::ffff:127.0.0.1]", "[::FFFF:127.0.0.1]", "[::ffff:7f00:1]",
    "[::ffff:7f00:0001]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:0:127.0.0.1]", "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::ffff:192.168.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]", "[2002:7f00:0001::1]", "[2002:a00:1::1]", "[2002:c0a8:1::1]", "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::f5ff:fffe]", "[2606:4700::5efe:7f00:1]", "[2606:4700::200:5efe:a00:1]",
    "[fe80::1]", "[febf::1]", "[fec0::1]", "[fc00::1]", "[fd00::1]", "[fdff:ffff::1]", "[ff02::1]",
    "[ff0e::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]",
    # other letters that fold to digits and dots
    "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "１２７．０．０．１",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "𝟣𝟤𝟩.𝟢.𝟢.𝟣", "¹²⁷.⁰.⁰.¹", "₁₂₇.₀.₀.₁", "⑯⑨。②⑤④。⑯⑨｡②⑤④", "１６９.２５４.１６９.２５４",
]  # fmt: skip

#: Names, and the addresses they have. One address inside spoils a name, whatever else it gives.
NAMES = {
    "localhost": ["127.0.0.1"], "localhost.": ["127.0.0.1"], "LOCALHOST": ["::1"],
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ": ["127.0.0.1"],
    "ip6-localhost": ["::1"], "localhost.localdomain": ["127.0.0.1"], "foo.localhost": ["127.0.0.1"],
    "inside.example": ["10.0.0.1"], "127.0.0.1.nip.example": ["127.0.0.1"],
    "7f000001.rbndr.example": ["127.0.0.1"],
    "mixed.example": ["93.184.216.34", "127.0.0.1"], "last.example": ["1.1.1.1", "8.8.8.8", "192.168.1.1"],
    "six.example": ["2606:4700::1", "::1"], "both.example": ["93.184.216.34", "fd00::1"],
    "linklocal.example": ["fe80::1%eth0"], "ula.example": ["fd12::1"], "any.example": ["::"],
    "mapped.example": ["::ffff:127.0.0.1"], "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::1"], "zero.example": ["0.0.0.0"], "many.example": ["224.0.0.1"],
    "metadata": ["93.184.216.34"], "metadata.google.internal": ["93.184.216.34"],
    "METADATA.google.internal.": ["93.184.216.34"], "metadata.goog": ["93.184.216.34"],
    "instance-data": ["93.184.216.34"], "instance-data.ec2.internal": ["93.184.216.34"],
    "meta.example": ["169.254.169.254"], "cgnat.example": ["100.100.100.200"],
    "wire.example": ["168.63.129.16"],
}  # fmt: skip

#: Where an allowed host may redirect to. `{port}` is the sentinel's.
REDIRECTS = [
    "http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://[::1]:{port}/",
    "http://2130706433:{port}/", "http://0x7f.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://inside.example:{port}/", "http://169.254.169.254/latest/meta-data/", "http://metadata/",
    "file:///etc/passwd", "gopher://127.0.0.1:{port}/_GET", "ftp://127.0.0.1/", "dict://127.0.0.1:{port}/",
    "jar:http://127.0.0.1:{port}!/", "data:text/plain,x", "javascript:alert(1)", "http://u:p@127.0.0.1:{port}/",
    "http://door@127.0.0.1:{port}/", "http://door:6379/", "http://door:22/", "/hop",
]  # fmt: skip

#: URLs that are refused before any name is asked for: schemes, users, hosts that are none, odd ports.
URLS = [
    "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "gopher://127.0.0.1:{port}/_GET", "dict://127.0.0.1:{port}/",
    "ftp://127.0.0.1/", "ldap://127.0.0.1/", "tftp://127.0.0.1/", "sftp://127.0.0.1/", "ws://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "data:text/plain,x",
    "javascript:alert(1)", "jar:http://127.0.0.1!/", "netdoc:///etc/passwd", "//127.0.0.1:{port}/",
    "http:127.0.0.1", "http:/127.0.0.1:{port}/", "http:///127.0.0.1:{port}/", "http:\\\\127.0.0.1:{port}/",
    "http://user@127.0.0.1:{port}/", "http://user:pass@127.0.0.1:{port}/", "http://93.184.216.34@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@93.184.216.34/", "http://93.184.216.34:80@127.0.0.1:{port}/",
    "http://93.184.216.34\\@127.0.0.1:{port}/", "http://93.184.216.34%40127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@93.184.216.34/", "http://%31%32%37.0.0.1:{port}/", "http://127%2e0.0.1:{port}/",
    "http://127.0.0.1%00.example.com:{port}/", "http://127.0.0.1\x00.example.com:{port}/",
    "http://127.0.0.1\n.example.com:{port}/", "http://127.0.0.1\t:{port}/", "http://127.0.0.1 :{port}/",
    "http://[::1%25lo]:{port}/", "http://[fe80::1%25eth0]:{port}/", "http://[fe80::1%eth0]:{port}/",
    "http://[::1:{port}/", "http://::1:{port}/", "http://[[::1]]:{port}/", "http://[v1.127.0.0.1]:{port}/",
    "http://[127.0.0.1]:{port}/", "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:-1/",
    "http://127.0.0.1:{port}:80/", "http://127.0.0.1:８０/", "http://<127.0.0.1>:{port}/", "http://{{127.0.0.1}}/",
    "http://127.0.0.1,93.184.216.34:{port}/", "http://127.0.0.1;93.184.216.34:{port}/", "http://*:{port}/",
]  # fmt: skip

#: Ports of other services on a public address.
PORTS = [
    1, 7, 19, 21, 22, 23, 25, 53, 110, 111, 135, 139, 143, 389, 445, 512, 514, 587, 631, 873, 993, 2375, 2376,
    2379, 3306, 3389, 5432, 5672, 6379, 6380, 9042, 9092, 10250, 11211, 16379, 26379, 27017,
]  # fmt: skip


class FakeNames:
    """Names with the answers a test gives them, one per look-up; numbers are read by the system as always."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[IPAddress]:
        self.asked.append(host)
        lists = self.answers.get(host.rstrip("."))
        if lists is None:
            info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            return [ipaddress.ip_address(entry[4][0]) for entry in info]
        texts = lists.pop(0) if len(lists) > 1 else lists[0]
        return [ipaddress.ip_address(text) for text in texts]


def names_of_the_corpus() -> FakeNames:
    """Answer every name of NAMES as it says."""
    names = FakeNames()
    for name, addresses in NAMES.items():
        names.answers[ascii_name(name)] = [addresses]
    return names


def ascii_name(name: str) -> str:
    """The form in which a name reaches the resolver."""
    return "localhost" if not name.isascii() else name.lower().rstrip(".")


def guarded(names: FakeNames, *, allow: Sequence[str] = ()) -> GuardedHttpClient:
    """A client with production's rules, but for what is allowed."""
    return GuardedHttpClient(HttpPolicy(guard=AddressGuard.from_list(allow), timeout_s=2), resolver=names)
