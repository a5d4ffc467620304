"""`./headrace dead`: what it asks of the server, and what it prints."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

ENTRY: dict[str, Any] = {
    "entry_id": "17-0", "execution_id": "e1", "name": "order", "node_id": "pay", "reason": "exhausted",
    "attempt": 3, "at": "2026-01-01T00:00:00.000Z", "error": {"type": "Http.5xx", "message": "503\nfrom pay"},
}  # fmt: skip
#: Two nodes of one execution, an item of a map, and a node of another workflow.
ENTRIES = [
    ENTRY,
    ENTRY | {"entry_id": "16-0", "node_id": "bill"},
    ENTRY | {"entry_id": "15-0", "execution_id": "e2", "node_id": "pay[3]"},
    ENTRY | {"entry_id": "14-0", "execution_id": "e3", "name": "report"},
]


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
        return httpx2.Response(200, json={"items": ENTRIES, "next_cursor": None})

    answer_with(monkeypatch, answer)
    return found


@pytest.mark.parametrize("words", [("dead",), ("dead", "list")])
def test_dead_nodes_are_listed_with_why_they_failed(asked: list[str], words: tuple[str, ...]) -> None:
    code, lines = run(*words)

    assert code == 0
    assert lines[1].split(maxsplit=5) == [
        "17-0", "e1", "order", "pay", "2026-01-01T00:00:00.000Z",
        "exhausted, attempt 3: Http.5xx: 503 from pay",
    ]  # fmt: skip


def test_those_of_a_name_or_a_node_are_listed(asked: list[str]) -> None:
    code, lines = run("dead", "list", "--name", "report")
    first, only = run("dead", "--limit", "1", "--node", "pay")

    assert (code, [line.split()[0] for line in lines[1:]]) == (0, ["14-0"])
    assert (first, len(only)) == (0, 2)


@pytest.mark.parametrize("words", [("--name", "pay", "drop", "--all"), ("--node", "A", "requeue", "--all")])
def test_a_choice_before_the_verb_is_refused(asked: list[str], words: tuple[str, ...]) -> None:
    code, lines = run("dead", *words)

    assert code == 2
    assert "--name and --node stand behind the verb: dead" in lines[-1]
    assert asked == []


def test_an_entry_is_requeued_and_dropped(asked: list[str]) -> None:
    assert run("dead", "requeue", "17-0") == (0, ["runs again: e1"])
    assert run("dead", "drop", "17-0") == (0, ["dropped"])
    assert asked == ["POST /v1/dead/17-0/requeue", "DELETE /v1/dead/17-0"]


def test_all_are_requeued_once_for_each_execution(asked: list[str]) -> None:
    code, lines = run("dead", "requeue", "--all")

    assert (code, lines) == (0, ["3 found: 2 of order, 1 of report", "executions that run again: 3"])
    assert sorted(asked[1:]) == [f"POST /v1/dead/{entry}/requeue" for entry in ("14-0", "15-0", "17-0")]


def test_those_of_a_node_or_a_name_are_chosen(asked: list[str]) -> None:
    assert run("dead", "drop", "--node", "pay", "--name", "order") == (
        0,
        ["2 found: 2 of order", "dropped 2"],
    )
    assert sorted(asked[1:]) == ["DELETE /v1/dead/15-0", "DELETE /v1/dead/17-0"]


def test_a_dry_run_lists_them_and_changes_nothing(asked: list[str]) -> None:
    code, lines = run("dead", "requeue", "--name", "report", "--dry-run")

    assert (code, len(lines), lines[-1]) == (0, 2, "1 found: 1 of report")
    assert lines[0].startswith("14-0  e3  report  pay  ")
    assert asked == ["GET /v1/dead?limit=100"]


def test_several_may_be_named_and_one_that_is_not_there_is(asked: list[str]) -> None:
    assert run("dead", "drop", "17-0", "16-0") == (0, ["2 found: 2 of order", "dropped 2"])
    code, lines = run("dead", "drop", "17-0", "99-0")

    assert (code, lines) == (2, ["refused: no entry '99-0'; list them: ./headrace dead"])


def test_without_entries_and_a_choice_nothing_is_done(asked: list[str]) -> None:
    code, lines = run("dead", "requeue")

    assert code == 2
    assert "name one ENTRY or several, or choose: --all, --name, --node" in lines[-1]
    assert asked == []


@pytest.mark.parametrize("verb", ["requeue", "drop"])
def test_a_dry_run_about_one_changes_nothing_either(asked: list[str], verb: str) -> None:
    code, lines = run("dead", verb, "17-0", "--dry-run")

    assert (code, len(lines), lines[-1]) == (0, 2, "1 found: 1 of order")
    assert asked == ["GET /v1/dead?limit=100"]
