"""`cancel` and `retry` of many: those that are named, or all that options choose."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run


class Server:
    """Lists executions, and takes verbs of them."""

    def __init__(self) -> None:
        self.asked: list[httpx2.QueryParams] = []
        self.verbs: list[tuple[str, dict[str, Any]]] = []
        self.refused: set[str] = set()
        #: Verbs that are taken before the store is full.
        self.serves = 1_000
        self.is_gone = False
        self.listed = ["order-1", "order-2"]

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/v1/executions")
        if request.method == "POST":
            self.verbs.append((path, json.loads(request.content)))
            if len(self.verbs) > self.serves and self.is_gone:
                raise httpx2.ConnectError("refused")
            if len(self.verbs) > self.serves:
                problem = {"code": "STORE_FULL", "detail": "Redis is at its memory limit"}
                return httpx2.Response(503, json=problem)
            if path.split("/")[1] in self.refused:
                return httpx2.Response(409, json={"code": "INVALID_STATE", "detail": "it is COMPLETED"})
            return httpx2.Response(200, json={"execution_id": "x", "status": "CANCELLED", "already": False})
        if path == "/nope":
            return httpx2.Response(404, json={"code": "EXECUTION_NOT_FOUND", "detail": "not found"})
        if path:
            return httpx2.Response(200, json={**row(path.strip("/")), "nodes": []})
        self.asked.append(request.url.params)
        return httpx2.Response(200, json={"items": [*map(row, self.listed)], "next_cursor": None})


def row(execution_id: str) -> dict[str, Any]:
    begun = {"created_at": "2026-01-01T00:00:00.000Z", "generation": 3}
    return {"execution_id": execution_id, "name": "order", "status": "FAILED", **begun}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    answer_with(monkeypatch, made.answer)
    return made


def test_several_are_cancelled_by_their_names(server: Server) -> None:
    code, lines = run("cancel", "order-1", "order-2", "order-1", "--reason", "a mistake")

    assert (code, lines) == (0, ["2 found: 2 FAILED", "cancel: done 2"])
    assert sorted(path for path, _ in server.verbs) == ["/order-1/cancel", "/order-2/cancel"]
    assert {body["reason"] for _, body in server.verbs} == {"a mistake"}


def test_all_that_options_choose_are_cancelled_but_for_children_and_those_that_have_ended(
    server: Server,
) -> None:
    code, lines = run("cancel", "--name", "order", "--since", "2d ago")

    assert (code, lines) == (0, ["2 found: 2 FAILED", "cancel: done 2"])
    (query,) = server.asked
    assert query.get_list("status") == ["RUNNING", "PAUSED", "PENDING"]
    assert (query["name"], query["parent"]) == ("order", "none")
    assert "created_after" in query


def test_failed_ones_are_retried_each_in_the_generation_that_was_seen(server: Server) -> None:
    code, lines = run("retry", "--label", "team=a", "--status", "failed")

    assert (code, lines) == (0, ["2 found: 2 FAILED", "retry: done 2"])
    assert server.asked[0].get_list("status") == ["FAILED"]
    assert server.asked[0].get_list("label") == ["team:a"]
    assert {body["generation"] for _, body in server.verbs} == {3}


@pytest.mark.parametrize("words", [("retry", "--preview"), ("retry", "--dry-run"), ("cancel", "--dry-run")])
def test_what_would_be_done_can_be_seen_before(server: Server, words: tuple[str, ...]) -> None:
    code, lines = run(*words, "--workflow", "order")

    assert code == 0
    assert lines == [
        "order-1  2026-01-01T00:00:00.000Z  FAILED     order",
        "order-2  2026-01-01T00:00:00.000Z  FAILED     order",
        "2 found: 2 FAILED",
    ]
    assert server.verbs == []


def test_one_that_is_refused_is_named_and_holds_up_no_other(server: Server) -> None:
    server.refused = {"order-1"}

    code, lines = run("cancel", "--status", "running")

    assert code == 1
    assert lines[-1] == "cancel: done 1"
    assert any(line.startswith("order-1: ") for line in lines)


def test_refusals_of_one_kind_are_printed_a_few_times(server: Server) -> None:
    server.listed = [f"order-{number}" for number in range(9)]
    server.refused = set(server.listed[1:])

    code, lines = run("cancel", "--status", "running")

    assert code == 1
    assert sum(": refused: " in line for line in lines) == 5
    assert lines[-2:] == ["3 more are refused the same way: INVALID_STATE", "cancel: done 1"]


def test_an_outage_says_how_far_it_came(server: Server) -> None:
    server.listed = [f"order-{number}" for number in range(20)]
    server.serves = 7

    code, lines = run("retry", "--status", "failed")

    assert code == 5
    assert lines[1:] == [
        "retry: done 7",
        "13 left: refused: Redis is at its memory limit; the same command goes on with them",
    ]


def test_a_server_that_goes_away_says_how_far_it_came_too(server: Server) -> None:
    server.listed = [f"order-{number}" for number in range(20)]
    server.serves, server.is_gone = 7, True

    code, lines = run("retry", "--status", "failed", "--server", "http://here:1")

    assert (code, lines[1]) == (5, "retry: done 7")
    assert lines[2].startswith("13 left: cannot reach http://here:1: ")
    assert lines[2].endswith("; the same command goes on with them")


def test_answers_may_be_had_as_json(server: Server) -> None:
    code, lines = run("cancel", "order-1", "order-2", "--json")

    answers = [json.loads(line) for line in lines if line.startswith("{")]
    assert (code, [each["status"] for each in answers]) == (0, ["CANCELLED", "CANCELLED"])


def test_nothing_is_done_where_one_of_them_is_not_there(server: Server) -> None:
    code, lines = run("cancel", "order-1", "nope", "--server", "http://here:1")

    assert (code, lines) == (2, ["refused: no execution 'nope' at http://here:1; see ./headrace list"])
    assert server.verbs == []


@pytest.mark.parametrize("words", [("cancel",), ("retry",), ("cancel", "order-1", "--name", "order")])
def test_it_is_named_or_chosen_and_not_both(server: Server, words: tuple[str, ...]) -> None:
    code, lines = run(*words)

    assert code == 2
    assert "name one EXECUTION or several, or choose: --status" in lines[0]
    assert server.verbs == []


def test_those_of_a_schedule_or_a_webhook_are_chosen(server: Server) -> None:
    assert run("retry", "--schedule", "mornings", "--dry-run")[0] == 0
    assert run("cancel", "--webhook", "orders", "--dry-run")[0] == 0
    assert run("list", "--schedule", "mornings")[0] == 0
    chosen = [(asked.get("schedule"), asked.get("webhook")) for asked in server.asked]
    assert chosen == [("mornings", None), (None, "orders"), ("mornings", None)]


@pytest.mark.parametrize("command", ["cancel", "retry"])
def test_a_dry_run_about_one_changes_nothing_either(server: Server, command: str) -> None:
    code, lines = run(command, "order-1", "--dry-run")

    assert (code, lines[-1]) == (0, "1 found: 1 FAILED")
    assert server.verbs == []
