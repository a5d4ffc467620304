"""The checker looks for the message of each end: signed, delivered, and asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import judge
from tests.chaos.history import Call, EndReply, Expired, History, Line, Message, Sending
from tests.chaos.made_ends import fired
from tests.dags import node, workflow

TARGET = {"url": "http://receiver/told"}
DOCUMENT = workflow(
    node("a", handler="record") | {"config": {"fail_times": 9}},
    on_complete=TARGET,
    on_failure=[TARGET, {"workflow": "receipt"}],
)
#: It has failed, was retried, and has failed again.
FAILED = EndReply(
    "x",
    DOCUMENT,
    "FAILED",
    {"a": "FAILED"},
    {"a": None},
    (
        Line(1, "execution.created"),
        Line(2, "execution.started"),
        Line(3, "node.queued", "a", 1),
        Line(4, "node.started", "a", 1),
        Line(5, "node.failed", "a", 1),
        Line(6, "execution.failed"),
        Line(7, "execution.retried"),
        Line(8, "node.queued", "a", 2),
        Line(9, "node.started", "a", 2),
        Line(10, "node.failed", "a", 2),
        Line(11, "execution.failed"),
    ),
)
CALLS = tuple(
    Call("x", "a", number, f"nonce-{number}", pid=7, start_s=number, end_s=number + 0.5, ended="fail")
    for number in (1, 2)
)
FIRST = Message("msg_1", "x", 1, "FAILED", "default", 500, b"{}", at_s=1.0)
SECOND = Message("msg_2", "x", 2, "FAILED", "default", 204, b"{}", at_s=3.0)
SENDINGS = tuple(
    Sending("x", generation, is_start, "delivered", (1, 2))
    for generation in (1, 2)
    for is_start in (False, True)
)


def started(generation: int) -> EndReply:
    """What the end of a life has had started."""
    data = {"execution_id": "x", "generation": generation, "status": "FAILED"}
    return fired(1, execution_id=f"s{generation}", trigger={"source": "parent", "data": data})


GOOD = History(
    calls=CALLS,
    executions=(FAILED, started(1), started(2)),
    messages=(FIRST, replace(FIRST, answered=204), SECOND),
    sendings=SENDINGS,
)
QUICK = Expired("q", workflow(node("a", handler="record"), on_complete=TARGET, retention="8s"))
QUICK_CALL = Call("q", "a", 1, "nonce-q", pid=7, start_s=1.0, end_s=2.0, ended="ok")
QUICK_MESSAGE = Message("msg_q", "q", 1, "COMPLETED", "default", 204, b"{}", at_s=3.0)
GONE = History(calls=(QUICK_CALL,), expired=(QUICK,), messages=(QUICK_MESSAGE,))


def with_messages(*messages: Message) -> History:
    return replace(GOOD, messages=messages)


def test_a_message_for_each_end_is_good() -> None:
    assert judge(GOOD).broken == ()
    assert judge(GONE).broken == ()


def test_what_is_purged_needs_no_record_of_its_deliveries_but_its_messages() -> None:
    purged = replace(GOOD, sendings=(), purged=frozenset("x"))

    assert judge(purged).broken == ()
    assert judge(replace(purged, messages=GOOD.messages[:1])).broken != ()


def test_a_message_about_an_end_that_redis_has_lost_is_excused() -> None:
    extra = Message("msg_3", "x", 3, "FAILED", None, 204, b"{}", at_s=9.0)
    history = with_messages(*GOOD.messages, extra)

    assert judge(replace(history, losses=((8.0, 10.0),))).broken == ()
    assert judge(history).broken != ()


BAD: dict[str, tuple[Callable[[], History], str]] = {
    "a message that never came": (
        lambda: with_messages(SECOND),
        "x.1, FAILED: 1 messages were asked for, 0 were delivered",
    ),
    "a message that was never taken": (
        lambda: with_messages(FIRST, SECOND),
        "x.1, FAILED: 1 messages were asked for, 0 were delivered",
    ),
    "a message too many": (
        lambda: with_messages(*GOOD.messages, replace(SECOND, message_id="msg_3")),
        "x.2, FAILED: 1 messages were asked for, 2 were delivered",
    ),
    "a message of another status": (
        lambda: with_messages(*GOOD.messages, replace(SECOND, status="COMPLETED", message_id="msg_3")),
        "x.2, COMPLETED: a message came, and none was asked for",
    ),
    "a message of nothing": (
        lambda: with_messages(*GOOD.messages, replace(SECOND, execution_id="y", message_id="msg_3")),
        "y.2, FAILED: a message came, and none was asked for",
    ),
    "a message without a good signature": (
        lambda: with_messages(*GOOD.messages[:2], replace(SECOND, signed_by=None)),
        "x.2, FAILED: its message is signed by None, not by its tenant",
    ),
    "a message that another tenant has signed": (
        lambda: with_messages(*GOOD.messages[:2], replace(SECOND, signed_by="other")),
        "x.2, FAILED: its message is signed by other, not by its tenant",
    ),
    "one id for two messages": (
        lambda: with_messages(*GOOD.messages[:2], replace(SECOND, message_id="msg_1")),
        "msg_1 is the message of ['x.1, FAILED', 'x.2, FAILED']",
    ),
    "a message that changes from attempt to attempt": (
        lambda: with_messages(FIRST, replace(FIRST, answered=204, body=b"[]"), SECOND),
        "msg_1 has changed between two attempts",
    ),
    "an end that started nothing": (
        lambda: replace(GOOD, executions=(FAILED, started(1))),
        "x.2, FAILED: 1 starts were asked for, there were 0",
    ),
    "an end that started two": (
        lambda: replace(GOOD, executions=(*GOOD.executions, replace(started(2), execution_id="more"))),
        "x.2, FAILED: 1 starts were asked for, there were 2",
    ),
    "a delivery that is still pending": (
        lambda: replace(GOOD, sendings=(*SENDINGS[:3], replace(SENDINGS[3], state="pending"))),
        "x.2: a delivery is pending at the end",
    ),
    "a delivery that is not in the log": (
        lambda: replace(GOOD, sendings=SENDINGS[:3]),
        "x.2, FAILED: 2 deliveries were asked for, the log has 1",
    ),
    "an attempt without its number": (
        lambda: replace(GOOD, sendings=(*SENDINGS[:3], replace(SENDINGS[3], numbers=(1, 3)))),
        "x.2: the attempts of a delivery have the numbers (1, 3)",
    ),
    "a delivery without an attempt": (
        lambda: replace(GOOD, sendings=(*SENDINGS[:3], replace(SENDINGS[3], numbers=()))),
        "x.2: the attempts of a delivery have the numbers ()",
    ),
    "an execution that is gone and has sent nothing": (
        lambda: replace(GONE, messages=()),
        "q.1, COMPLETED: 1 messages were asked for, 0 were delivered",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_it_finds(name: str) -> None:
    make, wanted = BAD[name]

    broken = judge(make()).broken

    assert any(wanted in what for what in broken), broken
