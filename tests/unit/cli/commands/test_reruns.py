"""`./headrace retry`, `replay` and `fork`: what they ask of the server and what they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

LISTS = {"nodes": ["B", "C"], "reused": ["A"], "skipped": []}


class Server:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content or b"{}")
        verb = request.url.path.rsplit("/", 1)[-1]
        self.asked.append((verb, body))
        is_preview = body.get("preview", False)
        made = None if is_preview else "e2"
        answers: dict[str, dict[str, Any]] = {
            "retry": {"execution_id": "e1", "status": "FAILED", "generation": 3, "nodes": ["B", "C"]},
            "definition": {"inputs": {"properties": {"id": {"type": "string"}, "n": {"type": "integer"}}}},
            "replay": {"execution_id": "e2", "status": "RUNNING", "replay_of": "e1"},
            "fork": {"execution_id": made, "status": None, "forked_from": "e1", **LISTS},
        }
        return httpx2.Response(200 if is_preview else 202, json=answers[verb])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    answer_with(monkeypatch, made.answer)
    return made


def test_a_preview_of_a_retry_lists_and_does_nothing(server: Server) -> None:
    assert run("retry", "e1", "--preview") == (0, ["runs again 2: B, C"])
    assert server.asked == [("retry", {"preview": True})]


def test_a_retry_names_the_generation_it_looked_at(server: Server) -> None:
    assert run("retry", "e1", "--no-watch") == (0, ["e1"])
    assert server.asked == [("retry", {"preview": True}), ("retry", {"preview": False, "generation": 3})]


def test_a_retry_of_nodes_names_them_each_time(server: Server) -> None:
    assert run("retry", "e1", "--node", "A", "--node", "B", "--no-watch") == (0, ["e1"])
    assert server.asked == [
        ("retry", {"preview": True, "nodes": ["A", "B"]}),
        ("retry", {"preview": False, "nodes": ["A", "B"], "generation": 3}),
    ]


def test_a_preview_of_a_retry_of_nodes_does_nothing(server: Server) -> None:
    assert run("retry", "e1", "--node", "B", "--preview") == (0, ["runs again 2: B, C"])
    assert server.asked == [("retry", {"preview": True, "nodes": ["B"]})]


def test_a_replay_overrides_inputs(server: Server) -> None:
    assert run("replay", "e1", "-i", "n=5", "--no-watch") == (0, ["e2"])
    assert server.asked == [("definition", {}), ("replay", {"inputs": {"n": 5}})]


def test_words_have_the_types_of_the_execution_s_own_schema(server: Server) -> None:
    assert run("replay", "e1", "-i", "id=007", "--no-watch") == (0, ["e2"])
    assert run("fork", "e1", "-i", "id=123", "--no-watch") == (0, ["e2"])
    assert [body for verb, body in server.asked if verb != "definition"] == [
        {"inputs": {"id": "007"}},
        {"inputs": {"id": "123"}, "preview": False},
    ]


def test_a_preview_of_a_fork_says_what_runs_and_what_is_kept(server: Server) -> None:
    assert run("fork", "e1", "--from", "B", "--preview") == (
        0,
        ["runs 2: B, C", "reuses 1: A", "skips 0: –"],
    )
    assert server.asked == [("fork", {"from_node": "B", "preview": True})]


def test_a_fork_sends_definition_and_inputs(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "changed.yaml"
    text = "name: a\ninputs: {properties: {n: {type: string}}}\n"
    file.write_text(text)

    assert run("fork", "e1", "-f", str(file), "-i", "n=1", "--no-watch") == (0, ["e2"])
    assert server.asked == [("fork", {"definition": text, "inputs": {"n": "1"}, "preview": False})]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("replay", "e1", "-i", "n"), "headrace replay: -i 'n': expected KEY=VALUE"),
        (("fork", "e1", "-f", "missing.json"), "headrace fork: missing.json: no such file"),
    ],
    ids=["input", "file"],
)
def test_wrong_usage_asks_nothing(server: Server, arguments: tuple[str, ...], words: str) -> None:
    assert run(*arguments) == (2, [words])
    assert server.asked == []
