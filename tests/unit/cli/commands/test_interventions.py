"""`./headrace pause`, `resume` and `node …`: what they ask of the server and what they print."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run


class Server:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.keys: list[str] = []
        self.is_refusing = False

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode()
        self.asked.append((path, json.loads(request.content)))
        self.keys.append(request.headers["idempotency-key"])
        if self.is_refusing:
            problem = {"status": 409, "code": "NODE_STATE", "detail": "it is COMPLETED"}
            return httpx2.Response(409, json=problem)
        if "/nodes/" in path:
            return httpx2.Response(200, json={"node_id": "A", "status": "COMPLETED", "attempt": 2})
        status = "PAUSED" if path.endswith("pause") else "RUNNING"
        return httpx2.Response(202, json={"execution_id": "e1", "status": status, "already": False})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    answer_with(monkeypatch, made.answer)
    return made


def test_pause_and_resume_say_who_and_why(server: Server) -> None:
    assert run("pause", "e1", "--by", "ann", "--reason", "a look") == (0, ["PAUSED"])
    assert run("resume", "e1") == (0, ["RUNNING"])
    assert server.asked == [
        ("/v1/executions/e1/pause", {"by": "ann", "reason": "a look"}),
        ("/v1/executions/e1/resume", {}),
    ]
    assert len(set(server.keys)) == 2


def test_a_resume_may_bring_a_larger_budget(server: Server) -> None:
    assert run("resume", "e1", "--max-tokens", "2000")[0] == 0
    assert run("resume", "e1", "--max-cost-usd", "0.5")[0] == 0
    assert [asked for _, asked in server.asked] == [
        {"budget": {"max_tokens": 2000}},
        {"budget": {"max_cost_usd": 0.5}},
    ]


def test_a_node_is_ended_by_hand(server: Server) -> None:
    assert run("node", "complete", "e1", "A", "--by", "ann", "--output", '{"n": 1}', "--attempt", "2") == (
        0, ["A: COMPLETED"],
    )  # fmt: skip
    run("node", "fail", "e1", "A[3]", "--by", "ann", "--type", "Http.5xx", "--reason", "down")
    run("node", "skip", "e1", "A", "--by", "ann")
    run("node", "retry", "e1", "A", "--by", "ann")
    base = "/v1/executions/e1/nodes"
    assert server.asked == [
        (f"{base}/A/complete", {"by": "ann", "attempt": 2, "output": {"n": 1}}),
        (f"{base}/A%5B3%5D/fail", {"by": "ann", "reason": "down", "error": {"type": "Http.5xx"}}),
        (f"{base}/A/skip", {"by": "ann"}),
        (f"{base}/A/retry", {"by": "ann"}),
    ]


def test_what_is_refused_says_why(server: Server) -> None:
    server.is_refusing = True

    code, lines = run("node", "skip", "e1", "A", "--by", "ann")

    assert (code, lines) == (2, ["refused: it is COMPLETED"])


def test_an_output_is_json_and_somebody_is_named(server: Server) -> None:
    code, lines = run("node", "complete", "e1", "A", "--by", "ann", "--output", "{")
    assert (code, "--output is not JSON" in lines[0]) == (2, True)
    assert run("node", "skip", "e1", "A")[0] == 2
    assert server.asked == []
