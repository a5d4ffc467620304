"""`./headrace workers`, `queues`, `handlers` and `usage`: what they ask for, and what they print."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


WORKER: dict[str, Any] = {
    "worker_id": "w-1\x1b[2J.ab", "name": "w-1\x1b[2J", "host": "box", "pid": 7, "queues": ["default", "gpu"],
    "slots": 64, "running": 3, "blocked": 1, "started_at": "TWO HOURS AGO",
    "last_seen_at": "TWO HOURS AGO",
}  # fmt: skip
QUEUE = {"queue": "default", "length": 1200, "pending": 3, "consumers": 2, "oldest_at": "TWO HOURS AGO"}
HANDLERS = [
    {"name": "http", "aliases": [], "summary": "Send a request.", "live_workers": 2},
    {
        "name": "llm", "aliases": ["model"], "summary": "Ask.", "description": "Ask.\n\nOutput: …",
        "live_workers": 1, "retry": {"max_attempts": 3}, "config_schema": {"type": "object"},
    },
]  # fmt: skip
MOMENTS = ("started_at", "last_seen_at", "oldest_at")
NOTHING = {"calls": 0, "input": 0, "output": 0, "unpriced_calls": 0}
SOME = {"calls": 2, "input": 1500, "output": 9, "unpriced_calls": 1}
USAGE = {
    "usage": SOME | {"calls": 4},
    "cost_usd": 0.25,
    "days": [
        {"date": "2026-11-02", "usage": SOME, "cost_usd": 0.25},
        {"date": "2026-11-01", "usage": SOME, "cost_usd": None},
        {"date": "2026-10-31", "usage": NOTHING, "cost_usd": None},
    ],
}
ANSWERS: dict[str, Any] = {
    "/v1/workers": {"items": [WORKER]},
    "/v1/queues": {"items": [QUEUE]},
    "/v1/handlers": {"items": HANDLERS},
    "/v1/usage": USAGE,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[httpx2.Request]:
    """The requests the server got."""
    found: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        found.append(request)
        # Looked at now: by when this file was read, it may be minutes later.
        text = json.dumps(ANSWERS[request.url.path]).replace("TWO HOURS AGO", ago(7_260))
        return httpx2.Response(200, json=json.loads(text))

    answer_with(monkeypatch, answer)
    return found


def test_workers_are_listed_for_the_operator(
    asked: list[httpx2.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATOR_KEY", "hr_operator")

    code, lines = run("workers")

    assert code == 0
    assert lines[0].split() == ["WORKER", "RUNS", "ON", "RUNNING", "UP", "FOR", "LAST", "SIGN", "QUEUES"]
    rest = "box, pid 7  3 of 64, 1 blocked  2 h 1 min  2 h 1 min ago  default, gpu"
    assert lines[1] == f"w-1\\x1b[2J.ab  {rest}"
    assert asked[0].headers["authorization"] == "Bearer hr_operator"


def test_workers_that_cannot_load_handlers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = {**WORKER, "name": "w-2", "refusal": "cannot load"}
    refusing |= {moment: ago(5) for moment in ("started_at", "last_seen_at")}
    answer_with(monkeypatch, lambda request: httpx2.Response(200, json={"items": [refusing]}))

    assert run("workers")[1][-1] == "w-2 could not load handlers of your own; ./headrace doctor says why"


def test_queues_are_listed_with_the_age_of_their_oldest_task(asked: list[httpx2.Request]) -> None:
    code, lines = run("queues")

    assert code == 0
    assert lines[1].split() == ["1,200", "3", "2", "2", "h", "1", "min", "default"]


def test_handlers_are_listed_with_what_they_do(asked: list[httpx2.Request]) -> None:
    code, lines = run("handlers")

    assert code == 0
    assert [line.split() for line in lines[1:]] == [
        ["http", "2", "Send", "a", "request."],
        ["llm", "1", "Ask."],
    ]


def test_one_handler_is_shown_whole_by_any_of_its_names(asked: list[httpx2.Request]) -> None:
    code, lines = run("handlers", "model")

    assert code == 0
    assert lines[:2] == ["llm (also model), offered by 1 live workers", "Ask."]
    assert 'retry {"max_attempts": 3}' in lines
    assert lines[-3:] == ["config {", '  "type": "object"', "}"]


def test_an_unknown_handler_is_a_usage_error(asked: list[httpx2.Request]) -> None:
    assert run("handlers", "htpp") == (2, ["no handler 'htpp'; list them: ./headrace handlers"])


def test_usage_is_shown_by_day_and_in_all(asked: list[httpx2.Request]) -> None:
    code, lines = run("usage", "--days", "3")

    assert code == 0
    assert [line.split() for line in lines[1:4]] == [
        ["2026-11-02", "2", "1,500", "9", "0.2500"],
        ["2026-11-01", "2", "1,500", "9", "-"],
        ["in", "all", "4", "1,500", "9", "0.2500"],
    ]
    assert lines[4] == "1 calls went to models without a price"
    assert asked[0].url.params["days"] == "3"


@pytest.mark.parametrize("command", ["workers", "queues", "handlers"])
def test_lists_are_json_lines_where_asked(asked: list[httpx2.Request], command: str) -> None:
    code, lines = run(command, "--json")

    assert code == 0
    found = [json.loads(line) for line in lines]
    for row in found:
        row.update({moment: "TWO HOURS AGO" for moment in MOMENTS if moment in row})
    assert found == ANSWERS[f"/v1/{command}"]["items"]


@pytest.mark.parametrize(
    ("command", "text"),
    [("workers", "no live workers; start one: python -m workers.worker"), ("queues", "no queues yet")],
)
def test_an_empty_list_says_so(monkeypatch: pytest.MonkeyPatch, command: str, text: str) -> None:
    answer_with(monkeypatch, lambda request: httpx2.Response(200, json={"items": []}))

    assert run(command) == (0, [text])
