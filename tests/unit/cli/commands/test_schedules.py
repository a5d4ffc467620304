"""`./headrace schedules`: what it asks of the server and what it prints."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.unit.cli.commands.invoking import answer_with, run

SCHEDULE: dict[str, Any] = {
    "schedule_id": "sch_1", "name": "mornings", "workflow": "orders", "workflow_id": "wf_1",
    "rule": {"cron": "30 8 * * 1-5", "timezone": "Europe/Berlin", "inputs": {"n": 1}}, "is_declared": True,
    "state": "active", "next_slot": "2026-06-01T06:30:00.000Z", "next_due_at": "2026-06-01T06:30:00.000Z",
    "last_slot": None, "last_execution_id": None, "last_started_at": None, "runs": 1, "backfilled": 3,
    "triggered": 1, "skipped": 0, "missed": 2, "failed": 1,
    "last_error": "inputs: no\x1b[2J", "waiting": [], "active": [], "backfill": None, "paused_at": None,
    "paused_by": None, "paused_reason": None, "created_at": "c", "updated_at": "u",
}  # fmt: skip
SLOTS = [{"slot": "2026-06-01T06:30:00.000Z", "due_at": "2026-06-01T06:31:00.000Z"}]
DEFINITION = {"inputs": {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"type": "string"}}}}


class Server:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.asked.append((request.method, path))
        if request.method == "POST":
            self.bodies.append(json.loads(request.content))
        match request.method, path.rpartition("/")[2]:
            case "GET", "schedules":
                return httpx2.Response(200, json={"items": [SCHEDULE], "next_cursor": None})
            case "GET", "next":
                return httpx2.Response(200, json={"items": SLOTS})
            case "GET", "orders":
                return httpx2.Response(200, json={"definition": DEFINITION})
            case "POST", "trigger":
                return httpx2.Response(202, json={"execution_id": "e1", "status": "RUNNING"})
            case "POST", "backfill":
                slots = [each["slot"] for each in SLOTS]
                return httpx2.Response(200, json={"count": 3, "slots": slots, "backfill_id": None})
            case "POST", "pause":
                return httpx2.Response(200, json=SCHEDULE | {"state": "paused", "next_slot": None})
            case "DELETE", "mornings":
                return httpx2.Response(204)
            case _:
                return httpx2.Response(200, json=SCHEDULE)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    answer_with(monkeypatch, made.answer)
    return made


def test_a_schedule_is_added_with_inputs_of_their_types(server: Server) -> None:
    code, lines = run(
        "schedules", "add", "orders", "--cron", "30 8 * * 1-5", "--timezone", "Europe/Berlin", "--name",
        "mornings", "-i", "n=1", "-i", "s=1", "--overlap", "buffer_one", "--pause-on-failure",
    )  # fmt: skip

    assert (code, lines) == (0, ["added mornings, next 2026-06-01T06:30:00.000Z"])
    assert server.bodies == [
        {
            "workflow": "orders", "name": "mornings", "cron": "30 8 * * 1-5", "timezone": "Europe/Berlin",
            "inputs": {"n": 1, "s": "1"}, "overlap_policy": "buffer_one", "pause_on_failure": True,
        }
    ]  # fmt: skip


def test_schedules_are_listed_and_shown(server: Server) -> None:
    _, listed = run("schedules")
    code, lines = run("schedules", "get", "mornings")

    assert listed == [
        "mornings  orders  active  30 8 * * 1-5 Europe/Berlin  next 2026-06-01T06:30:00.000Z  5 runs",
        "    last error: inputs: no\\x1b[2J",
    ]
    assert code == 0
    assert (
        "  5 runs: 1 by its times, 3 backfilled, 1 by hand, 0 skipped, 2 missed, 1 could not start" in lines
    )
    assert '  inputs: {"n": 1}' in lines
    assert "\x1b" not in "".join(lines)


def test_the_next_times_are_printed_in_the_zone_of_the_schedule(server: Server) -> None:
    assert run("schedules", "next", "mornings", "-n", "1") == (
        0,
        ["Mon 2026-06-01 08:30:00 +0200  2026-06-01T06:30:00.000Z  due 2026-06-01T06:31:00.000Z"],
    )


def test_it_is_paused_triggered_and_deleted(server: Server) -> None:
    assert run("schedules", "pause", "mornings", "--reason", "audit") == (0, ["paused, next never"])
    assert run("schedules", "trigger", "mornings") == (0, ["e1"])
    assert run("schedules", "resume", "mornings")[0] == 0
    assert run("schedules", "delete", "mornings") == (0, ["deleted mornings"])

    assert server.bodies[0] == {"reason": "audit"}
    assert server.asked[-1] == ("DELETE", "/v1/schedules/mornings")


def test_a_backfill_says_what_it_would_start(server: Server) -> None:
    window = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z")

    assert run("schedules", "backfill", "mornings", *window, "--dry-run") == (
        0,
        ["2026-06-01T06:30:00.000Z", "and 2 more"],
    )
    begun = run("schedules", "backfill", "mornings", *window, "--max-active", "5")
    assert begun[1] == ["starting 3 executions; see ./headrace schedules get mornings"]
    assert run("schedules", "backfill", "mornings", "--stop") == (0, ["stopped"])
    assert run("schedules", "backfill", "mornings")[0] == 2
    assert [body["dry_run"] for body in server.bodies] == [True, False]
