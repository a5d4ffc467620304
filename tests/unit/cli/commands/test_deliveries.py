"""`./headrace deliveries`: what it asks of the server, and what it prints."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

DELIVERY: dict[str, Any] = {
    "delivery_id": "e1.1.0",
    "message_id": "msg_1",
    "state": "pending",
    "type": "execution.failed",
    "target": {"url": "https://receiver.example/\x1b[2J"},
    "tries": 2,
    "next_attempt_at": "2026-01-01T00:05:05.000Z",
    "last_attempt": None,
    "attempts": [
        {
            "number": 1, "at": "2026-01-01T00:00:00.000Z", "duration_ms": 12, "status_code": 503,
            "error": "https://receiver.example answered 503", "started": None,
        },
        {
            "number": 2, "at": "2026-01-01T00:00:05.000Z", "duration_ms": 3, "status_code": None,
            "error": None, "started": "e2",
        },
    ],
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the server is asked."""
    found: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        found.append(f"{request.method} {request.url.raw_path.decode()}")
        if request.url.path == "/v1/deliveries":
            items = [] if "gone" in str(request.url) else [DELIVERY]
            return httpx2.Response(200, json={"items": items, "next_cursor": None})
        return httpx2.Response(202 if request.method == "POST" else 200, json=DELIVERY)

    answer_with(monkeypatch, answer)
    return found


def test_deliveries_are_listed(asked: list[str]) -> None:
    code, lines = run("deliveries", "list", "--execution", "order:7", "--state", "pending")

    assert code == 0
    (line,) = lines
    assert line.startswith("e1.1.0  pending    execution.failed  https://receiver.example/\\x1b[2J")
    assert line.endswith("  tries 2  next 2026-01-01T00:05:05.000Z")
    assert asked == ["GET /v1/deliveries?execution_id=order%3A7&state=pending&limit=50"]


@pytest.mark.parametrize(("state", "is_told"), [("pending", True), ("failed", True), ("delivered", False)])
def test_a_delivery_that_does_not_get_through_is_listed_with_its_error(
    monkeypatch: pytest.MonkeyPatch, state: str, is_told: bool
) -> None:
    found = DELIVERY | {"state": state, "last_attempt": DELIVERY["attempts"][0]}
    page = {"items": [found], "next_cursor": None}
    answer_with(monkeypatch, lambda _: httpx2.Response(200, json=page))

    _, lines = run("deliveries", "list")

    assert lines[1:] == ["  https://receiver.example answered 503"] * is_told


def test_an_empty_list_says_so(asked: list[str]) -> None:
    assert run("deliveries", "list", "--state", "gone") == (0, ["no matching deliveries"])


def test_a_delivery_is_shown_with_its_attempts(asked: list[str]) -> None:
    code, lines = run("deliveries", "get", "e1.1.0")

    assert (code, lines[1]) == (0, "message msg_1")
    assert lines[2:] == [
        "  1  2026-01-01T00:00:00.000Z  503  12 ms  https://receiver.example answered 503",
        "  2  2026-01-01T00:00:05.000Z  -  3 ms  started e2",
    ]
    assert asked == ["GET /v1/deliveries/e1.1.0"]


def test_a_delivery_is_sent_again(asked: list[str]) -> None:
    assert run("deliveries", "resend", "e1.1.0") == (0, ["due now: e1.1.0"])
    assert asked == ["POST /v1/deliveries/e1.1.0/resend"]


def test_all_that_failed_are_sent_again(asked: list[str]) -> None:
    assert run("deliveries", "resend", "--all") == (0, ["1 found: 1 pending", "due now: 1"])
    assert asked == ["GET /v1/deliveries?state=failed&limit=100", "POST /v1/deliveries/e1.1.0/resend"]


def test_those_of_an_execution_are_listed_by_a_dry_run(asked: list[str]) -> None:
    code, lines = run("deliveries", "resend", "--execution", "order:7", "--state", "gone", "--dry-run")

    assert (code, lines) == (0, ["0 found"])
    assert asked == ["GET /v1/deliveries?execution_id=order%3A7&state=gone&limit=100"]


@pytest.mark.parametrize(
    "words", [(), ("e1.1.0", "--all"), ("e1.1.0", "--state", "gone"), ("--state", "gone")]
)
def test_what_is_sent_again_is_named_or_chosen(asked: list[str], words: tuple[str, ...]) -> None:
    code, lines = run("deliveries", "resend", *words)

    assert (code, asked) == (2, [])
    assert "choose: --all or --execution, with --state" in lines[-1]


def test_a_dry_run_about_one_sends_nothing_either(asked: list[str]) -> None:
    code, lines = run("deliveries", "resend", "e1.1.0", "--dry-run")

    assert (code, lines[-1]) == (0, "1 found: 1 pending")
    assert asked == ["GET /v1/deliveries/e1.1.0"]
