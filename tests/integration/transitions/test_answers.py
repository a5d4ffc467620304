"""Answers from outside against every status, and against a wait for something else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.answer_verbs import Request, Wait
from orchestrator.states import NodeStatus, WaitingOn
from tests.integration.transitions.prepared import GO
from tests.integration.transitions.test_guard_matrix import scene
from tests.makers import Rig

N = NodeStatus
APPROVAL = replace(GO, on=WaitingOn.APPROVAL, awaits="hash")


@pytest.mark.parametrize("verb", ["signal_execution", "decide_approval"])
@pytest.mark.parametrize("status", NodeStatus)
@pytest.mark.parametrize("awaits", [None, GO, APPROVAL])
async def test_an_answer_ends_only_the_wait_it_is_for(
    rig: Rig, verb: str, status: NodeStatus, awaits: Wait | None
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
