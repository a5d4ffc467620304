"""`./headrace watch`: the exit code tells the result, and a refusal tells every problem."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from cli.commands.api_call import refusal
from cli.commands.watch import exit_code
from headrace.errors import ApiError
from headrace.values import Execution
from tests.unit.cli.commands.invoking import answer_with, run


@pytest.mark.parametrize(
    ("status", "cancelling", "code"),
    [
        ("COMPLETED", None, 0),
        ("FAILED", None, 1),
        ("FAILED", "fail_fast", 1),
        ("CANCELLED", "user", 3),
        ("FAILED", "timeout", 4),
    ],
)
def test_the_exit_code_tells_the_result(status: str, cancelling: str | None, code: int) -> None:
    assert exit_code(Execution("e1", "demo", status, cancelling=cancelling)) == code


def test_watching_that_is_given_up_is_no_execution_that_timed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/events"):
            return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=silence())
        view = {"execution_id": "e1", "name": "demo", "status": "RUNNING", "nodes": []}
        return httpx2.Response(200, json=view)

    answer_with(monkeypatch, answer)

    code, lines = run("watch", "0190a2c8-0000-7000-8000-000000000000", "--timeout", "0")

    assert code == 124
    assert " after 0 s; continue: ./headrace watch " in lines[-1]


def test_a_refusal_lists_every_problem_with_its_place_and_hint() -> None:
    problems = [
        {"path": "nodes[0].foo", "message": "unknown field 'foo'", "line": 5, "column": 10},
        {"path": "nodes[1]", "message": "unknown handler 'htpp'", "hint": "did you mean 'http'?"},
        {"path": "inputs", "message": "'inputs': 'text' is missing"},
    ]

    lines = refusal(ApiError(400, {"detail": "3 problems", "errors": problems})).splitlines()

    assert lines == [
        "refused: 3 problems",
        "  nodes[0].foo (line 5, column 10): unknown field 'foo'",
        "  nodes[1]: unknown handler 'htpp'; did you mean 'http'?",
        "  'inputs': 'text' is missing",
    ]


def test_a_refusal_without_problems_is_its_detail() -> None:
    assert refusal(ApiError(409, {"detail": "it is COMPLETED"})) == "refused: it is COMPLETED"
