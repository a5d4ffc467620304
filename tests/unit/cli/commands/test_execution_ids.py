"""Executions are named by id, by the beginning of one, by key, or as the last one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import httpx2
import pytest
import typer

from cli.__main__ import app
from cli.commands.execution_ids import time_window
from tests.unit.cli.commands.invoking import answer_with, run

FIRST, SECOND = "01a22722-0e45-7692-a534-5e9da8ec2000", "01a22722-ffff-7000-a534-5e9da8ec2000"
CHILD = "5cb053dc-9dba-80cc-8e0d-d9ae769e8000"
Server = Callable[..., list[httpx2.Request]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server with these executions, newest first, of which one may have a key."""

    def serve(
        *ids: str, key: str | None = None, sources: Mapping[str, str] = MappingProxyType({})
    ) -> list[httpx2.Request]:
        asked: list[httpx2.Request] = []

        def answer(request: httpx2.Request) -> httpx2.Response:
            asked.append(request)
            query = request.url.params
            if request.url.path != "/v1/executions":
                is_known = request.url.path.split("/")[3] in (*ids, key)
                missing = {"code": "EXECUTION_NOT_FOUND", "detail": "Execution ID not found"}
                done: dict[str, Any] = {"execution_id": "e", "status": "PAUSED", "already": False}
                if request.method == "GET" and is_known:
                    named = request.url.path.split("/")[3]
                    done = {**_row(named), "trigger": {"source": sources.get(named, "manual")}, "nodes": []}
                return httpx2.Response(200 if is_known else 404, json=done if is_known else missing)
            rows = [_row(each) for each in ids]
            if "execution_key" in query:
                rows = [_row(ids[0])] if query["execution_key"] == key else []
            if "text" in query:
                rows = [row for row in rows if query["text"] in row["execution_id"]]
            if "created_after" in query:
                # A child's id holds no time, so that its window is elsewhere.
                rows = [row for row in rows if row["execution_id"] != CHILD]
            return httpx2.Response(200, json={"items": rows, "next_cursor": None})

        answer_with(monkeypatch, answer)
        return asked

    return serve


def _row(execution_id: str) -> dict[str, Any]:
    return {"execution_id": execution_id, "name": "demo", "status": "RUNNING", "created_at": "today"}


@pytest.mark.parametrize(
    ("named", "asked_for"),
    [(FIRST, FIRST), ("01a22722-0", FIRST), ("01a22722-f", SECOND), ("5cb053dc", CHILD), ("last", FIRST)],
)
def test_an_execution_is_found_by_the_beginning_of_its_id(server: Server, named: str, asked_for: str) -> None:
    asked = server(FIRST, SECOND, CHILD)

    code, lines = run("pause", named)

    said = [f"last: {FIRST} demo"] if named == "last" else []
    assert (code, lines) == (0, [*said, "PAUSED"])
    assert asked[-1].url.path == f"/v1/executions/{asked_for}/pause"


def test_what_comes_by_itself_is_not_the_last_one(server: Server) -> None:
    asked = server(FIRST, SECOND, sources={FIRST: "schedule"})

    assert run("pause", "last") == (0, [f"last: {SECOND} demo", "PAUSED"])
    assert asked[-1].url.path == f"/v1/executions/{SECOND}/pause"


def test_where_all_came_by_themselves_one_is_to_be_named(server: Server) -> None:
    server(FIRST, SECOND, sources={FIRST: "schedule", SECOND: "webhook"})

    assert run("pause", "last") == (
        2,
        ["refused: schedules and webhooks have started the newest 2; name one"],
    )


def test_a_whole_id_costs_no_further_request(server: Server) -> None:
    asked = server(FIRST)

    run("pause", FIRST)

    assert len(asked) == 1


def test_a_key_goes_before_the_beginning_of_an_id(server: Server) -> None:
    asked = server(FIRST, SECOND, key="01a2")

    code, _ = run("pause", "01a2")

    assert code == 0
    assert asked[-1].url.path == "/v1/executions/01a2/pause"


def test_a_beginning_of_several_ids_names_them(server: Server) -> None:
    server(FIRST, SECOND)

    code, lines = run("pause", "01a22722")

    assert code == 2
    assert lines == [
        "refused: '01a22722' is the beginning of more than one id:",
        f"  {FIRST}  today  demo",
        f"  {SECOND}  today  demo",
    ]


@pytest.mark.parametrize("named", ["nope", "01a2ffff", "0" * 8 + FIRST[8:]])
def test_an_execution_that_is_not_there_is_named(server: Server, named: str) -> None:
    server(FIRST)

    code, lines = run("pause", named, "--server", "http://here:1")

    assert (code, lines) == (2, [f"refused: no execution '{named}' at http://here:1; see ./headrace list"])


def test_the_last_one_of_none_is_a_refusal(server: Server) -> None:
    server()

    assert run("pause", "last") == (2, ["refused: there is no last execution: none has been started yet"])


@pytest.mark.parametrize("beginning", ["01a2", "01a22722", "01a22722-0e45", FIRST[:20], "ffff"])
def test_the_time_in_an_id_bounds_the_search(beginning: str) -> None:
    made = datetime.fromisoformat("2026-11-29T11:47:53.029+00:00")

    first, last = map(datetime.fromisoformat, time_window(beginning))

    assert (first < made < last) is FIRST.startswith(beginning)
    assert first < last or beginning == "ffff"


def _naming_an_execution() -> Iterator[tuple[str, ...]]:
    """Every command that takes an execution, with the words that it needs, and `last` in that place."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        path, command = waiting.pop()
        waiting += [((*path, name), each) for name, each in getattr(command, "commands", {}).items()]
        words, is_about_one = list(path), False
        for each in command.params:
            is_execution = "EXECUTION" in str(each.metavar)
            is_about_one |= is_execution
            if each.required or is_execution:
                words += [*([] if each.param_type_name == "argument" else each.opts[:1])]
                words.append("last" if is_execution else "x")
        if is_about_one:
            yield tuple(words)


@pytest.mark.parametrize("words", list(_naming_an_execution()), ids=" ".join)
def test_every_command_knows_the_last_execution(server: Server, words: tuple[str, ...]) -> None:
    server()

    assert run(*words) == (2, ["refused: there is no last execution: none has been started yet"])
