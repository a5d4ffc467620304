"""Every verb on an execution as a whole against every status: what is refused changes no key."""

from __future__ import annotations

import pytest

from orchestrator.states import TABLE, ExecutionStatus
from tests.integration.transitions.scenes import EXECUTION_VERBS
from tests.makers import Rig, error_of, node

E = ExecutionStatus


async def execution_in(rig: Rig, status: ExecutionStatus) -> str:
    execution_id = await rig.submit(
        node("A"), node("B", after=["A"]), trigger=status is not E.PENDING, execution_timeout=60
    )
    match status:
        case E.COMPLETED:
            await rig.worker.run_all()
        case E.FAILED:
            await rig.worker.run_all(failing=["A"])
        case E.CANCELLED:
            await rig.engine.executions.cancel(execution_id, request_id="first", grace_ms=0)
        case E.PAUSED:
            await rig.engine.executions.pause(execution_id, request_id="first")
    assert await rig.status(execution_id) is status
    return execution_id


async def send_to(rig: Rig, execution_id: str, verb: str) -> str:
    transitions = rig.transitions
    match verb:
        case "start_execution":
            return str((await transitions.start_execution(execution_id))[0])
        case "cancel_execution":
            reply = await transitions.cancel_execution(
                execution_id, reason='""', grace_ms=0, request_id="next"
            )
            return str(reply[0])
        case "time_out_execution":
            transitions.now_ms = rig.now_ms + 60_000
            return (await transitions.time_out_execution(execution_id, "1", error_of()))[0]
        case "retry_execution":
            reply = await transitions.retry_execution(
                execution_id,
                generation=1,
                position=0,
                nodes=["A", "B"],
                items=["reset A 0 0 0 0 0", "reset B 0 0 0 0 0", "decide A", "decide B"],
            )
            return str(reply[0])
        case "pause_execution" | "resume_execution":
            call = getattr(transitions, verb)(execution_id, by=b"null", reason=b"null", request="next")
            return str((await call)[0])
    raise AssertionError(f"the matrix does not know {verb}: add it")


@pytest.mark.parametrize("status", ExecutionStatus)
@pytest.mark.parametrize("verb", EXECUTION_VERBS)
async def test_an_execution_leaves_a_status_only_by_the_verbs_of_the_table(
    rig: Rig, verb: str, status: ExecutionStatus
) -> None:
    execution_id = await execution_in(rig, status)
    targets = {
        row.target
        for row in TABLE
        if row.verb == verb and row.subject == "execution" and status in row.sources
    }
    before = await rig.dump()

    word = await send_to(rig, execution_id, verb)

    if targets:
        assert word == "ok"
        assert await rig.status(execution_id) in targets
    else:
        assert word != "ok"
        assert await rig.dump() == before
