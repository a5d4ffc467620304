"""What events and a record say of the attempts of a unit."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest

from orchestrator.execution.attempts import (
    LOGS_SHOWN,
    MOST_ATTEMPTS,
    Attempt,
    Outcome,
    attempts_of,
    is_first,
    is_of,
)
from orchestrator.execution.model import Event, NodeState
from orchestrator.states import NodeStatus, WaitingOn

N = NodeStatus
BROKEN = {"type": "Broken", "message": "it broke", "retryable": True}


class Told:
    """Makes a history of A, one event a second."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, kind: str, attempt: int, item: int | None = None, **data: Any) -> Told:
        seq = len(self.events) + 1
        body = orjson.dumps(data)
        self.events.append(Event(seq, f"node.{kind}", "x", "A", attempt, seq * 1_000, body, item))
        return self

    def begun(self, attempt: int, worker: str = "w1", **data: Any) -> Told:
        return self("queued", attempt, **data)("started", attempt, worker=worker)

    def attempts(self, state: NodeState | None = None, *, is_whole: bool = True) -> list[Attempt]:
        state = state or NodeState("A", status=N.RUNNING, attempt=self.events[-1].attempt or 1)
        return attempts_of(self.events, state, is_whole=is_whole)


@pytest.fixture
def told() -> Told:
    return Told()


def summary(attempts: list[Attempt]) -> list[tuple[int, int | None, str, str | None]]:
    return [(each.number, each.try_number, str(each.outcome), each.cause) for each in attempts]


def test_a_failed_attempt_and_the_one_after_it(told: Told) -> None:
    told.begun(1)("retrying", 1, delay_ms=4_000, error=BROKEN).begun(2, "w2", cause="back_off")(
        "completed", 2
    )

    first, second = told.attempts()

    assert first == Attempt(
        1, Outcome.RETRYING, try_number=1, queued_ms=1_000, started_ms=2_000, ended_ms=3_000, worker="w1",
        error=BROKEN, next_try_ms=7_000,
    )  # fmt: skip
    assert second == Attempt(
        2, Outcome.COMPLETED, try_number=2, cause="back_off", queued_ms=4_000, started_ms=5_000,
        ended_ms=6_000, worker="w2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "outcome"), [("lease_lost", "lost"), ("drain", "drained"), ("staging", "waiting")]
)
def test_what_is_not_charged_is_the_same_try_again(told: Told, cause: str, outcome: str) -> None:
    told.begun(1).begun(2, cause=cause)("failed", 2, error=BROKEN)

    assert summary(told.attempts()) == [(1, 1, outcome, None), (2, 1, "failed", cause)]
    assert told.attempts()[0].ended_ms == 3_000


def test_a_worker_lost_again_is_followed_after_a_hold(told: Told) -> None:
    told.begun(1).begun(2, cause="lease_lost")("waiting", 2, waiting_on="hold", cause="lease_lost")
    told.begun(3, cause="hold")

    assert summary(told.attempts()) == [
        (1, 1, "lost", None), (2, 1, "lost", "lease_lost"), (3, 1, "running", "hold"),
    ]  # fmt: skip


def test_a_task_that_no_worker_took_was_no_try(told: Told) -> None:
    told("queued", 1)("waiting", 1, waiting_on="worker").begun(2, cause="worker")

    first, second = told.attempts()

    assert (first.outcome, first.try_number, first.waiting_on) == (Outcome.WAITING, None, "worker")
    assert (second.try_number, second.cause) == (1, "worker")


def test_a_pause_takes_tasks_back(told: Told) -> None:
    told("queued", 1)("held", 1, cause="claimed").begun(2, cause="resume")("held", 2, cause="drain")
    told.begun(3, cause="resume")

    assert summary(told.attempts()) == [
        (1, None, "held", None), (2, 1, "drained", "resume"), (3, 1, "running", "resume"),
    ]  # fmt: skip


def test_waits_follow_one_another(told: Told) -> None:
    told.begun(1)("waiting", 1, waiting_on="child", child="c")
    told.begun(2, cause="child", child="c", status="FAILED")("retrying", 2, delay_ms=0, error=BROKEN)
    told.begun(3, cause="back_off")("waiting", 3, waiting_on="child", child="d")

    assert summary(told.attempts()) == [
        (1, 1, "waiting", None), (2, 1, "retrying", "child"), (3, 2, "waiting", "back_off"),
    ]  # fmt: skip
    assert [each.ended_ms for each in told.attempts()] == [4_000, 6_000, None]


@pytest.mark.parametrize("on", ["delay", "signal", "approval"])
def test_a_wait_that_is_over_has_ended_its_attempt(told: Told, on: str) -> None:
    told.begun(1)("waiting", 1, waiting_on=on)
    (waiting,) = told.attempts()
    told("completed", 1, by="ann")
    (over,) = told.attempts()

    assert (waiting.outcome, waiting.waiting_on, waiting.ended_ms) == (Outcome.WAITING, on, None)
    assert (over.outcome, over.waiting_on, over.ended_ms) == (Outcome.COMPLETED, None, 4_000)
    assert waiting.waiting_since_ms == over.waiting_since_ms == 3_000, "what came before was work"


def test_a_signal_that_was_there_before_costs_no_try(told: Told) -> None:
    told.begun(1).begun(2, cause="signal")("completed", 2)

    assert summary(told.attempts()) == [(1, 1, "waiting", None), (2, 1, "completed", "signal")]


def test_an_operator_who_is_asked_gives_all_tries_again(told: Told) -> None:
    told.begun(1)("waiting", 1, waiting_on="operator", error=BROKEN).begun(2, cause="resume")

    first, second = told.attempts()

    assert (first.outcome, first.error, first.waiting_on) == (Outcome.WAITING, BROKEN, "operator")
    assert (second.number, second.try_number) == (2, 1)


def test_an_end_by_hand_says_who(told: Told) -> None:
    told.begun(1)("retrying", 1, delay_ms=60_000, error=BROKEN)("completed", 1, operator={"by": "ann"})

    (only,) = told.attempts()

    assert (only.outcome, only.operator, only.error) == (Outcome.COMPLETED, {"by": "ann"}, BROKEN)
    assert (only.ended_ms, only.next_try_ms) == (3_000, None)


def test_a_retry_in_place_counts_tries_again_and_leaves_earlier_attempts_as_they_were(told: Told) -> None:
    told.begun(1)("retrying", 1, delay_ms=0, error=BROKEN).begun(2, cause="back_off")(
        "failed", 2, error=BROKEN
    )
    # Generation 2: it is cancelled before its turn comes; then generation 3.
    told("cancelled", 2, reason="cancelled")
    told.begun(3)("completed", 3)

    assert summary(told.attempts()) == [
        (1, 1, "retrying", None), (2, 2, "failed", "back_off"), (3, 1, "completed", None),
    ]  # fmt: skip


def test_a_skip_without_an_attempt_is_none(told: Told) -> None:
    told("skipped", 0, reason="upstream_failed")

    assert told.attempts(NodeState("A", status=N.SKIPPED)) == []


def test_what_ends_behind_a_lost_worker_keeps_it_lost(told: Told) -> None:
    told.begun(1)("waiting", 1, waiting_on="hold", cause="lease_lost")("failed", 1, error=BROKEN)

    (only,) = told.attempts()

    assert (only.outcome, only.error) == (Outcome.LOST, BROKEN)


def test_the_last_worker_that_a_node_may_lose_is_lost_too(told: Told) -> None:
    poison = {"type": "Poison", "message": "node 'A' lost its worker more than 5 times"}
    told.begun(5)("waiting", 5, waiting_on="hold", cause="lease_lost")
    told.begun(6, cause="hold")("failed", 6, error=poison)
    state = NodeState(
        "A", status=N.FAILED, attempt=6, queued_ms=1, started_ms=2, ended_ms=3, worker="w1", error=poison
    )

    found = told.attempts(state, is_whole=False)

    assert summary(found) == [(5, 1, "lost", None), (6, 1, "lost", "hold")]
    assert found[-1].error == poison
    assert attempts_of([], state, is_whole=False) == [
        Attempt(6, Outcome.LOST, 1, queued_ms=1, started_ms=2, ended_ms=3, worker="w1", error=poison)
    ]


def test_the_last_lines_of_each_attempt_are_shown_and_all_are_counted(told: Told) -> None:
    told.begun(1)
    for number in range(LOGS_SHOWN + 3):
        told("log", 1, level="warning", message=str(number), data={"n": number})
    told("retrying", 1, delay_ms=0, error=BROKEN).begun(2)("log", 2, message="again")

    first, second = told.attempts()

    assert (first.log_lines, len(first.logs)) == (LOGS_SHOWN + 3, LOGS_SHOWN)
    assert (first.logs[0].message, first.logs[0].level, first.logs[0].data) == ("3", "warning", {"n": 3})
    assert [(line.message, line.level, line.data) for line in second.logs] == [("again", "info", None)]


def test_tries_are_counted_back_from_the_record_where_the_beginning_is_missing(told: Told) -> None:
    told("started", 4, worker="w1")("retrying", 4, delay_ms=0, error=BROKEN).begun(5, cause="back_off")
    state = NodeState("A", status=N.RUNNING, attempt=5, tries=3)

    assert [each.try_number for each in told.attempts(state, is_whole=False)] == [2, 3]
    # Begun again since then, the record tells nothing of the count before.
    told("failed", 5, error=BROKEN).begun(6)
    assert [each.try_number for each in told.attempts(state, is_whole=False)] == [None, None, 1]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            NodeState("A", status=N.RUNNING, attempt=3, tries=2, queued_ms=1, started_ms=2, worker="w9"),
            Attempt(3, Outcome.RUNNING, 2, queued_ms=1, started_ms=2, worker="w9"),
        ),
        (
            # Its last start was that of an attempt before.
            NodeState("A", status=N.QUEUED, attempt=3, tries=2, queued_ms=9, started_ms=2, worker="w9"),
            Attempt(3, Outcome.QUEUED, queued_ms=9),
        ),
        (
            NodeState(
                "A", status=N.WAITING, waiting_on=WaitingOn.BACK_OFF, attempt=1, tries=1, queued_ms=1,
                started_ms=2, worker="w9", due_ms=7, error=BROKEN,
            ),
            Attempt(
                1, Outcome.RETRYING, 1, queued_ms=1, started_ms=2, worker="w9", error=BROKEN, next_try_ms=7,
            ),
        ),
        (
            NodeState(
                "A", status=N.FAILED, attempt=1, tries=1, queued_ms=1, started_ms=2, ended_ms=3, worker="w9",
                error=BROKEN,
            ),
            Attempt(1, Outcome.FAILED, 1, queued_ms=1, started_ms=2, ended_ms=3, worker="w9", error=BROKEN),
        ),
    ],
)  # fmt: skip
def test_an_attempt_whose_events_are_gone_is_that_of_the_record(state: NodeState, expected: Attempt) -> None:
    assert attempts_of([], state, is_whole=False) == [expected]


def test_what_events_do_not_tell_the_record_does(told: Told) -> None:
    told("log", 2, message="hm")
    state = NodeState(
        "A", status=N.COMPLETED, attempt=2, tries=2, queued_ms=1, started_ms=2, ended_ms=3, worker="w9"
    )

    (only,) = told.attempts(state, is_whole=False)

    assert (only.outcome, only.try_number, only.worker) == (Outcome.COMPLETED, 2, "w9")
    assert (only.queued_ms, only.started_ms, only.ended_ms, only.log_lines) == (1, 2, 3, 1)


def test_the_number_of_a_fenced_attempt_is_not_that_of_another_one(told: Told) -> None:
    told.begun(1)("cancelled", 1, reason="cancelled")

    found = told.attempts(NodeState("A", status=N.CANCELLED, attempt=2, ended_ms=3_000))

    assert summary(found) == [(1, 1, "cancelled", None)]


def test_what_was_reused_has_not_been_tried_here() -> None:
    assert attempts_of([], NodeState("A", status=N.COMPLETED, attempt=1, reused=True), is_whole=True) == []


def test_the_newest_attempts_are_listed(told: Told) -> None:
    for number in range(1, MOST_ATTEMPTS + 11):
        told.begun(number)("retrying", number, delay_ms=0, error=BROKEN)

    found = told.attempts()

    assert [each.number for each in found] == list(range(11, MOST_ATTEMPTS + 11))


def test_every_outcome_can_be_told() -> None:
    """However events follow one another, none is refused."""
    kinds = ("queued", "held", "started", "retrying", "waiting", "failed", "log")
    for order in itertools.permutations(kinds, 4):
        told = Told()
        for kind in order:
            told(kind, 1)
        assert len(told.attempts()) == 1, order


def test_events_of_items_are_not_those_of_their_node() -> None:
    of_node, of_item = Told()("queued", 1).events[0], Told()("queued", 1, item=3).events[0]

    assert [is_of(of_node, unit) for unit in ("A", "A[3]", "B")] == [True, False, False]
    assert [is_of(of_item, unit) for unit in ("A", "A[3]", "A[4]")] == [False, True, False]
    assert not is_of(Told()("token", 1).events[0], "A")
    assert is_first(of_item, "A[3]")
    assert not is_first(Told()("queued", 2).events[0], "A")
