"""`./headrace webhooks`: what it asks of the server and what it prints."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

HOOK: dict[str, Any] = {
    "path": "orders", "url": "/webhooks/orders", "hook_id": "h1", "workflow": "shop\x1b[2J",
    "workflow_id": "wf_1",
    "scheme": "header_token", "header": "x-gitlab-token", "inputs": "none", "is_active": True,
    "secrets": [{"created_at": "then", "expires_at": "soon"}, {"created_at": "now", "expires_at": None}],
    "deliveries": {"accepted": 3, "duplicate": 1, "rejected": 2, "error": 0, "last_at": "today"},
    "created_at": "c", "updated_at": "u",
}  # fmt: skip
#: What a newer server says of refusals; one of them came before reasons were counted.
REFUSED: dict[str, Any] = {
    "rejected": 13, "rejected_for": {"late": 1, "mismatch": 11},
    "last_rejected": {"at": "2020-01-01T00:00:00Z", "reason": "late", "detail": "signed\x1b[2J too early"},
}  # fmt: skip
REQUEST = {
    "method": "POST", "path": "/webhooks/orders", "headers": {"x-hub-signature-256": "sha256=ab"},
    "body": '{"note":"it\'s"}',
}  # fmt: skip


class Server:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.hook: dict[str, Any] = HOOK

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.asked.append((request.method, path, json.loads(request.content or b"null")))
        match request.method, path.rpartition("/")[2]:
            case "GET", "webhooks":
                return httpx2.Response(200, json={"items": [self.hook], "next_cursor": None})
            case "POST", "webhooks" | "rotate":
                given = (self.asked[-1][2] or {}).get("secret") or (self.asked[-1][2] or {}).get("secrets")
                return httpx2.Response(201, json=HOOK | {"secret": None if given else "whsec_new"})
            case "POST", "test":
                return httpx2.Response(202, json={"execution_id": "e1", "request": REQUEST})
            case "PATCH", _:
                assert request.headers["if-match"] == "*"
                return httpx2.Response(200, json=HOOK | self.asked[-1][2] | {"secret": None})
            case "DELETE", _:
                return httpx2.Response(204)
        return httpx2.Response(200, json=self.hook)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("API_URL", "http://api:8000")
    made = Server()
    answer_with(monkeypatch, made.answer)
    return made


def test_a_list_shows_where_each_leads_and_what_came(server: Server) -> None:
    code, lines = run("webhooks", "--workflow", "shop")

    assert code == 0
    (line,) = lines
    assert "\x1b" not in line
    assert line.startswith("orders  header_token  starts shop")
    assert line.endswith("3 accepted (1 again), 2 rejected, 0 wrong, last today")


def test_a_list_shows_what_calls_were_refused_for(server: Server) -> None:
    server.hook = HOOK | {"deliveries": HOOK["deliveries"] | REFUSED}

    (line,) = run("webhooks")[1]

    said = re.sub(r"\d+ d( \d+ h)? ago", "AGO", line)
    assert "13 rejected (11 mismatch, 1 late, 1 before reasons were counted; last AGO: late), 0 wrong" in said


def test_a_webhook_is_shown_with_its_last_refusal_and_the_cure(server: Server) -> None:
    server.hook = HOOK | {"deliveries": HOOK["deliveries"] | REFUSED}

    _, lines = run("webhooks", "get", "orders")

    assert lines[-2].startswith("  last rejected: 2020-01-01T00:00:00Z, ")
    assert lines[-2].endswith(r"late: signed\x1b[2J too early")
    assert "clock" in lines[-1]


def test_a_new_webhook_shows_its_address_and_its_secret_by_itself(server: Server) -> None:
    code, lines = run("webhooks", "create", "shop", "--path", "orders", "--payload-as-inputs")

    assert (code, lines[0], lines[-1]) == (0, "POST http://api:8000/webhooks/orders", "whsec_new")
    sent = server.asked[-1][2]
    assert sent == {"workflow": "shop", "scheme": "hub256", "path": "orders", "inputs": "payload"}


def test_a_secret_that_was_given_is_not_printed(server: Server) -> None:
    _, made = run("webhooks", "create", "shop", "--secret", "s3cret", "--secret", "other")
    _, rotated = run("webhooks", "rotate", "orders", "--secret", "s3cret", "--keep", "1h")

    assert "s3cret" not in "\n".join(made + rotated)
    assert server.asked[0][2]["secrets"] == ["s3cret", "other"]
    assert server.asked[1][2] == {"secret": "s3cret", "keep": "1h"}


def test_a_webhook_is_shown_with_the_times_of_its_secrets(server: Server) -> None:
    _, lines = run("webhooks", "get", "orders")

    assert "  secrets: from then to soon, from now" in lines
    assert json.loads(run("webhooks", "get", "orders", "--json")[1][0]) == HOOK


def test_a_test_prints_a_command_that_a_shell_takes_as_it_is(server: Server) -> None:
    code, lines = run("webhooks", "test", "orders", "--payload", '{"n": 1}')

    assert code == 0
    assert shlex.split(lines[-1]) == [
        "curl", "-s", "-X", "POST", "http://api:8000/webhooks/orders",
        "-H", "x-hub-signature-256: sha256=ab", "--data-binary", '{"note":"it\'s"}',
    ]  # fmt: skip
    assert server.asked[-1] == ("POST", "/v1/webhooks/orders/test", {"payload": {"n": 1}})


def test_a_payload_that_is_no_json_is_not_sent(server: Server) -> None:
    code, lines = run("webhooks", "test", "orders", "--payload", "{")

    assert (code, server.asked) == (2, [])
    assert "--payload is not JSON" in lines[0]


def test_a_webhook_is_paused_resumed_and_deleted(server: Server) -> None:
    said = [run("webhooks", word, "orders") for word in ("pause", "resume", "delete")]

    assert said == [(0, ["inactive"]), (0, ["active"]), (0, ["deleted orders"])]
    assert [asked[2] for asked in server.asked] == [{"is_active": False}, {"is_active": True}, None]
