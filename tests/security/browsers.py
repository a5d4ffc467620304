"""What pages of other sites, rebound names and broken clients send, as it comes over the wire."""

from __future__ import annotations

#: A workflow that would run if it were taken.
BODY = b'{"trigger": true, "definition": {"name": "theirs", "nodes": [{"id": "A", "handler": "noop"}]}}'

#: (headers, status) of a POST from a browser: the page's doing, and the marks the browser adds.
PAGES = [
    ("Origin: http://evil.example\nContent-Type: text/plain;charset=UTF-8", 403),
    ("Origin: http://evil.example\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors", 403),
    ("Origin: http://evil.example\nContent-Type: application/x-www-form-urlencoded", 403),
    ("Origin: http://evil.example\nContent-Type: multipart/form-data; boundary=x", 403),
    ("Origin: http://evil.example\nContent-Type: application/json", 403),
    ("Origin: http://evil.example\nAuthorization: Basic YTpi", 403),
    ("Origin: null\nContent-Type: text/plain", 403),
    ("Origin: null\nSec-Fetch-Site: cross-site", 403),
    ("Origin: http://localhost:3000\nSec-Fetch-Site: same-site\nContent-Type: text/plain", 403),
    ("Origin: http://localhost.evil.example", 403),
    ("Origin: https://localhost", 403),
    ("Origin: file://", 403),
    ("Origin: chrome-extension://abcdef", 403),
    ("Sec-Fetch-Site: cross-site\nContent-Type: text/plain", 403),
    ("Referer: http://evil.example/\nContent-Type: application/x-www-form-urlencoded", 415),
    ("Sec-Fetch-Site: same-origin\nContent-Type: application/x-www-form-urlencoded", 415),
    ("Content-Type: text/plain", 415),
    ("Content-Type: text/plain; application/json", 415),
    ("Content-Type: multipart/form-data; boundary=x", 415),
    ("Content-Type: text/html", 415),
]

#: Names that a page has rebound to this machine, or tries to slip past a check of names.
HOSTS = [
    "evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io",
    "evil.example.", "EVIL.EXAMPLE", "localhost@evil.example", "localhost:80@evil.example",
    "evil.example#localhost", "localhost, evil.example", "[::1].evil.example", "0x7f.0.0.1.evil.example",
]  # fmt: skip

#: What programs send that are no browser: taken. KEY stands for a key of the tenant.
PROGRAMS = [
    "",
    "Content-Type: application/json",
    "Content-Type: application/json; charset=utf-8",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: application/vnd.acme+json",
    "Origin: http://localhost\nSec-Fetch-Site: same-origin\nContent-Type: application/json",
    "Origin: http://elsewhere.example\nAuthorization: Bearer KEY\nContent-Type: application/json",
]

#: Bytes that are no request, or one without an end; the status they are refused with.
GARBAGE = [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    (b"HELO there\r\n\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * (1 << 20), 431),
    (b"GET /" + b"a" * (1 << 20), 431),
    (b"GET /livez HTTP/1.1\r\n" + b"X-A: b\r\n" * (1 << 17), 431),
    (b"\r\n" * (1 << 19), 431),
]
