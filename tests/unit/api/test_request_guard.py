"""Who may send what: names of this server, pages of its origin, and bodies that say what they are."""

import socket

import pytest

from api.refusals import CrossSiteRequest, UnknownHost, UnsupportedBody
from api.request_guard import RequestGuard, collect
from orchestrator.errors import HeadraceError

GUARD = RequestGuard()


def refusal(method: str = "POST", **headers: str) -> HeadraceError | None:
    return refusal_of(GUARD, method, **headers)


def refusal_of(
    guard: RequestGuard, method: str = "POST", scheme: str = "http", **headers: str
) -> HeadraceError | None:
    sent = {"host": "localhost:8000", "content_length": "2", **headers}
    lines = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in sent.items()]
    names = frozenset(name for name, _ in lines)
    found, is_marked = collect(lines, names)
    return guard.refusal(method, scheme, found, is_marked=is_marked)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8000", "LOCALHOST:8000", "localhost.", "app.localhost:3000",
        "127.0.0.1", "127.0.0.1:8000", "[::1]:8000", "[::1]", "192.168.1.7:8000", "10.0.0.9",
        "api", "api:8000", "host.docker.internal:8000", socket.gethostname(),
    ],
)  # fmt: skip
def test_names_of_this_machine_are_known(host: str) -> None:
    assert refusal("GET", host=host) is None
    assert refusal(host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example:8000",
        "evil.example.", "127.0.0.1.nip.io", "localhost:8000@evil.example", "evil.example/localhost",
        "localhost, evil.example", "", " ", "[evil.example]:8000", "xlocalhost.com", "évil.example", "*",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
def test_other_names_are_refused_whatever_is_asked(host: str, method: str) -> None:
    assert isinstance(refusal(method, host=host, authorization="Bearer k"), UnknownHost)


def test_a_host_sent_twice_is_refused() -> None:
    lines = [(b"host", b"localhost"), (b"host", b"evil.example")]

    found, is_marked = collect(lines, frozenset({b"host"}))

    assert isinstance(GUARD.refusal("GET", "http", found, is_marked=is_marked), UnknownHost)


@pytest.mark.parametrize(
    ("hosts", "host", "is_known"),
    [
        (("flows.example.com",), "flows.example.com:443", True),
        (("Flows.Example.com",), "flows.example.COM", True),
        (("flows.example.com",), "x.flows.example.com", False),
        (("*.example.com",), "a.b.example.com", True),
        (("*.example.com",), "example.com", False),
        (("*.example.com",), "evilexample.com", False),
        (("*",), "anything.example", True),
    ],
)
def test_a_setting_adds_names(hosts: tuple[str, ...], host: str, is_known: bool) -> None:
    found = refusal_of(RequestGuard(hosts=hosts), "GET", host=host)

    assert (found is None) == is_known


def test_the_refusal_of_a_name_says_what_was_found_what_is_allowed_and_what_to_do() -> None:
    found = str(refusal_of(RequestGuard(hosts=["flows.example.com"]), "GET", host="evil.example:8000"))

    assert "'evil.example:8000'" in found
    assert "localhost" in found
    assert "flows.example.com" in found
    assert "ALLOWED_HOSTS" in found


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost:3000"},
        {"origin": "https://localhost:8000"},
        {"origin": "http://localhost"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://localhost:8000.evil.example"},
        {"origin": "http://localhost:8000, http://evil.example"},
        {"origin": "http://localhost:3000", "sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://localhost:8000", "sec_fetch_site": "cross-site"},
        {"origin": "http://evil.example", "sec_fetch_site": "same-origin"},
        {"origin": "http://evil.example", "authorization": "Basic YTpi"},
        {"origin": "http://evil.example", "authorization": "NEGOTIATE abc"},
    ],
)
def test_a_page_of_another_origin_changes_nothing(method: str, headers: dict[str, str]) -> None:
    assert isinstance(refusal(method, **headers), CrossSiteRequest)
    assert refusal("GET", **headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:8000"},
        {"origin": "HTTP://LOCALHOST:8000"},
        {"origin": "http://localhost:8000", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"origin": "http://localhost", "host": "localhost:80"},
        {"origin": "http://[::1]:8000", "host": "[::1]:8000"},
        {"origin": "http://evil.example", "authorization": "Bearer k"},
        {"origin": "http://evil.example", "sec_fetch_site": "cross-site", "x_api_key": "k"},
    ],
)
def test_our_own_pages_programs_and_holders_of_a_key_are_let_in(headers: dict[str, str]) -> None:
    assert refusal(content_type="application/json", **headers) is None


def test_behind_a_proxy_that_ends_tls_the_origin_is_https() -> None:
    headers = {"host": "flows.example.com", "origin": "https://flows.example.com"}
    guard = RequestGuard(hosts=["flows.example.com"])

    assert refusal_of(guard, scheme="https", **headers) is None
    assert isinstance(refusal_of(guard, scheme="http", **headers), CrossSiteRequest)


def test_a_setting_adds_origins() -> None:
    guard = RequestGuard(origins=["https://app.example.com"])

    assert refusal_of(guard, origin="https://app.example.com", sec_fetch_site="cross-site") is None
    assert isinstance(refusal_of(guard, origin="http://app.example.com"), CrossSiteRequest)
    assert "https://app.example.com" in str(refusal_of(guard, origin="https://b.example"))


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json", "application/json; charset=utf-8", "Application/JSON", "application/problem+json",
        "application/vnd.acme.v1+json", "text/json", "application/yaml", "text/yaml", "application/x-yaml",
        "application/x-www-form-urlencoded",
    ],
)  # fmt: skip
def test_documents_are_read_and_what_curl_calls_any_body(content_type: str) -> None:
    assert refusal(content_type=content_type) is None


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "text/plain;charset=UTF-8", "text/plain; application/json",
        "multipart/form-data; boundary=x",
        "application/octet-stream", "application/xml", "text/html", "", "json", "application/jsonx",
        "application/json, text/plain", "application/json\tx",
    ],
)  # fmt: skip
def test_other_bodies_are_refused_by_name(content_type: str) -> None:
    found = refusal(content_type=content_type)

    assert isinstance(found, UnsupportedBody)
    assert repr(content_type) in str(found)
    assert "application/json" in str(found)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:8000"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_mode": "navigate"},
        {"sec_ch_ua": "x"},
        {"referer": "http://localhost:8000/"},
    ],
)
def test_a_form_of_a_browser_is_refused_even_from_our_own_page(headers: dict[str, str]) -> None:
    assert isinstance(refusal(content_type="application/x-www-form-urlencoded", **headers), UnsupportedBody)


def test_the_type_of_no_body_is_of_no_interest() -> None:
    assert refusal(content_type="text/plain", content_length="0") is None
    assert refusal("GET", content_type="text/plain") is None
    assert isinstance(
        refusal(content_type="text/plain", content_length="0", transfer_encoding="chunked"), UnsupportedBody
    )
