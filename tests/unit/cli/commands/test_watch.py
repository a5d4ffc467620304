"""`./headrace watch`: the exit code tells the result, and a refusal tells every problem."""

from __future__ import annotations

import pytest

from cli.commands.api_call import refusal
from cli.commands.watch import exit_code
from headrace.errors import ApiError
from headrace.values import Execution


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
