"""The checker counts deliveries: one execution for each id, one for each delivery without an id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import judge
from tests.chaos.history import EndReply, History, Hook, Sent
from tests.chaos.made_ends import fired

HOOK = Hook("orders", "wf", accepted=4, duplicate=1, rejected=1, error=0)


def made(execution_id: str, order: int) -> EndReply:
    """What was started for an order."""
    return fired(1, execution_id=execution_id, trigger={"source": "webhook", "payload": {"order": order}})


ONE, TWO, AGAIN = made("one", 1), made("two", 2), made("again", 2)
SENT = (
    Sent("orders", 1, "d-1", "one", 1.0),
    Sent("orders", 1, "d-1", "one", 5.0),
    Sent("orders", 2, "", "two", 2.0),
    Sent("orders", 2, "", "again", 2.5),
    Sent("orders", 3, "d-3", "refused", 3.0, is_forged=True),
)
GOOD = History(executions=(ONE, TWO, AGAIN), hooks=(HOOK,), sent=SENT)


def with_sent(*sent: Sent, **changed: object) -> History:
    return replace(GOOD, sent=(*SENT, *sent), **changed)  # type: ignore[arg-type]


def test_one_for_each_id_and_one_for_each_delivery_without_is_good() -> None:
    assert judge(GOOD).broken == ()


def test_a_delivery_that_was_not_answered_may_have_been_taken_or_not() -> None:
    lost = Sent("orders", 4, "", None, 4.0)
    taken = with_sent(lost, executions=(*GOOD.executions, made("x", 4)), hooks=(replace(HOOK, accepted=5),))

    assert judge(with_sent(lost)).broken == ()
    assert judge(taken).broken == ()


def test_an_answer_that_redis_has_lost_may_be_gone() -> None:
    lost = Sent("orders", 4, "d-4", "gone", 7.0)

    assert judge(with_sent(lost, losses=((6.0, 8.0),))).broken == ()
    assert judge(with_sent(lost, losses=((7.5, 8.0),))).broken != ()


BAD: dict[str, tuple[Callable[[], History], str]] = {
    "two executions of one id": (
        lambda: replace(GOOD, executions=(*GOOD.executions, made("more", 1))),
        "order 1: d-1 was delivered 2 times and has made 2 executions: ['one', 'more']",
    ),
    "another answer to the same id": (
        lambda: with_sent(Sent("orders", 1, "d-1", "two", 9.0)),
        "order 1: it was answered with two, which is not there",
    ),
    "an answer that made nothing": (
        lambda: replace(GOOD, executions=(TWO, AGAIN)),
        "order 1: it was answered with one, which is not there",
    ),
    "one execution for two deliveries without an id": (
        lambda: replace(GOOD, sent=tuple(replace(e, answer="two") if e.order == 2 else e for e in SENT)),
        "order 2: deliveries without an id were answered with one execution: ['two', 'two']",
    ),
    "more executions than deliveries": (
        lambda: replace(GOOD, executions=(*GOOD.executions, made("more", 2))),
        "order 2: it was delivered 2 times without an id and has made 3 executions",
    ),
    "a forged delivery that is taken": (
        lambda: replace(GOOD, executions=(*GOOD.executions, made("bad", 3))),
        "order 3: it was signed wrongly, and has made ['bad']",
    ),
    "a forged delivery that is answered": (
        lambda: with_sent(Sent("orders", 3, "d-3", "one", 9.0, is_forged=True)),
        "order 3: it was signed wrongly, and has made ['one']",
    ),
    "a good delivery that is refused": (
        lambda: with_sent(Sent("orders", 1, "d-1", "refused", 9.0)),
        "order 1: it was signed rightly, and was refused",
    ),
    "an execution of no delivery": (
        lambda: replace(GOOD, executions=(*GOOD.executions, made("bad", 9))),
        "bad is of order 9, which was never delivered",
    ),
    "a delivery that is not counted": (
        lambda: replace(GOOD, hooks=(replace(HOOK, accepted=3),)),
        "3 are counted as accepted, answered were 4 of 4",
    ),
    "a delivery that is counted twice": (
        lambda: replace(GOOD, hooks=(replace(HOOK, rejected=2),)),
        "2 are counted as rejected, answered were 1 of 1",
    ),
    "a repeat that is counted as a start": (
        lambda: replace(GOOD, hooks=(replace(HOOK, duplicate=0),)),
        "4 are counted that came for the first time, there are 3 executions",
    ),
    "a delivery that is counted as wrong": (
        lambda: replace(GOOD, hooks=(replace(HOOK, error=1),)),
        "1 are counted as wrong",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_it_finds(name: str) -> None:
    make, wanted = BAD[name]

    broken = judge(make()).broken

    assert any(wanted in what for what in broken), broken
