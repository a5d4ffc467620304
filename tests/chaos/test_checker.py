"""The checker finds what it is there to find: a checker that never fails is worth nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import judge
from tests.chaos.history import Call, EndReply, History, Line, Sample, Strike
from tests.dags import node, workflow

DOCUMENT = workflow(node("a", handler="record"), node("b", after=["a"], handler="record"))
LINES = (
    Line(1, "execution.created"),
    Line(2, "execution.started"),
    Line(3, "node.queued", "a", 1),
    Line(4, "node.started", "a", 1),
    Line(5, "node.completed", "a", 1),
    Line(6, "node.queued", "b", 1),
    Line(7, "node.started", "b", 1),
    Line(8, "node.completed", "b", 1),
    Line(9, "execution.completed"),
)
A = Call("x", "a", 1, "nonce-a", pid=7, start_s=1.0, end_s=2.0, ended="ok")
B = Call("x", "b", 1, "nonce-b", pid=7, start_s=3.0, end_s=4.0, ended="ok")
ENDED = EndReply(
    "x",
    DOCUMENT,
    "COMPLETED",
    {"a": "COMPLETED", "b": "COMPLETED"},
    {"a": {"nonce": "nonce-a"}, "b": {"nonce": "nonce-b"}},
    LINES,
)
GOOD = History(calls=(A, B), executions=(ENDED,), samples=(Sample("x", "COMPLETED", ENDED.outputs),))
#: What a run looks like in which the worker of `b` was lost once.
LOST_LINES = (
    *LINES[:7],
    Line(8, "node.queued", "b", 2),
    Line(9, "node.started", "b", 2),
    Line(10, "node.completed", "b", 2),
    Line(11, "execution.completed"),
)
SECOND_B = Call("x", "b", 2, "nonce-b2", pid=8, start_s=6.0, end_s=7.0, ended="ok")
LOST = replace(ENDED, lines=LOST_LINES, outputs={"a": {"nonce": "nonce-a"}, "b": {"nonce": "nonce-b2"}})
RECOVERED = History(
    calls=(A, replace(B, end_s=None, ended=None), SECOND_B),
    strikes=(Strike("kill", 7, 3.5),),
    executions=(LOST,),
)


def with_lines(*lines: Line) -> History:
    return replace(GOOD, executions=(replace(ENDED, lines=lines),))


def renumbered(*lines: Line) -> History:
    return with_lines(*(replace(line, seq=number) for number, line in enumerate(lines, 1)))


def test_a_good_history_breaks_nothing() -> None:
    verdict = judge(GOOD)

    assert verdict.broken == ()
    assert (verdict.calls, verdict.duplicates) == (2, 0)


def test_a_call_lost_with_its_worker_is_an_excused_duplicate() -> None:
    verdict = judge(RECOVERED)

    assert verdict.broken == ()
    assert (verdict.duplicates, verdict.excused) == (1, 1)


def test_a_late_result_of_a_stopped_worker_is_excused_too() -> None:
    late = replace(B, end_s=9.0, ended="ok")

    verdict = judge(replace(RECOVERED, calls=(A, SECOND_B, late), strikes=(Strike("stop", 7, 3.5),)))

    assert verdict.broken == ()


def test_a_call_that_began_late_because_its_worker_was_stopped_after_the_claim_is_excused() -> None:
    late = replace(B, start_s=8.0, end_s=9.0)

    verdict = judge(replace(RECOVERED, calls=(A, SECOND_B, late), strikes=(Strike("stop", 7, 3.5),)))

    assert verdict.broken == ()


def test_a_call_that_began_just_after_its_worker_was_told_to_end_is_excused() -> None:
    late = replace(SECOND_B, start_s=60.0, end_s=61.0)
    history = replace(RECOVERED, calls=(A, replace(B, end_s=3.6, ended="stopped"), late))

    assert judge(replace(history, strikes=(Strike("term", 7, 2.9),))).broken == ()
    assert judge(replace(history, strikes=(Strike("term", 7, 1.9),))).broken != ()


BAD: dict[str, tuple[Callable[[], History], str]] = {
    "a duplicate nobody was struck for": (
        lambda: replace(RECOVERED, strikes=()),
        "b ran 1 times too often, 0 explained",
    ),
    "a duplicate, and only another worker was struck": (
        lambda: replace(RECOVERED, strikes=(Strike("kill", 99, 3.5),)),
        "b ran 1 times too often",
    ),
    "a strike after the replacement explains nothing": (
        lambda: replace(RECOVERED, strikes=(Strike("kill", 7, 6.5),)),
        "b ran 1 times too often",
    ),
    "a gap in the history": (lambda: with_lines(*LINES[:5], *LINES[6:]), "event ids are not dense"),
    "an event twice": (lambda: with_lines(*LINES[:5], LINES[4], *LINES[5:]), "event ids are not dense"),
    "no creation": (lambda: renumbered(*LINES[1:]), "the first event is"),
    "two ends": (lambda: renumbered(*LINES, LINES[-1]), "'execution.completed', 'execution.completed'"),
    "no end": (lambda: renumbered(*LINES[:-1]), "the last event is"),
    "the history ends otherwise than the status": (
        lambda: renumbered(*LINES[:-1], Line(9, "execution.failed")),
        "ended COMPLETED with ['execution.failed']",
    ),
    "it never ended": (
        lambda: replace(GOOD, executions=(replace(ENDED, status="RUNNING"),), samples=()),
        "ended RUNNING, not COMPLETED",
    ),
    "a node never ended": (
        lambda: replace(GOOD, executions=(replace(ENDED, nodes={"a": "COMPLETED", "b": "QUEUED"}),)),
        "b ended QUEUED, not COMPLETED",
    ),
    "a node moved after its end": (
        lambda: renumbered(*LINES[:5], Line(6, "node.queued", "a", 2), *LINES[5:]),
        "node.queued of a after it was COMPLETED",
    ),
    "a fenced attempt started": (
        lambda: renumbered(*LINES[:6], Line(7, "node.queued", "b", 2), *LINES[6:]),
        "b started attempt 1 while 2 was the current one",
    ),
    "an attempt number twice": (
        lambda: renumbered(*LINES[:6], Line(7, "node.queued", "b", 1), *LINES[6:]),
        "b was queued as attempt 1 after 1",
    ),
    "a node started before its dependency ended": (
        lambda: renumbered(*LINES[:4], *LINES[5:7], LINES[4], *LINES[7:]),
        "b started before ['a'] ended",
    ),
    "a handler called before its dependency's had ended": (
        lambda: replace(GOOD, calls=(replace(A, end_s=3.5), B)),
        "b was called before any call of a had ended",
    ),
    "an output nobody gave": (
        lambda: replace(
            GOOD, executions=(replace(ENDED, outputs={**ENDED.outputs, "b": {"nonce": "x"}}),), samples=()
        ),
        "which no call gave",
    ),
    "an output of a call that failed": (
        lambda: replace(GOOD, calls=(A, replace(B, ended="fail"))),
        "b has the output of attempt 1 (fail)",
    ),
    "the output of a fenced attempt": (
        lambda: replace(RECOVERED, executions=(replace(LOST, outputs=ENDED.outputs),)),
        "b has the output of attempt 1",
    ),
    "a call after the node was completed": (
        lambda: replace(GOOD, calls=(A, B, SECOND_B), strikes=(Strike("kill", 7, 3.5),)),
        "b ran attempt 2 after attempt 1 had completed it",
    ),
    "a call of an attempt that was never started": (
        lambda: replace(GOOD, calls=(A, replace(B, attempt=0))),
        "b ran attempt 0, which never started",
    ),
    "one attempt twice": (
        lambda: replace(GOOD, calls=(A, B, replace(B, nonce="again")), strikes=(Strike("stop", 7, 3.0),)),
        "b ran one attempt twice",
    ),
    "a status that changed": (
        lambda: replace(GOOD, samples=(Sample("x", "FAILED", {}),)),
        "was FAILED and is COMPLETED",
    ),
    "an output that changed": (
        lambda: replace(GOOD, samples=(Sample("x", None, {"a": {"nonce": "other"}}),)),
        "the output of a was",
    ),
    "an execution that vanished": (
        lambda: replace(GOOD, samples=(Sample("y", None, {}),)),
        "y: was seen and is gone",
    ),
    "a call of no execution": (
        lambda: replace(GOOD, calls=(A, B, replace(A, execution_id="y"))),
        "y: unknown, yet its handler ran",
    ),
    "a handler of a skipped node": (
        lambda: replace(
            GOOD, executions=(replace(ENDED, nodes={"a": "COMPLETED", "b": "SKIPPED"}),)
        ),
        "b is SKIPPED, but its handler ran",
    ),
    "a lease left behind": (lambda: replace(GOOD, left_behind=("at rest, a lease",)), "at rest, a lease"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_it_finds(name: str) -> None:
    make, wanted = BAD[name]

    broken = judge(make()).broken

    assert any(wanted in what for what in broken), broken


def test_what_was_seen_within_a_span_of_lost_writes_may_change() -> None:
    seen = (Sample("x", "FAILED", {}, at_s=5.0),)

    assert not judge(replace(GOOD, samples=seen, losses=((4.0, 6.0),))).broken
    assert judge(replace(GOOD, samples=seen, losses=((5.5, 7.5),))).broken
