"""`./headrace statistics`: lines a person reads, or the server's answer."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

ENDS = {"total": 3, "completed": 2, "failed": 1, "cancelled": 0, "average_ms": 1_250.0}
NONE = {"total": 0, "completed": 0, "failed": 0, "cancelled": 0, "average_ms": None}
FOUND: dict[str, Any] = {
    "from": "2026-11-01", "to": "2026-11-30", "as_of": "2026-11-30T10:00:00.000Z", "executions": ENDS,
    "workflows": [
        {"workflow_id": "wf_1", "name": "order", "title": "Order", **ENDS},
        {"workflow_id": None, "name": None, "title": None, **ENDS},
        {"workflow_id": "wf_gone", "name": None, "title": None, **ENDS},
    ],
    "handlers": [{"handler": "http", "total": 8, "failed": 1, "failure_rate": 0.125}],
    "deliveries": {"received": 4, "accepted": 3, "rejected": 1, "error": 0},
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/v1/statistics"
        found.append(dict(request.url.params))
        return httpx2.Response(200, json=FOUND)

    answer_with(monkeypatch, answer)
    return found


def test_it_is_read_line_by_line(asked: list[dict[str, str]]) -> None:
    ends = "3: 2 completed, 1 failed; 1.2 s on average"

    assert run("statistics", "--from", "2026-11-01T15:30", "--to", "2026-11-30T23:00") == (
        0,
        [
            "2026-11-01 to 2026-11-30 (whole days, UTC), as of 2026-11-30T10:00:00.000Z",
            f"executions  {ends}",
            "workflows",
            f"  order        {ends}",
            f"  (submitted)  {ends}",
            f"  wf_gone      {ends}",
            "handlers",
            "  http  8 nodes, 1 failed (12.5%)",
            "deliveries  4 received, 3 accepted, 1 rejected",
        ],
    )
    assert asked == [{"from": "2026-11-01", "to": "2026-11-30"}]


def test_the_answer_is_printed_as_it_is(asked: list[dict[str, str]]) -> None:
    code, (line,) = run("statistics", "--json")

    assert (code, json.loads(line)) == (0, FOUND)
    assert asked == [{}]


def test_nothing_is_short(asked: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"executions": NONE, "workflows": [], "handlers": [], "deliveries": {"received": 0}}
    monkeypatch.setitem(FOUND, "executions", NONE)
    for name, value in empty.items():
        monkeypatch.setitem(FOUND, name, value)

    assert run("statistics")[1][1:] == ["executions  0"]
