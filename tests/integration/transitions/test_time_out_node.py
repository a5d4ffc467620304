"""Time-outs: an attempt that runs too long is retried as its policy says; a task nobody takes is not."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from tests.makers import Rig, error_of, node

RETRY = {"max_attempts": 2, "initial_interval": 1, "jitter": "none"}


async def keep_alive(rig: Rig, held: object, ms: int) -> None:
    """Let time pass in which the worker renews its lease but does not end the attempt."""
    rig.transitions.now_ms = rig.now_ms + ms
    await rig.transitions.renew_leases([held], lease_ms=600_000)  # type: ignore[list-item]
    await rig.tick()


async def test_an_attempt_its_worker_does_not_stop_is_timed_out_and_retried(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", start_to_close_timeout=30, retry=RETRY))
    held = await rig.worker.start_one("A")

    await keep_alive(rig, held, 30_999)
    before_the_slack_ends = await rig.nodes(execution_id)
    await keep_alive(rig, held, 1)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert before_the_slack_ends == {"A": NodeStatus.RUNNING}
    assert (state.status, state.waiting_on) == (NodeStatus.WAITING, WaitingOn.BACK_OFF)
    assert state.error is not None
    assert state.error["type"] == "Timeout.StartToClose"
    assert (await rig.worker.complete(held)).word == "fenced"


async def test_the_last_try_that_runs_too_long_fails_the_node(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", start_to_close_timeout=30, retry=RETRY))
    await keep_alive(rig, await rig.worker.start_one("A"), 31_000)
    await rig.advance(1_000)

    await keep_alive(rig, await rig.worker.start_one("A"), 31_000)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.reason, state.tries) == (NodeStatus.FAILED, Reason.TIMEOUT, 2)
    assert [entry.node_id for entry in (await rig.engine.dead_letters.list()).items] == ["A"]
    assert await rig.status(execution_id) is ExecutionStatus.FAILED
    assert await rig.nothing_is_left_behind()


async def test_a_task_no_worker_takes_fails_without_a_retry(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A", schedule_to_start_timeout=60, retry=RETRY), node("B", after=["A"])
    )

    early = await rig.advance(59_999)
    await rig.advance(1)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert early == 0
    assert (state.status, state.reason) == (NodeStatus.FAILED, Reason.TIMEOUT)
    assert state.error is not None
    assert state.error["type"] == "Timeout.ScheduleToStart"
    assert await rig.nothing_is_left_behind()


async def test_a_claimed_task_has_started_in_time(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", schedule_to_start_timeout=10))
    held = await rig.worker.start_one("A")

    await keep_alive(rig, held, 60_000)

    assert await rig.nodes(execution_id) == {"A": NodeStatus.RUNNING}
    assert await rig.redis.zcard("workflows:timers") == 0


async def test_each_queueing_has_its_own_time_to_start(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", schedule_to_start_timeout=10))
    await rig.worker.retry(await rig.worker.start_one("A"), delay_ms=60_000)
    await rig.advance(60_000)

    await rig.advance(9_999)
    still = await rig.nodes(execution_id)
    await rig.advance(1)

    assert still == {"A": NodeStatus.QUEUED}
    assert await rig.nodes(execution_id) == {"A": NodeStatus.FAILED}


async def test_a_time_out_that_is_not_due_changes_nothing(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", start_to_close_timeout=30))
    await rig.worker.start()
    before = await rig.dump()

    word, _ = await rig.transitions.time_out_node(
        execution_id, "A", 1, "start_to_close", error=error_of(), delay_ms=None
    )

    assert word == "early"
    assert await rig.dump() == before
