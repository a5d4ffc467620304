"""`./headrace children` and `items`: what they ask of the server, and what they print."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

ID = "01a22722-0e45-7692-a534-5e9da8ec2000"
CHILD = {
    "execution_id": "e2", "name": "kid", "status": "COMPLETED", "parent": {"node_id": "bill[1]"},
    "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:02:05Z",
}  # fmt: skip
DONE: dict[str, Any] = {
    "index": 0, "status": "COMPLETED", "try": 1, "output": {"n": 1},
    "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:00.4Z",
}  # fmt: skip
FAILED: dict[str, Any] = {
    "index": 1,
    "status": "FAILED",
    "try": 3,
    "error": {"type": "Http.5xx", "message": "no"},
}
WAITING: dict[str, Any] = {
    "index": 2,
    "status": "WAITING",
    "try": 1,
    "waiting_on": "back_off",
    "due_at": "soon",
}


def answer_items(monkeypatch: pytest.MonkeyPatch, *items: dict[str, Any]) -> list[httpx2.Request]:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json={"items": list(items), "next_cursor": None})

    answer_with(monkeypatch, answer)
    return asked


def test_children_are_listed_with_the_node_that_started_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer_items(monkeypatch, CHILD)

    code, lines = run("children", ID)

    assert code == 0
    assert lines[1].split() == ["e2", "bill[1]", "COMPLETED", "2", "min", "5", "s", "kid"]
    assert asked[0].url.path == f"/v1/executions/{ID}/children"


def test_items_are_listed_with_what_came_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer_items(monkeypatch, DONE, FAILED, WAITING)

    code, lines = run("items", ID, "fetch", "--status", "failed")

    assert code == 0
    assert [line.split(maxsplit=5) for line in lines[1:2]] == [
        ["0", "COMPLETED", "1", "0.4", "s", '{"n": 1}']
    ]
    assert lines[2].split(maxsplit=4) == ["1", "FAILED", "3", "-", "Http.5xx: no"]
    assert lines[3].endswith("waits on back_off until soon")
    assert asked[0].url.path == f"/v1/executions/{ID}/nodes/fetch/items"
    assert asked[0].url.params["status"] == "FAILED"


def test_an_empty_list_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_items(monkeypatch)

    assert run("children", ID) == (0, ["no child executions"])
    assert run("items", ID, "fetch") == (0, ["no items"])
