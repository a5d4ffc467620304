"""The checker judges what its retention has purged by its calls, and knows what else may be gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import judge
from tests.chaos.history import Call, Expired, History, Strike
from tests.dags import condition, node, workflow

DOCUMENT = workflow(
    node("a", handler="record"),
    condition("choose", after=["a"], true=["yes"], false=["no"]),
    node("yes", after=["a", "choose"], handler="record"),
    node("no", after=["choose"], handler="record"),
    retention="8s",
)
A = Call("x", "a", 1, "nonce-a", pid=7, start_s=1.0, end_s=2.0, ended="ok")
YES = Call("x", "yes", 1, "nonce-yes", pid=7, start_s=3.0, end_s=4.0, ended="ok")
NO = replace(YES, node_id="no", nonce="nonce-no")
GOOD = History(calls=(A, YES), expired=(Expired("x", DOCUMENT),), accepted={"x": 0.5})


def test_what_ran_as_it_should_is_good() -> None:
    assert judge(GOOD).broken == ()
    assert judge(GOOD).calls == 2


def test_a_call_lost_with_its_worker_is_excused() -> None:
    lost = replace(A, end_s=None, ended=None)
    second = replace(A, attempt=2, nonce="nonce-a2", pid=8, start_s=1.8, end_s=2.5)

    verdict = judge(replace(GOOD, calls=(lost, second, YES), strikes=(Strike("kill", 7, 1.5),)))

    assert verdict.broken == ()
    assert (verdict.duplicates, verdict.excused) == (1, 1)


def test_what_redis_has_lost_may_be_unknown_or_gone() -> None:
    stray = replace(A, execution_id="y", start_s=9.5)
    history = replace(GOOD, calls=(A, YES, stray), accepted={"x": 0.5, "y": 9.0})

    assert judge(replace(history, losses=((8.0, 10.0),))).broken == ()
    assert sorted(judge(history).broken) == [
        "y: unknown, yet its handler ran",
        "y: was accepted and is gone",
    ]


BAD: dict[str, tuple[Callable[[], History], str]] = {
    "a node that never ran": (
        lambda: replace(GOOD, calls=(A,)),
        "x: yes must have completed, and no call of it did",
    ),
    "a node none of whose calls came to its end": (
        lambda: replace(GOOD, calls=(replace(A, ended=None, end_s=None), YES)),
        "x: a must have completed, and no call of it did",
    ),
    "a node that ran in the branch that was not taken": (
        lambda: replace(GOOD, calls=(A, YES, NO)),
        "x: no must have been skipped, but its handler ran",
    ),
    "a node that ran too early": (
        lambda: replace(GOOD, calls=(A, replace(YES, start_s=1.5))),
        "x: yes was called before any call of a had ended",
    ),
    "a duplicate nobody was struck for": (
        lambda: replace(GOOD, calls=(A, replace(A, attempt=2, nonce="again"), YES)),
        "x: a ran 1 times too often, 0 explained",
    ),
    "an execution that was accepted and never seen again": (
        lambda: replace(GOOD, accepted={"x": 0.5, "y": 9.0}),
        "y: was accepted and is gone",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_it_finds(name: str) -> None:
    make, wanted = BAD[name]

    broken = judge(make()).broken

    assert any(wanted in what for what in broken), broken
