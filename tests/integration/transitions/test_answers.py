"""Answers from outside against every status, and against a wait for something else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.execution.model import Awaiting
from orchestrator.states import NodeStatus, WaitingOn
from orchestrator.store.requests import Request
from tests.integration.transitions.prepared import GO
from tests.integration.transitions.test_guard_matrix import scene
from tests.makers import Rig, node

N = NodeStatus
APPROVAL = replace(GO, on=WaitingOn.APPROVAL, awaits="hash")


@pytest.mark.parametrize("verb", ["signal_execution", "decide_approval"])
@pytest.mark.parametrize("status", NodeStatus)
@pytest.mark.parametrize("awaits", [None, GO, APPROVAL])
async def test_an_answer_ends_only_the_wait_it_is_for(
    rig: Rig, verb: str, status: NodeStatus, awaits: Awaiting | None
) -> None:
    if awaits is not None and status is not N.WAITING:
        return
    found = await scene(rig, N.RUNNING if awaits else status)
    if awaits is not None:
        await rig.transitions.await_node(found.held, awaits)
        assert await found.status() is N.WAITING
    waiting = await rig.redis.hget(f"workflow:{found.execution_id}:signals", "waits|go") or b";B 1;"
    before = await rig.dump()
    request = Request("ab", "cd", "1")

    if verb == "signal_execution":
        call = rig.transitions.signal_execution(
            found.execution_id, "go", b"1", request=request, waiting=waiting
        )
    else:
        call = rig.transitions.decide_approval(
            found.execution_id, "B", shown="hash", decision="approve", by=b'"ann"', voter="ef", form=b"null",
            request=request,
        )  # fmt: skip
    word = (await call)[0]

    if awaits is (GO if verb == "signal_execution" else APPROVAL):
        assert word in ("ok", "decided")
        assert await found.status() is N.COMPLETED
    else:
        assert word in ("moved", "elsewhere", "over", "cancelling")
        assert await rig.dump() == before


@pytest.mark.parametrize("verb", ["signal_execution", "decide_approval"])
async def test_an_answer_to_what_is_gone_writes_nothing(rig: Rig, verb: str) -> None:
    before = await rig.dump()
    request = Request("ab", "cd", "1")

    if verb == "signal_execution":
        answer = await rig.transitions.signal_execution("x", "go", b"1", request=request, waiting=b"")
    else:
        answer = await rig.transitions.decide_approval(
            "x", "B", shown="hash", decision="deny", by=b"1", voter="ef", form=b"null", request=request
        )

    assert answer[0] == "unknown"
    assert await rig.dump() == before


async def test_a_key_serves_one_request_only(rig: Rig) -> None:
    execution_id = await rig.submit(node("B"), trigger=False)
    first = Request("ab", "cd", "1")
    await rig.transitions.signal_execution(execution_id, "go", b"1", request=first, waiting=b"")
    before = await rig.dump()

    again = await rig.transitions.signal_execution(
        execution_id, "go", b"1", request=replace(first, call_id="2"), waiting=b""
    )
    other = await rig.transitions.signal_execution(
        execution_id, "go", b"2", request=replace(first, digest="ef", call_id="3"), waiting=b""
    )

    assert (again[0], other[0]) == ("replayed", "conflict")
    assert await rig.dump() == before


async def test_no_more_than_a_hundred_signals_are_kept(rig: Rig) -> None:
    execution_id = await rig.submit(node("B"), trigger=False)

    words = [
        (
            await rig.transitions.signal_execution(
                execution_id, f"n{number % 3}", b"1", request=Request(f"{number:x}", "cd", "1"), waiting=b""
            )
        )[0]
        for number in range(102)
    ]

    assert words == ["ok"] * 100 + ["full"] * 2


async def test_a_decision_made_again_is_told_as_one(rig: Rig) -> None:
    await rig.submit(node("B"))
    held = await rig.worker.start_one("B")
    await rig.transitions.await_node(held, APPROVAL)

    answers = [
        await rig.transitions.decide_approval(
            held.execution_id, "B", shown="hash", decision="approve", by=b'"ann"', voter="ef", form=b"null",
            request=Request("ab", digest, call_id),
        )
        for digest, call_id in (("cd", "1"), ("cd", "1"), ("cd", "2"), ("ef", "3"))
    ]  # fmt: skip

    assert [answer[:2] for answer in answers] == [
        ["decided", 0],
        ["decided", 0],
        ["decided", 1],
        ["conflict", 0],
    ]
    assert answers[0][2] == answers[2][2]
