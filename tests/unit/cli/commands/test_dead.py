"""`./headrace dead`: what it asks of the server, and what it prints."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

ENTRY: dict[str, Any] = {
    "entry_id": "17-0", "execution_id": "e1", "node_id": "pay", "reason": "exhausted", "attempt": 3,
    "at": "2026-01-01T00:00:00.000Z", "error": {"type": "Http.5xx", "message": "503\nfrom pay"},
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the server is asked."""
    found: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        found.append(f"{request.method} {request.url.raw_path.decode()}")
        if request.method == "DELETE":
            return httpx2.Response(204)
        if request.method == "POST":
            return httpx2.Response(202, json={"entry_id": "17-0", "execution_id": "e1"})
        return httpx2.Response(200, json={"items": [ENTRY], "next_cursor": None})

    answer_with(monkeypatch, answer)
    return found


@pytest.mark.parametrize("words", [("dead",), ("dead", "list")])
def test_dead_nodes_are_listed_with_why_they_failed(asked: list[str], words: tuple[str, ...]) -> None:
    code, lines = run(*words)

    assert code == 0
    assert lines[1].split(maxsplit=4) == [
        "17-0", "e1", "pay", "2026-01-01T00:00:00.000Z", "exhausted, attempt 3: Http.5xx: 503 from pay",
    ]  # fmt: skip


def test_an_entry_is_requeued_and_dropped(asked: list[str]) -> None:
    assert run("dead", "requeue", "17-0") == (0, ["runs again: e1"])
    assert run("dead", "drop", "17-0") == (0, ["dropped"])
    assert asked == ["POST /v1/dead/17-0/requeue", "DELETE /v1/dead/17-0"]
