"""The checker counts slots: none is missing, none is started twice, none beside another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import judge
from tests.chaos.history import Clock, History
from tests.chaos.made_ends import fired

CLOCK = Clock("clock", "wf", 1_000, True, 10_500, 15_000, 4, 0, 0, 0, runs=4)
#: One whose slots give way: the one of 12 s did.
TURNS = replace(CLOCK, overlaps=False, runs_until=3, skipped=1, runs=3)


ALL = tuple(fired(second) for second in (11, 12, 13, 14))
GOOD = History(executions=ALL, clocks=(CLOCK,))
GAVE_WAY = History(
    executions=(fired(11, ended_ms=12_500), fired(13), fired(14)),
    clocks=(TURNS,),
)


def test_each_slot_once_is_good() -> None:
    assert judge(GOOD).broken == ()


def test_a_slot_that_gave_way_is_good() -> None:
    assert judge(GAVE_WAY).broken == ()


def test_a_slot_calculated_just_before_the_schedule_was_written_is_good() -> None:
    early = replace(CLOCK, runs_until=5, runs=5)

    assert judge(History(executions=(fired(10), *ALL), clocks=(early,))).broken == ()


def test_what_a_schedule_started_while_it_was_being_paused_is_good() -> None:
    assert judge(History(executions=(*ALL, fired(15)), clocks=(replace(CLOCK, runs=5),))).broken == ()


BAD: dict[str, tuple[Callable[[], History], str]] = {
    "a slot twice": (
        lambda: replace(GOOD, executions=(*ALL, fired(12, execution_id="again"))),
        "was started 2 times: ['x12', 'again']",
    ),
    "a slot in the middle that is missing": (
        lambda: replace(GOOD, executions=(ALL[0], *ALL[2:])),
        "1970-01-01T00:00:12.000Z was never started",
    ),
    "the first slot": (lambda: replace(GOOD, executions=ALL[1:]), "00:00:11.000Z was never started"),
    "the last slots": (lambda: replace(GOOD, executions=ALL[:2]), "00:00:14.000Z was never started"),
    "no slot at all": (lambda: replace(GOOD, executions=()), "00:00:11.000Z was never started"),
    "a time that is no slot": (
        lambda: replace(
            GOOD,
            executions=(
                *ALL,
                fired(13, execution_id="y", trigger={
                    "source": "schedule", "scheduled_time": "1970-01-01T00:00:13.500Z",
                }),
            ),
        ),
        "00:00:13.500Z was started and is no slot of it",
    ),
    "a slot before the schedule was made": (
        lambda: replace(GOOD, executions=(fired(8), *ALL)),
        "00:00:08.000Z was started, which is before it was made",
    ),
    "a start that is not counted": (
        lambda: replace(GOOD, clocks=(replace(CLOCK, runs=3),)),
        "it counts 3 starts, there are 4",
    ),
    "a slot that was missed": (
        lambda: replace(GOOD, clocks=(replace(CLOCK, missed=1),)),
        "1 slots were missed",
    ),
    "a slot that was neither started nor gave way": (
        lambda: replace(GAVE_WAY, clocks=(replace(TURNS, skipped=0),)),
        "4 slots were due until 1970-01-01T00:00:15.000Z, it counts 3 starts and 0 that gave way",
    ),
    "a slot that should have given way": (
        lambda: replace(GAVE_WAY, executions=(fired(11, ended_ms=13_500), fired(13), fired(14))),
        "x13 was started while x11 went on",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_it_finds(name: str) -> None:
    make, wanted = BAD[name]

    broken = judge(make()).broken

    assert any(wanted in what for what in broken), broken


def test_executions_of_other_workflows_and_starts_by_hand_are_no_slots() -> None:
    other, by_hand = fired(11, execution_id="y", workflow_id="else"), fired(11, execution_id="z", trigger={})

    assert judge(replace(GOOD, executions=(*ALL, other, by_hand))).broken == ()
