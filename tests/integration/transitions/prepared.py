"""Calls that are ready to be sent: a node that runs, and answers to one that waits for somebody outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from orchestrator.answer_verbs import Request, Wait
from orchestrator.courier import Call
from orchestrator.states import WaitingOn
from tests.makers import Rig, error_of, node

Prepare = Callable[[Rig], Awaitable[Call[Any]]]

LINE = (node("A"), node("B", after=["A"]))
GO = Wait(WaitingOn.SIGNAL, "go", b"{}", 90_000, False, b"{}", error_of())


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
