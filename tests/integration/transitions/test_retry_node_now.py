"""A wait that an operator ends now."""

from __future__ import annotations

import pytest

from orchestrator.errors import NodeBusy
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.handler_steps import act, output_of
from tests.integration.transitions.prepared_calls import ANN
from tests.integration.waiting_nodes import waiting
from tests.makers import Rig, node

E, N = ExecutionStatus, NodeStatus


async def test_a_back_off_ends_now(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry={"max_attempts": 3}))
    await rig.worker.retry(await rig.worker.start_one("A"), 60_000)

    done = await rig.engine.nodes.retry_now(execution_id, "A", ANN)

    assert done.status is N.QUEUED
    held = await rig.worker.start_one("A")
    assert held.attempt == 2
    assert (await rig.engine.nodes.get(execution_id, "A")).state.tries == 2, (
        "a try that was made stays charged"
    )
    await rig.worker.complete(held)
    assert await rig.nothing_is_left_behind()


async def test_a_delay_ends_now_with_its_output(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.delay(await rig.worker.start_one("A"), 60_000, {"slept": True})

    await rig.engine.nodes.retry_now(execution_id, "A", ANN)

    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.QUEUED}
    assert output_of((await rig.engine.executions.results(execution_id))["A"]) == {"slept": True}


async def test_nothing_else_can_be_hurried(rig: Rig) -> None:
    execution_id = await waiting(rig)
    running = await rig.submit(node("A"))

    with pytest.raises(NodeBusy, match="it waits for signal"):
        await rig.engine.nodes.retry_now(execution_id, "W", ANN)
    with pytest.raises(NodeBusy, match="it is QUEUED"):
        await rig.engine.nodes.retry_now(running, "A", ANN)


async def test_in_a_paused_execution_a_retry_now_is_held_and_a_result_stands(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), node("C", after=["B"]))
    held = await rig.worker.start()
    await rig.worker.retry(held["A"], 60_000)
    await rig.engine.executions.pause(execution_id, request_id="1")

    hurried = await rig.engine.nodes.retry_now(execution_id, "A", ANN)
    await rig.engine.nodes.complete(execution_id, "B", 1, ANN)

    assert hurried.status is N.PENDING
    assert await rig.nodes(execution_id) == {"A": N.PENDING, "B": N.COMPLETED, "C": N.PENDING}
    assert await rig.repairs(execution_id) == []
    await rig.engine.executions.resume(execution_id, request_id="2")
    assert sorted(await rig.worker.run_all()) == ["A", "C"]
    assert await act(rig) == []
    assert await rig.status(execution_id) is E.COMPLETED
