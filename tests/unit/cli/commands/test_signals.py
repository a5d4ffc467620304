"""`./headrace signal`, `approvals`, `approve` and `deny`: what they ask of the server and what they print."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

APPROVAL = {
    "execution_id": "e1", "name": "release", "node_id": "ask", "prompt": "Ship\x1b[2J it?", "form": None,
    "assignees": ["ann"],
    "quorum": 2, "approvals": 1, "due_at": "2027-01-01T00:00:00.000Z", "shown": "abc",
}  # fmt: skip


class Server:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.decided: dict[str, Any] = {"pending": True, "approvals": 2, "quorum": 2, "output": None}

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if request.method == "POST":
            self.asked.append((path, json.loads(request.content)))
        if path == "/v1/approvals":
            is_first = "cursor" not in request.url.params
            return httpx2.Response(200, json={"items": [APPROVAL], "next_cursor": "c" if is_first else None})
        if path.startswith("/v1/approvals/"):
            return httpx2.Response(200, json=APPROVAL)
        if path.endswith("/inbox"):
            fields = {"execution_id": "e1", "node_id": "ask", "status": "RUNNING", "letter": 3}
            return httpx2.Response(202, json=fields)
        if "/signals/" in path:
            nodes = 0 if path.endswith("later") else 2
            return httpx2.Response(202, json={"nodes": nodes, "kept": not nodes})
        return httpx2.Response(200, json=self.decided)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    answer_with(monkeypatch, made.answer)
    return made


def test_a_signal_carries_json(server: Server) -> None:
    assert run("signal", "e1", "go", "--payload", '{"n": 1}') == (0, ["delivered to 2 nodes"])
    assert run("signal", "e1", "later") == (0, ["kept: no node waits for 'later' yet"])
    assert server.asked == [
        ("/v1/executions/e1/signals/go", {"payload": {"n": 1}}),
        ("/v1/executions/e1/signals/later", {"payload": None}),
    ]
    code, lines = run("signal", "e1", "go", "--payload", "{")
    assert code == 2
    assert "--payload is not JSON" in lines[0]


def test_a_letter_carries_json(server: Server) -> None:
    assert run("post", "e1", "ask", "--payload", '"yes"') == (0, ["letter 3 to ask"])
    assert server.asked == [("/v1/executions/e1/nodes/ask/inbox", {"payload": "yes"})]
    assert run("post", "e1", "ask", "--payload", "{")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("signal", "e1", "go", "--payload", "NaN"), "JSON has no NaN"),
        (("signal", "e1", "go", "--payload", '{"n": 1e999}'), "JSON has no NaN"),
        (("signal", "e1", "go", "--payload", '"\\ud800"'), "not UTF-8"),
        (("signal", "e1", "a\udcff"), "not UTF-8"),
        (("show", "\udcff"), "not UTF-8"),
        (("list", "--name", "\udcff"), "not UTF-8"),
    ],
)
def test_what_no_request_can_carry_is_refused_in_a_line(
    server: Server, arguments: tuple[str, ...], says: str
) -> None:
    code, lines = run(*arguments)

    assert (code, len(lines)) == (2, 1)
    assert says in lines[0]
    assert server.asked == []


def test_approvals_are_listed_over_all_pages_without_control_characters(server: Server) -> None:
    code, lines = run("approvals")

    assert code == 0
    assert lines[:3] == [
        "e1 ask  of release, by ann, 1 of 2 approvals until 2027-01-01T00:00:00.000Z",
        "  Ship\\x1b[2J it?",
        "  shown: abc",
    ]
    assert len(lines) == 6
    assert [json.loads(line)["node_id"] for line in run("approvals", "--json")[1]] == ["ask", "ask"]


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_a_decision_is_about_what_was_printed(server: Server, decision: str) -> None:
    code, lines = run(decision, "e1", "ask", "--by", "ann", "--form", '{"n": 1}')

    assert (code, lines[-1]) == (0, "recorded: 2 of 2 approvals")
    body = {"decision": decision, "by": "ann", "shown": "abc", "form": {"n": 1}}
    assert server.asked == [("/v1/executions/e1/approvals/ask", body)]

    server.decided = {"pending": False, "output": {"decision": decision}}
    assert run(decision, "e1", "ask", "--by", "ann", "--shown", "def")[1][-1] == f"decided: {decision}"
    assert server.asked[-1][1]["shown"] == "def"
