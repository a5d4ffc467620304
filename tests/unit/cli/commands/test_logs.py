"""`./headrace logs`: what was said, to a pipe, by node and by level."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

LONG = "x" * 500


def event(seq: int, type: str, node_id: str | None = "a", **data: Any) -> dict[str, Any]:
    return {
        "seq": seq, "type": type, "execution_id": "order-1", "node_id": node_id, "attempt": 1,
        "ts": "2026-01-01T10:11:12.345Z", "data": data, "item": None,
    }  # fmt: skip


HISTORY = [
    event(1, "node.started"),
    event(2, "node.log", message="about to charge", level="info", data={"amount": LONG}),
    event(3, "node.log", "b", message="slow", level="warning", data={}),
    event(4, "node.failed", "b", error={"type": "Card.Declined", "message": LONG}),
    event(5, "execution.failed", None, reason="node_failed"),
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[httpx2.QueryParams]:
    """What is asked for of a history that comes in two parts."""
    found: list[httpx2.QueryParams] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        query = request.url.params
        found.append(query)
        after = int(query["after"])
        wanted = query.get_list("type")
        items = [each for each in HISTORY if after < each["seq"] <= (3 if after < 3 else 9)]
        items = [each for each in items if not wanted or each["type"] in wanted]
        return httpx2.Response(200, json={"items": items, "next_after": 3 if after < 3 else None})

    answer_with(monkeypatch, answer)
    return found


def test_lines_and_failures_are_printed_whole(asked: list[httpx2.QueryParams]) -> None:
    code, lines = run("logs", "order-1")

    assert code == 0
    assert lines == [
        '10:11:12.345  node.log             a  - about to charge {"amount": "' + LONG + '"}',
        "10:11:12.345  node.log             b  - warning: slow",
        f"10:11:12.345  node.failed          b  - Card.Declined: {LONG}",
        "10:11:12.345  execution.failed     - node_failed",
    ]
    assert [query["after"] for query in asked] == ["0", "3"]


def test_they_are_narrowed_by_node_and_level(asked: list[httpx2.QueryParams]) -> None:
    assert [line[14:24] for line in run("logs", "order-1", "--node", "b")[1]] == ["node.log  ", "node.faile"]
    assert asked[0]["node"] == "b"
    assert len(run("logs", "order-1", "--level", "WARNING")[1]) == 3
    assert run("logs", "order-1", "--level", "loud") == (
        2, ["headrace logs: --level 'loud'; allowed: debug, info, warning, error"],
    )  # fmt: skip


def test_every_event_may_be_had_as_json(asked: list[httpx2.QueryParams]) -> None:
    code, lines = run("logs", "order-1", "--events", "--json")

    assert code == 0
    assert [json.loads(line)["type"] for line in lines] == [each["type"] for each in HISTORY]
    assert asked[0].get_list("type") == []


def test_a_silence_is_said(asked: list[httpx2.QueryParams]) -> None:
    assert run("logs", "order-1", "--node", "c") == (0, ["nothing was said; --events prints the history"])
    assert run("logs", "order-1", "--node", "c", "--json") == (0, [])
