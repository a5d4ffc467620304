"""Calls that are ready to be sent: a node that runs, and answers to one that waits for somebody outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from orchestrator.answer_verbs import Request, Wait
from orchestrator.courier import Call
from orchestrator.intervention_verbs import ByHand, Word
from orchestrator.states import Reason, WaitingOn
from tests.makers import Rig, error_of, node

Prepare = Callable[[Rig], Awaitable[Call[Any]]]

LINE = (node("A"), node("B", after=["A"]))
GO = Wait(WaitingOn.SIGNAL, "go", b"{}", 90_000, False, b"{}", error_of())


def by_hand(attempt: int | None = None, key: str = "ab") -> ByHand:
    return ByHand(attempt, key, "cd", "call", b'{"by":"ann","reason":null}')


async def running(rig: Rig, **fields: Any) -> Any:
    """A runs; a task of another execution waits to be claimed along."""
    await rig.submit(node("A", **fields), node("B", after=["A"]))
    held = await rig.worker.start_one("A")
    await rig.submit(node("next"))
    return held


async def awaiting(rig: Rig) -> Call[Any]:
    return rig.transitions.await_node(await running(rig), GO, take=rig.worker.take())


async def awaiting_what_was_kept(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.engine.signal(held.execution_id, "go", 1)
    return rig.transitions.await_node(held, GO, take=rig.worker.take())


async def signalling(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.transitions.await_node(held, GO)
    waiting = f";A {held.attempt};".encode()
    request = Request("ab", "cd", "1")
    return rig.transitions.signal_execution(held.execution_id, "go", b"1", request=request, waiting=waiting)


async def signalling_nobody(rig: Rig) -> Call[Any]:
    held = await running(rig)
    request = Request("ab", "cd", "1")
    return rig.transitions.signal_execution(held.execution_id, "go", b"1", request=request, waiting=b"")


async def deciding(rig: Rig, quorum: int = 1) -> Call[Any]:
    held = await running(rig)
    wait = replace(GO, on=WaitingOn.APPROVAL, awaits="hash", quorum=quorum)
    await rig.transitions.await_node(held, wait)
    return rig.transitions.decide_approval(
        held.execution_id, "A", shown="hash", decision="approve", by=b'"ann"', voter="ef", form=b"null",
        request=Request("ab", "cd", "1"),
    )  # fmt: skip


async def voting(rig: Rig) -> Call[Any]:
    return await deciding(rig, quorum=2)


async def passing_the_limit_of_a_wait(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.transitions.await_node(held, GO)
    rig.transitions.now_ms = rig.now_ms + 90_000
    return rig.transitions.wake_node(held.execution_id, "A", held.attempt, WaitingOn.SIGNAL)


async def pausing(rig: Rig) -> Call[Any]:
    held = await running(rig)
    return rig.transitions.pause_execution(held.execution_id, by=b'"ann"', reason=b"null", request="ab")


async def resuming(rig: Rig) -> Call[Any]:
    """A is held and has a task again, B waits for it."""
    held = await running(rig)
    await rig.engine.pause(held.execution_id, request_id="1")
    await rig.transitions.release_node(held)
    return rig.transitions.resume_execution(held.execution_id, by=b'"ann"', reason=b"null", request="ab")


async def claiming_what_is_paused(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(*LINE)
    (task,) = await rig.worker.read()
    await rig.engine.pause(execution_id, request_id="1")
    return rig.transitions.claim_node(
        rig.worker.holding(task), message_id=task.message_id, queue="default", worker_id="w1", lease_ms=90_000
    )


async def waking_what_is_paused(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.worker.retry(held, 1_000)
    await rig.engine.pause(held.execution_id, request_id="1")
    rig.transitions.now_ms = rig.now_ms + 1_000
    return rig.transitions.wake_node(held.execution_id, "A", held.attempt, WaitingOn.BACK_OFF)


async def failing_what_asks(rig: Rig) -> Call[Any]:
    held = await running(rig, retry={"max_attempts": 1, "on_exhausted": "pause"})
    return rig.transitions.fail_node(
        held, error_of(), reason=Reason.ERROR, is_dead=True, take=rig.worker.take()
    )


def handling(rig: Rig, verb: str, execution_id: str) -> Call[Any]:
    """An operator's word about B."""
    if verb == "hurry_node":
        return rig.transitions.hurry_node(execution_id, "B", by_hand=by_hand())
    return rig.transitions.override_node(execution_id, "B", "complete", b"{}", by_hand=by_hand())


async def overriding(rig: Rig, word: Word = "complete") -> Call[Any]:
    held = await running(rig)
    return rig.transitions.override_node(held.execution_id, "A", word, b"{}", by_hand=by_hand())


async def overriding_with_a_failure(rig: Rig) -> Call[Any]:
    return await overriding(rig, "fail")


async def hurrying(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.worker.retry(held, 90_000)
    return rig.transitions.hurry_node(held.execution_id, "A", by_hand=by_hand())


#: Each with the first word of its answer when it is sent again, where that differs.
INTERVENTIONS: dict[str, tuple[Prepare, str]] = {
    "fail_node, asks": (failing_what_asks, "dup"),
    "pause_execution": (pausing, "already"),
    "resume_execution": (resuming, "already"),
    "claim_node, paused": (claiming_what_is_paused, "stale"),
    "wake_node, paused": (waking_what_is_paused, ""),
    "override_node": (overriding, ""),
    "override_node, fails": (overriding_with_a_failure, ""),
    "hurry_node": (hurrying, ""),
}
