"""`./headrace trigger`, `cancel`, `list`, `show`, `explain`: what they ask the server and print."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

NODES = [
    {"node_id": "fetch", "status": "COMPLETED", "started_at": "2026-11-21T09:00:00.000Z",
     "ended_at": "2026-11-21T09:00:01.500Z"},
    {"node_id": "check", "status": "FAILED", "reason": "error", "try": 3, "max_attempts": 3,
     "error": {"type": "Http.5xx", "message": "HTTP 503\x1b[2J",
               "details": {"status": 503, "traceback": 'File "steps.py", line 7, in check\n    call()'}}},
    {"node_id": "wait", "status": "WAITING", "waiting_on": "delay", "due_at": "2026-11-22T09:00:00.000Z"},
    {"node_id": "each", "status": "WAITING", "waiting_on": "map",
     "items": {"total": 5, "completed": 3, "failed": 1}},
    {"node_id": "end", "status": "SKIPPED", "reason": "upstream_failed"},
    {"node_id": "leave", "status": "FAILED", "reason": "error",
     "error": {"type": "HandlerCrashed", "message": "the handler's process ended: SIGKILL",
               "details": {"signal": "SIGKILL", "last_lines": ["loading\x1b[2J", "out of memory"]}}},
]  # fmt: skip
EXECUTION = {
    "execution_id": "e1", "name": "order", "status": "PAUSED", "created_at": "2026-11-21T09:00:00.000Z",
    "started_at": "2026-11-21T09:00:00.000Z", "ended_at": "2026-11-21T09:01:00.000Z", "inputs": {"n": 1},
    "paused": {"by": "ann", "reason": "a look", "since": "2026-11-21T09:00:02.000Z"}, "nodes": NODES,
    "quiesced": True, "generation": 1,
}  # fmt: skip
EXPLAINED = {
    "node_id": "wait", "status": "WAITING", "waiting_for": "the end of its delay", "wakes": "its timer",
}  # fmt: skip


class Server:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.statuses_asked: list[str] = []
        self.done: dict[str, Any] = {"execution_id": "e1", "status": "RUNNING", "already": False}

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if request.method == "POST":
            self.asked.append((path, json.loads(request.content)))
            return httpx2.Response(202, json=self.done)
        self.asked.append((path, dict(request.url.params)))
        if path == "/v1/executions":
            self.statuses_asked = request.url.params.get_list("status")
            is_other = request.url.params.get("name") == "none" or "text" in request.url.params
            items = [] if is_other else [EXECUTION]
            return httpx2.Response(200, json={"items": items, "next_cursor": None})
        if path.endswith("/e1/definition"):
            return httpx2.Response(200, json={"inputs": {"properties": {"id": {"type": "string"}}}})
        if path.endswith("/e1/explain"):
            return httpx2.Response(200, json={"items": [EXPLAINED]})
        if path.endswith("/e1"):
            return httpx2.Response(200, json=EXECUTION)
        return httpx2.Response(404, json={"code": "EXECUTION_NOT_FOUND", "detail": "no such execution"})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    answer_with(monkeypatch, made.answer)
    return made


def test_trigger_sends_inputs_and_says_whether_it_had_been_started(server: Server) -> None:
    assert run("trigger", "e1") == (0, ["RUNNING"])
    assert run("trigger", "e1", "-i", "n=1", "-i", "who=ann", "-i", "id=1") == (0, ["RUNNING"])
    server.done["already"] = True
    assert run("trigger", "e1") == (0, ["already RUNNING"])
    assert [json.loads(line) for line in run("trigger", "e1", "--json")[1]] == [server.done]
    assert server.asked[:3] == [
        ("/v1/executions/e1/trigger", {}),
        ("/v1/executions/e1/definition", {}),
        ("/v1/executions/e1/trigger", {"inputs": {"n": 1, "who": "ann", "id": "1"}}),
    ]
    assert run("trigger", "e1", "-i", "n")[0] == 2


@pytest.mark.parametrize(
    ("given", "sent"), [("0", 0), ("1.5", 1.5), ("5m", "5m"), ("nan", "nan"), ("soon", "soon")]
)
def test_cancel_sends_a_grace_for_the_server_to_judge(server: Server, given: str, sent: Any) -> None:
    code, lines = run("cancel", "e1", "--grace", given, "--reason", "enough")

    assert code == 0
    assert lines == ["RUNNING, being cancelled: running attempts may finish within the grace"]
    assert server.asked == [("/v1/executions/e1/cancel", {"grace": sent, "reason": "enough"})]


def test_cancel_says_when_that_was_the_end(server: Server) -> None:
    server.done["status"] = "CANCELLED"

    assert run("cancel", "e1") == (0, ["CANCELLED"])
    assert server.asked == [("/v1/executions/e1/cancel", {})]


def test_the_list_is_filtered_by_the_server(server: Server) -> None:
    assert run("list") == (0, ["e1  order  2026-11-21T09:00:00.000Z  PAUSED  60 s"])
    assert run("list", "--status", "paused", "--name", "none") == (0, ["no matching executions"])
    assert server.asked == [
        ("/v1/executions", {"limit": "21"}),
        ("/v1/executions", {"limit": "21", "status": "PAUSED", "name": "none"}),
    ]


def test_a_list_says_why_executions_have_failed_and_that_there_are_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed = {"name": "order", "status": "FAILED", "created_at": "2026-11-21T09:00:00.000Z"}
    cause = {"node_id": "charge", "error": {"type": "Card.Declined", "message": "no  money\n" + "x" * 200}}

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/executions":
            late = {**failed, "execution_id": "e2", "error": {"type": "Timeout.Execution", "message": "late"}}
            items = [{**failed, "execution_id": "e1"}, late, {**failed, "execution_id": "e3"}]
            return httpx2.Response(200, json={"items": items, "next_cursor": None})
        assert request.url.path == "/v1/executions/e1"
        whole = {**failed, "execution_id": "e1", "root_causes": [cause], "nodes": []}
        return httpx2.Response(200, json=whole)

    answer_with(monkeypatch, answer)

    code, lines = run("list", "--limit", "2")

    assert code == 0
    assert lines[0].startswith(
        "e1  order  2026-11-21T09:00:00.000Z  FAILED (charge: Card.Declined: no money xx"
    )
    assert lines[0].endswith("x… (232 characters))")
    assert lines[1].endswith("FAILED (Timeout.Execution: late)")
    assert lines[2] == "… older ones are not shown; --limit 20 shows more"


def test_a_list_counts_the_nodes_of_which_an_execution_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {
        "execution_id": "e1",
        "name": "order",
        "status": "FAILED",
        "created_at": "2026-11-21T09:00:00.000Z",
    }
    causes = [{"node_id": each, "error": {"type": "Late", "message": "no"}} for each in ("b", "a")]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/executions":
            return httpx2.Response(200, json={"items": [row], "next_cursor": None})
        return httpx2.Response(200, json={**row, "root_causes": causes, "nodes": []})

    answer_with(monkeypatch, answer)

    assert run("list")[1][0].endswith("FAILED (2 nodes failed; first b: Late: no)")


def test_the_list_is_narrowed_by_several_statuses_by_text_and_to_roots(server: Server) -> None:
    assert run("list", "--status", "paused", "--status", "FAILED", "--text", "nightly", "--roots") == (
        0,
        ["no matching executions"],
    )
    assert server.statuses_asked == ["PAUSED", "FAILED"]
    ((path, query),) = server.asked
    assert (path, query["text"], query["parent"]) == ("/v1/executions", "nightly", "none")


def test_the_list_is_narrowed_to_what_ended_in_a_time(server: Server) -> None:
    code, _ = run("list", "--ended-since", "2026-11-21T02:00", "--ended-until", "2026-11-21T06:00")

    assert code == 0
    ((_, query),) = server.asked
    assert (query["ended_after"], query["ended_before"]) == ("2026-11-21T02:00:00Z", "2026-11-21T06:00:00Z")


def test_what_is_shown_as_json_is_all_the_server_said(server: Server) -> None:
    for command in (("list", "--json"), ("show", "e1", "--json")):
        code, lines = run(*command)
        assert (code, [json.loads(line) for line in lines]) == (0, [EXECUTION])
    assert [json.loads(line) for line in run("explain", "e1", "--json")[1]] == [EXPLAINED]


def test_an_execution_is_shown_with_where_each_node_stands(server: Server) -> None:
    assert run("show", "e1") == (
        0,
        [
            "order e1",
            "  PAUSED  60 s",
            "  paused by ann, since 2026-11-21T09:00:02.000Z, a look",
            "  created 2026-11-21T09:00:00.000Z",
            '  inputs {"n": 1}',
            "  ✓ fetch  COMPLETED  1.5 s",
            "  ✗ check  FAILED     try 3 of 3  Http.5xx: HTTP 503\\x1b[2J",
            '      details {"status": 503}',
            '      File "steps.py", line 7, in check',
            "          call()",
            "  ◷ wait   WAITING    on delay until 2026-11-22T09:00:00.000Z",
            "  ◷ each   WAITING    on map  3 of 5 items, 1 failed",
            "  ↷ end    SKIPPED    upstream_failed",
            "  ✗ leave  FAILED     HandlerCrashed: the handler's process ended: SIGKILL",
            '      details {"signal": "SIGKILL"}',
            "      | loading\\x1b[2J",
            "      | out of memory",
        ],
    )


def test_an_explanation_says_what_is_waited_for_and_what_ends_it(server: Server) -> None:
    assert run("explain", "e1") == (
        0,
        ["wait  WAITING", "  waits for  the end of its delay", "  woken by   its timer"],
    )


@pytest.mark.parametrize("command", ["show", "explain"])
def test_an_unknown_id_is_refused(server: Server, command: str) -> None:
    assert run(command, "e2") == (
        2,
        ["refused: no execution 'e2' at http://localhost:8000; see ./headrace list"],
    )


def test_the_time_of_a_retried_execution_says_what_is_in_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXECUTION, "generation", 2)

    _, lines = run("show", "e1")

    assert lines[1] == "  PAUSED  60 s, with the time between its end and its retry"
