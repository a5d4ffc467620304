"""A delay is a durable timer that holds no worker and ends with the output it was given."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from tests.makers import Rig, node


async def test_a_delay_completes_when_it_is_over(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.delay(await rig.worker.start_one("A"), 3_600_000, {"delayed_seconds": 3600})
    while_waiting = await rig.engine.executions.results(execution_id)

    early = await rig.advance(3_599_999)
    await rig.advance(1)

    assert (while_waiting["A"], early) == (None, 0)
    assert (await rig.engine.executions.results(execution_id))["A"] == b'{"delayed_seconds":3600}'
    assert await rig.nodes(execution_id) == {"A": NodeStatus.COMPLETED, "B": NodeStatus.QUEUED}


async def test_a_moment_in_the_past_is_due_at_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")

    await rig.transitions.wait_node(
        held, on=WaitingOn.DELAY, delay_ms=None, until_ms=rig.now_ms - 1, output=b"{}"
    )
    await rig.tick()

    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED


async def test_a_waiting_node_holds_no_lease_and_no_task(rig: Rig) -> None:
    await rig.submit(node("A"))

    await rig.worker.delay(await rig.worker.start_one("A"))

    assert await rig.redis.zcard("workflows:leases") == await rig.redis.xlen("workflow:tasks") == 0
    assert await rig.redis.zcard("workflows:timers") == 1


async def test_a_delay_does_not_run_into_the_time_limit_of_its_attempt(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", start_to_close_timeout=5))
    await rig.worker.delay(await rig.worker.start_one("A"), 60_000)

    await rig.advance(30_000)
    on_the_way = await rig.nodes(execution_id)
    await rig.advance(30_000)

    assert on_the_way == {"A": NodeStatus.WAITING}
    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED
