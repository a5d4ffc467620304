"""`./headrace purge`: one execution, or what is older; it says what it would take, and asks a terminal."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

LONG_AGO, LATELY = "2020-01-02T00:00:00.000Z", "2999-01-01T00:00:00.000Z"


def row(execution_id: str, status: str, **fields: Any) -> dict[str, Any]:
    begun = {"name": "order", "created_at": LONG_AGO, "ended_at": None if status == "PENDING" else LONG_AGO}
    return {"execution_id": execution_id, "status": status, **begun, **fields}


class Server:
    """Lists some executions and takes deletions."""

    def __init__(self) -> None:
        self.rows = [
            row("e1", "COMPLETED"),
            row("e2", "FAILED"),
            row("e3", "PENDING"),
            row("e4", "RUNNING", ended_at=None),
            row("e5", "COMPLETED", parent={"execution_id": "e1", "node_id": "S", "item": None}),
            row("e6", "COMPLETED", ended_at=LATELY),
        ]
        self.asked: list[dict[str, str]] = []
        self.deleted: list[str] = []
        self.answers: dict[str, int] = {}

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if request.method == "DELETE":
            execution_id = path.rsplit("/", 1)[1]
            self.deleted.append(execution_id)
            status = self.answers.get(execution_id, 204)
            return httpx2.Response(status, json={"code": "REFUSED", "detail": "it is RUNNING"})
        if path.startswith("/v1/workflows/"):
            return httpx2.Response(200, json={"workflow_id": "wf_1", "name": "order"})
        self.asked.append(dict(request.url.params))
        return httpx2.Response(200, json={"items": self.rows, "next_cursor": None})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    answer_with(monkeypatch, made.answer)
    return made


def test_one_is_purged_or_refused(server: Server) -> None:
    assert run("purge", "e1") == (0, ["purged"])
    server.answers["e1"] = 409
    assert run("purge", "e1")[0] == 2
    assert server.deleted == ["e1", "e1"]


def test_all_that_are_older_go_and_children_with_their_roots(server: Server) -> None:
    code, (summary, done) = run("purge", "--older-than", "30d")

    assert code == 0
    assert summary.startswith("3 ended, or were made and not started, before 20")
    assert summary.endswith(": 1 COMPLETED, 1 FAILED, 1 PENDING")
    assert (done, sorted(server.deleted)) == ("purged 3", ["e1", "e2", "e3"])
    assert set(server.asked[0]) - {"limit"} == {"created_before"}


def test_a_dry_run_lists_them_and_changes_nothing(server: Server) -> None:
    code, lines = run("purge", "--older-than", "1d12h", "--dry-run", "--status", "failed")

    assert code == 0
    assert lines[0] == f"e2  {LONG_AGO}  FAILED     order"
    assert len(lines) == 2
    assert server.deleted == []
    assert server.asked[0]["status"] == "FAILED"


def test_a_workflow_is_named_by_its_name(server: Server) -> None:
    run("purge", "--older-than", "30d", "--workflow", "order")

    assert server.asked[0]["workflow"] == "wf_1"


def test_a_terminal_is_asked_unless_it_said_yes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.commands.bulk.typer.confirm", lambda question: False)

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("cli.commands.bulk.sys", type("System", (), {"stdin": Terminal()}))
    refused = run("purge", "--older-than", "30d")
    left = list(server.deleted)
    said_yes = run("purge", "--older-than", "30d", "--yes")

    assert (refused[0], left) == (3, [])
    assert (said_yes[0], len(server.deleted)) == (0, 3)


def test_one_that_is_refused_is_named_and_the_rest_goes(server: Server) -> None:
    server.answers |= {"e1": 409, "e2": 404}

    code, lines = run("purge", "--older-than", "30d")

    assert code == 1
    assert "e1: refused: it is RUNNING" in lines
    assert lines[-1] == "purged 1"


def test_nothing_older_is_said(server: Server) -> None:
    server.rows = []

    code, lines = run("purge", "--older-than", "30d")

    assert code == 0
    assert lines[0].startswith("nothing ended before")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name one EXECUTION"),
        (("e1", "--older-than", "30d"), "name one EXECUTION"),
        (("e1", "--dry-run"), "go with --older-than"),
        (("--older-than", "soon"), "'soon' is no age; allowed: 30d, 12h"),
        (("--older-than", "9999999999999999d"), "longer than anything"),
        (("--older-than", "1d", "--status", "running"), "nothing with status 'RUNNING' can be purged"),
    ],
)
def test_what_says_nothing_clear_is_refused_before_the_server_is_asked(
    server: Server, arguments: tuple[str, ...], words: str
) -> None:
    code, lines = run("purge", *arguments)

    assert code == 2
    assert words in lines[-1]
    assert (server.asked, server.deleted) == ([], [])
