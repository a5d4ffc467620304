"""The checker looks at items of maps as closely as at nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checker import judge
from tests.chaos.history import Call, EndReply, History, Line
from tests.dags import node, workflow

ITEMS = [{"fail_times": 0}, {"fail_times": 9}]
DOCUMENT = workflow(node("m", handler="record", map={"items": ITEMS, "tolerated_failure_count": 1}))
EVENTS: tuple[tuple[str, str | None, int | None], ...] = (
    ("execution.created", None, None),
    ("execution.started", None, None),
    ("node.queued", "m", 1),
    ("node.started", "m", 1),
    ("node.waiting", "m", 1),
    ("node.queued", "m[0]", 1),
    ("node.queued", "m[1]", 1),
    ("node.started", "m[0]", 1),
    ("node.started", "m[1]", 1),
    ("node.failed", "m[1]", 1),
    ("node.completed", "m[0]", 1),
    ("node.queued", "m", 2),
    ("node.started", "m", 2),
    ("node.completed", "m", 2),
    ("execution.completed", None, None),
)
FIRST = Call("x", "m[0]", 1, "nonce-0", pid=7, start_s=1.0, end_s=2.0, ended="ok")
SECOND = Call("x", "m[1]", 1, "nonce-1", pid=7, start_s=1.0, end_s=2.0, ended="fail")
OUTPUT = [
    {"index": 0, "status": "COMPLETED", "output": {"nonce": "nonce-0", "attempt": 1}},
    {"index": 1, "status": "FAILED", "error": {"type": "HandlerError"}},
]
GOOD = EndReply(
    "x",
    DOCUMENT,
    "COMPLETED",
    {"m": "COMPLETED"},
    {"m": OUTPUT},
    tuple(Line(seq, *event) for seq, event in enumerate(EVENTS, 1)),
)


def history(ended: EndReply = GOOD, *calls: Call) -> History:
    return History(calls=calls or (FIRST, SECOND), executions=(ended,))


def with_output(*rows: Any) -> EndReply:
    return replace(GOOD, outputs={"m": list(rows)})


def with_lines(change: Callable[[Line], Line]) -> EndReply:
    return replace(GOOD, lines=tuple(change(line) for line in GOOD.lines))


def completed_instead(line: Line) -> Line:
    return replace(line, type="node.completed") if line.type == "node.failed" else line


def test_a_map_that_kept_every_promise_is_passed() -> None:
    assert judge(history()).broken == ()


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (history(with_output({**OUTPUT[0], "output": {"nonce": "other"}}, OUTPUT[1])), "which no call gave"),
        (history(GOOD, FIRST, SECOND, replace(FIRST, nonce="twice")), "m[0] ran 1 times too often"),
        (history(with_lines(completed_instead)), "m[1] ended COMPLETED, not FAILED"),
        (
            history(GOOD, FIRST, SECOND, replace(SECOND, attempt=2, nonce="late")),
            "m[1] ran 1 times too often",
        ),
    ],
)
def test_what_is_wrong_with_an_item_is_noticed(found: History, says: str) -> None:
    assert any(says in what for what in judge(found).broken), judge(found).broken
