"""The checker holds children to their parents, and looks at each life of what went on in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import judge
from tests.chaos.history import Call, EndReply, History, Line
from tests.chaos.nested_workload import parent
from tests.dags import node, workflow

CHILD_DOCUMENT = workflow(node("x", handler="record"), name="child")
DOCUMENT = workflow(parent("s", CHILD_DOCUMENT), name="parent")
CALL = Call("c", "x", 1, "nonce-x", pid=7, start_s=1.0, end_s=2.0, ended="ok")


def lines(*rows: tuple[str, str | None, int | None]) -> tuple[Line, ...]:
    return tuple(Line(seq, *row) for seq, row in enumerate(rows, 1))


BEGIN = (("execution.created", None, None), ("execution.started", None, None))
CHILD = EndReply(
    "c",
    CHILD_DOCUMENT,
    "COMPLETED",
    {"x": "COMPLETED"},
    {"x": {"nonce": "nonce-x"}},
    lines(
        *BEGIN,
        ("node.queued", "x", 1),
        ("node.started", "x", 1),
        ("node.completed", "x", 1),
        ("execution.completed", None, None),
    ),
    parent=("p", "s"),
    ended_ms=5,
)
PARENT = EndReply(
    "p",
    DOCUMENT,
    "COMPLETED",
    {"s": "COMPLETED"},
    {"s": {"x": {"nonce": "nonce-x"}}},
    lines(
        *BEGIN,
        ("node.queued", "s", 1),
        ("node.started", "s", 1),
        ("node.waiting", "s", 1),
        ("node.queued", "s", 2),
        ("node.started", "s", 2),
        ("node.completed", "s", 2),
        ("execution.completed", None, None),
    ),
    children=(("c", "s"),),
    ended_ms=6,
)
GOOD = History(calls=(CALL,), executions=(PARENT, CHILD))


def with_parent(**fields: object) -> History:
    return replace(GOOD, executions=(replace(PARENT, **fields), CHILD))  # type: ignore[arg-type]


def with_child(**fields: object) -> History:
    return replace(GOOD, executions=(PARENT, replace(CHILD, **fields)))  # type: ignore[arg-type]


def test_a_parent_and_its_child_as_they_should_be_break_no_promise() -> None:
    assert judge(GOOD).broken == ()


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (lambda: with_parent(children=(("c", "s"), ("d", "s"))), "s has 2 children"),
        (lambda: with_parent(children=()), "s ended COMPLETED without a child"),
        (lambda: with_parent(children=(("c", "s"), ("c", "t"))), "t has a child it never asked for"),
        (lambda: replace(GOOD, executions=(PARENT,)), "c, the child of s, is gone"),
        (lambda: with_child(parent=("q", "s")), "names ('q', 's') as its parent"),
        (lambda: with_child(status="RUNNING"), "is still RUNNING"),
        (lambda: with_child(status="FAILED"), "s ended COMPLETED, its child FAILED"),
        (lambda: with_child(ended_ms=7), "ended after its parent"),
        (lambda: with_parent(outputs={"s": {"x": {"nonce": "other"}}}), "s put out"),
        (
            lambda: with_child(document={**CHILD_DOCUMENT, "output": {"n": "{{ x.nonce }}"}}),
            "put out None, not",
        ),
    ],
)
def test_what_is_wrong_with_a_child_is_found(broken: Callable[[], History], what: str) -> None:
    found = judge(broken()).broken

    assert any(what in each for each in found), found


FAILED_DOCUMENT = workflow(
    node("good", handler="record"), node("bad", handler="record", config={"fail_times": 9})
)
LIVES = (
    *BEGIN,
    ("node.queued", "good", 1),
    ("node.queued", "bad", 1),
    ("node.started", "good", 1),
    ("node.completed", "good", 1),
    ("node.started", "bad", 1),
    ("node.failed", "bad", 1),
    ("execution.failed", None, None),
    ("execution.retried", None, None),
    ("node.queued", "bad", 2),
    ("node.started", "bad", 2),
    ("node.failed", "bad", 2),
    ("execution.failed", None, None),
)
TWICE = EndReply(
    "p",
    FAILED_DOCUMENT,
    "FAILED",
    {"good": "COMPLETED", "bad": "FAILED"},
    {"good": {"nonce": "g"}, "bad": None},
    lines(*LIVES),
)
CALLS = (
    Call("p", "good", 1, "g", pid=7, start_s=1.0, end_s=2.0, ended="ok"),
    Call("p", "bad", 1, "b1", pid=7, start_s=1.0, end_s=2.0, ended="fail"),
    Call("p", "bad", 2, "b2", pid=7, start_s=3.0, end_s=4.0, ended="fail"),
)


def lived(*rows: tuple[str, str | None, int | None], calls: tuple[Call, ...] = CALLS) -> History:
    return History(calls=calls, executions=(replace(TWICE, lines=lines(*rows)),))


def test_an_execution_that_went_on_in_place_breaks_no_promise() -> None:
    verdict = judge(lived(*LIVES))

    assert (verdict.broken, verdict.duplicates) == ((), 0)


def test_what_had_completed_may_not_run_in_another_life() -> None:
    again = (*LIVES[:10], ("node.queued", "good", 2), *LIVES[10:])

    assert any("node.queued of good after it was COMPLETED" in each for each in judge(lived(*again)).broken)


def test_an_end_is_followed_by_nothing_but_another_life() -> None:
    found = judge(lived(*LIVES[:9], *LIVES[10:])).broken

    assert any("node.queued after execution.failed" in each for each in found)


def test_a_call_too_many_in_another_life_is_found() -> None:
    third = Call("p", "bad", 3, "b3", pid=7, start_s=5.0, end_s=6.0, ended="fail")

    assert any(
        "bad ran 1 times too often" in each for each in judge(lived(*LIVES, calls=(*CALLS, third))).broken
    )
