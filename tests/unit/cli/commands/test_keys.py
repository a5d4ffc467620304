"""`./headrace keys` and `tenants`: what they ask of the server, with which key, and what they print."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

KEY = {
    "key_id": "abcdefgh", "tenant": "acme", "name": "ci\x1b[2J", "scopes": ["read", "run"],
    "created_at": "2026-01-01T00:00:00.000Z", "expires_at": None, "last_used_at": None,
}  # fmt: skip
TENANT = {"name": "acme", "title": "Acme", "is_active": True, "created_at": "2026-01-01T00:00:00.000Z"}
NEW = KEY | {"key": "hr_abcdefgh_secret"}


class Server:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None]] = []
        self.bodies: list[dict[str, Any]] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.asked.append((request.method, path, request.headers.get("authorization")))
        if request.method in ("POST", "PATCH"):
            self.bodies.append(json.loads(request.content))
        match request.method, path.rpartition("/")[2]:
            case "GET", "keys":
                return httpx2.Response(200, json={"items": [KEY]})
            case "GET", "tenants":
                return httpx2.Response(200, json={"items": [TENANT], "next_cursor": None})
            case "POST", "tenants":
                return httpx2.Response(201, json=TENANT | {"api_key": NEW})
            case "POST", _:
                return httpx2.Response(201, json=NEW)
            case "PATCH", _:
                return httpx2.Response(200, json=TENANT | self.bodies[-1])
            case _:
                return httpx2.Response(204)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("API_KEY", "mine")
    monkeypatch.setenv("OPERATOR_KEY", "the-operators")
    made = Server()
    answer_with(monkeypatch, made.answer)
    return made


def test_a_new_key_is_printed_by_itself(server: Server) -> None:
    code, lines = run("keys", "create", "ci", "--scope", "read", "--scope", "run", "--expires-in", "12h")

    assert (code, lines[-1]) == (0, "hr_abcdefgh_secret")
    assert "\x1b" not in "".join(lines)
    assert server.bodies == [{"name": "ci", "scopes": ["read", "run"], "expires_in": "12h"}]
    assert server.asked == [("POST", "/v1/keys", "Bearer mine")]


def test_keys_are_listed_without_what_is_secret_in_them(server: Server) -> None:
    code, lines = run("keys", "list")

    assert code == 0
    assert lines == ["abcdefgh  read,run  does not expire, not used yet  ci\\x1b[2J"]


def test_a_key_is_rotated_and_revoked(server: Server) -> None:
    assert run("keys", "rotate", "abcdefgh", "--overlap", "1h")[1][-1] == "hr_abcdefgh_secret"
    assert run("keys", "revoke", "abcdefgh") == (0, ["revoked abcdefgh"])

    assert server.bodies == [{"overlap": "1h"}]
    assert [asked[:2] for asked in server.asked] == [
        ("POST", "/v1/keys/abcdefgh/rotate"),
        ("DELETE", "/v1/keys/abcdefgh"),
    ]


def test_keys_of_another_tenant_are_the_operators(server: Server) -> None:
    run("keys", "create", "ci", "--tenant", "acme")
    run("keys", "list", "--tenant", "acme")
    run("keys", "revoke", "abcdefgh", "--tenant", "acme")

    operator = "Bearer the-operators"
    assert server.asked == [
        ("POST", "/v1/tenants/acme/keys", operator),
        ("GET", "/v1/tenants/acme/keys", operator),
        ("DELETE", "/v1/tenants/acme/keys/abcdefgh", operator),
    ]


def test_the_operator_looks_after_tenants(server: Server) -> None:
    assert run("tenants", "create", "acme", "--title", "Acme")[1][-1] == "hr_abcdefgh_secret"
    assert run("tenants", "list") == (0, ["acme  active  2026-01-01T00:00:00.000Z  Acme"])
    assert run("tenants", "disable", "acme") == (0, ["acme  disabled  2026-01-01T00:00:00.000Z  Acme"])
    assert run("tenants", "enable", "acme") == (0, ["acme  active  2026-01-01T00:00:00.000Z  Acme"])

    assert {asked[2] for asked in server.asked} == {"Bearer the-operators"}
    assert server.bodies == [{"name": "acme", "title": "Acme"}, {"is_active": False}, {"is_active": True}]


def test_the_operator_rotates_the_key_of_a_tenant(server: Server) -> None:
    assert run("keys", "rotate", "abcdefgh", "--tenant", "acme")[1][-1] == "hr_abcdefgh_secret"

    assert server.asked == [("POST", "/v1/tenants/acme/keys/abcdefgh/rotate", "Bearer the-operators")]
