"""`on_exhausted: pause`: a node that has failed for good waits for an operator; its execution is paused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.engine import OperatorNote
from orchestrator.errors import NodeError
from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from tests.integration.handler_steps import act
from tests.integration.waiting_nodes import wait
from tests.makers import LEASE_MS, Rig, error_of, node

E, N = ExecutionStatus, NodeStatus
PAUSE = {"max_attempts": 2, "initial_interval": 1, "jitter": "none", "on_exhausted": "pause"}
ANN = OperatorNote("ann", "seen to it")


async def asked(rig: Rig, *more: dict[str, Any], **extras: Any) -> str:
    """An execution whose A has used up its two tries."""
    execution_id = await rig.submit(node("A", retry=PAUSE), node("B", after=["A"]), *more, **extras)
    held = await rig.worker.start()
    await rig.worker.retry(held["A"], 0)
    await rig.tick()
    await rig.worker.fail(await rig.worker.start_one("A"), is_dead=True)
    return execution_id


async def test_the_node_waits_and_the_execution_is_paused(rig: Rig) -> None:
    execution_id = await asked(rig)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.waiting_on, state.due_ms) == (N.WAITING, WaitingOn.OPERATOR, None)
    assert state.error is not None
    view = await rig.engine.executions.get(execution_id)
    assert view.execution.status is E.PAUSED
    assert (view.execution.paused_by, view.execution.failed) == (None, 0)
    assert (await rig.nodes(execution_id))["B"] is N.PENDING
    assert (await rig.events(execution_id))[-2:] == ["node.waiting:A", "execution.paused"]
    assert view.is_quiesced
    assert await rig.repairs(execution_id) == []
    assert not (await rig.engine.dead_letters.list()).items, "it is not dead as long as somebody is asked"
    assert await rig.advance(3_600_000) == 0


async def test_a_node_whose_time_is_over_while_it_is_held_asks_as_well(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=PAUSE, schedule_to_close_timeout=20))
    await rig.engine.executions.pause(execution_id, request_id="p")
    await rig.worker.start()
    assert (await rig.nodes(execution_id))["A"] is N.PENDING

    await rig.advance(20_000)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.waiting_on) == (N.WAITING, WaitingOn.OPERATOR)
    assert await rig.redis.lrange(rig.transitions.keys.held(execution_id), 0, -1) == [b"A"]
    await rig.engine.executions.resume(execution_id, request_id="r")
    assert await rig.worker.run_all() == ["A"]
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_code_that_has_changed_asks_whatever_the_policy_says(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))

    held, changed = await rig.worker.start_one("A"), NodeError("CodeChanged", "step 'x' is another")
    await rig.transitions.fail_node(held, orjson.dumps(changed.to_dict()), reason=Reason.ERROR, is_dead=False)

    view = await rig.engine.executions.get(execution_id)
    assert view.execution.status is E.PAUSED
    assert view.execution.paused_reason == "node A runs code that has changed"
    await rig.engine.executions.resume(execution_id, request_id="r")
    assert await rig.worker.run_all() == ["A", "B"]
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_a_resume_gives_a_fresh_budget_of_tries(rig: Rig) -> None:
    execution_id = await asked(rig)

    await rig.engine.executions.resume(execution_id, by="ann", request_id="1")

    held = await rig.worker.start_one("A")
    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.tries, state.attempt) == (1, 3)
    await rig.worker.complete(held)
    assert await rig.worker.run_all() == ["B"]
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_it_asks_again_when_the_new_tries_are_used_up(rig: Rig) -> None:
    execution_id = await asked(rig)
    await rig.engine.executions.resume(execution_id, by="ann", request_id="1")

    await rig.worker.fail(await rig.worker.start_one("A"))

    assert await rig.status(execution_id) is E.PAUSED
    assert (await rig.nodes(execution_id))["A"] is N.WAITING


@pytest.mark.parametrize(
    ("verb", "status", "after"),
    [("complete", N.COMPLETED, N.QUEUED), ("fail", N.FAILED, N.SKIPPED), ("skip", N.SKIPPED, N.SKIPPED)],
)
async def test_an_operator_ends_it_and_a_resume_goes_on(
    rig: Rig, verb: str, status: NodeStatus, after: NodeStatus
) -> None:
    execution_id = await asked(rig, node("X"), node("Y", after=["X"]))

    if verb == "complete":
        await rig.engine.nodes.complete(execution_id, "A", {"by": "hand"}, ANN)
    elif verb == "fail":
        await rig.engine.nodes.fail(execution_id, "A", ANN)
    else:
        await rig.engine.nodes.skip(execution_id, "A", ANN)

    assert await rig.status(execution_id) is E.PAUSED
    await rig.engine.executions.resume(execution_id, by="ann", request_id="1")
    assert await rig.status(execution_id) is E.RUNNING
    found = await rig.nodes(execution_id)
    assert (found["A"], found["B"]) == (status, after)


async def test_a_retry_now_is_held_with_a_fresh_budget(rig: Rig) -> None:
    execution_id = await asked(rig)

    done = await rig.engine.nodes.retry_now(execution_id, "A", ANN)

    assert done.status is N.PENDING
    assert await rig.repairs(execution_id) == []
    await rig.engine.executions.resume(execution_id, by="ann", request_id="1")
    await rig.worker.start_one("A")
    assert (await rig.engine.nodes.get(execution_id, "A")).state.tries == 1


async def test_a_catch_comes_first(rig: Rig) -> None:
    catch = [{"errors": ["Http.*"], "goto": "C"}]
    execution_id = await rig.submit(
        node("A", retry=PAUSE, catch=catch), node("C", after=["A"]), node("D", after=["A"])
    )
    held = await rig.worker.start_one("A")

    await rig.transitions.fail_node(held, error_of("Http.5xx"), reason=Reason.ERROR, is_dead=False, taker="C")

    assert await rig.status(execution_id) is E.RUNNING
    assert await rig.nodes(execution_id) == {"A": N.FAILED, "C": N.QUEUED, "D": N.SKIPPED}


async def test_time_outs_and_poison_ask_as_well(rig: Rig) -> None:
    slow = await rig.submit(node("A", retry=PAUSE, schedule_to_start_timeout=5))
    lost = await rig.submit(node("A", retry=PAUSE, queue="side"))
    rig.worker.queues = ("side",)
    for _ in range(6):
        await rig.worker.start()
        await rig.advance(LEASE_MS + 1_000)
        await rig.advance(60_000)

    for execution_id, type in ((slow, "Timeout.ScheduleToStart"), (lost, "Poison")):
        state = (await rig.engine.nodes.get(execution_id, "A")).state
        assert await rig.status(execution_id) is E.PAUSED
        assert (state.waiting_on, state.error and state.error["type"]) == (WaitingOn.OPERATOR, type)
    await rig.engine.executions.resume(lost, by="ann", request_id="1")
    await rig.worker.complete(await rig.worker.start_one("A"))
    assert await rig.status(lost) is E.COMPLETED


async def test_the_time_limit_of_a_wait_asks_as_well_and_it_waits_anew(rig: Rig) -> None:
    execution_id = await rig.submit(wait(timeout="1s") | {"retry": PAUSE})
    await act(rig)
    await rig.advance(1_000)
    assert (await rig.engine.nodes.get(execution_id, "W")).state.waiting_on is WaitingOn.OPERATOR

    await rig.engine.executions.resume(execution_id, by="ann", request_id="1")
    await act(rig)

    assert (await rig.engine.nodes.get(execution_id, "W")).state.waiting_on is WaitingOn.SIGNAL
    await rig.engine.signals.send(execution_id, "go", 5)
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_nobody_is_asked_once_the_execution_is_ending(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=PAUSE), node("X"), fail_fast=True)
    held = await rig.worker.start()
    await rig.worker.fail(held["X"])

    await rig.worker.fail(held["A"])

    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nothing_is_left_behind()


async def test_two_that_ask_are_both_tried_again_by_one_resume(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=PAUSE), node("B", retry=PAUSE))
    held = await rig.worker.start()

    for name in ("A", "B"):
        await rig.worker.fail(held[name])

    assert (await rig.events(execution_id)).count("execution.paused") == 1
    await rig.engine.executions.resume(execution_id, by="ann", request_id="1")
    assert await rig.nodes(execution_id) == {"A": N.QUEUED, "B": N.QUEUED}


async def test_what_a_resume_lost_is_repaired(rig: Rig) -> None:
    execution_id = await asked(rig)
    await rig.redis.delete(f"workflow:{execution_id}:held")

    assert await rig.repairs(execution_id) == ["hold A"]
    found = {row.node_id: row for row in await rig.engine.executions.explain(execution_id)}
    assert found["A"].details["repair"] is True
    await rig.engine.executions.resume(execution_id, by="ann", request_id="1")
    assert await rig.repairs(execution_id) == ["release A"]

    await rig.engine.executions.trigger(execution_id)

    assert await rig.worker.run_all() == ["A", "B"]


async def test_it_is_explained(rig: Rig) -> None:
    execution_id = await asked(rig)

    whole, found, _ = await rig.engine.executions.explain(execution_id)

    assert "(node A has failed, and its retry policy asks for an operator); nothing runs" in whole.waiting_for
    assert found.waiting_for == "an operator: it has failed with HandlerError: it broke"
    assert found.wakes == (
        "a resume of the execution for new tries, or completing, failing or skipping the node by hand"
    )


async def test_a_simulation_ends_where_somebody_would_be_asked(play: Any) -> None:
    stubs = {"nodes": {"A": {"fail": "always"}, "C": {"duration": "1h"}}}

    played = await play(
        node("A", retry=PAUSE), node("B", after=["A"]), node("C"), node("D", after=["C"]), stubs=stubs
    )

    assert played.status is E.PAUSED
    assert played.reason == "node A has failed, and its retry policy asks for an operator"
    ends = {each.node_id: each.state.status for each in played.nodes}
    assert ends == {"A": N.WAITING, "B": N.PENDING, "C": N.COMPLETED, "D": N.PENDING}
    assert played.waiting == ("A",)
