"""execute_workflow mends what faults took away, and finds nothing to mend where nothing was taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.executor import execute_workflow
from orchestrator.loops.sweep import Sweep
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import Rig, condition, node

E, N = ExecutionStatus, NodeStatus
IDLE_MS = 10_000

DIAMOND = (
    node("A"), node("B", after=["A"]), node("C", after=["A"]), node("D", after=["B", "C"]),
)  # fmt: skip


def runtime(execution_id: str) -> str:
    return f"workflow:{execution_id}:runtime"


async def repair(rig: Rig, execution_id: str) -> int:
    """Repair, then check that there is nothing left to repair."""
    made = await execute_workflow(rig.store, rig.transitions, execution_id)
    assert await rig.repairs(execution_id) == []
    return made


async def test_a_healthy_run_needs_no_repair_at_any_step(rig: Rig) -> None:
    execution_id = await rig.submit(
        condition("if", true=["yes"], false=["no"]),
        node("yes", after=["if"], schedule_to_start_timeout=60, start_to_close_timeout=60),
        node("no", after=["if"]),
        node("delay", after=["yes"]),
        node("fails", after=["yes"], critical=False),
        node("late", after=["fails"], trigger_rule="all_done"),
        node("end", after=["no", "delay", "fails"], trigger_rule="all_done"),
        execution_timeout=3_600,
    )
    seen = [await rig.repairs(execution_id)]

    while await rig.status(execution_id) is E.RUNNING:
        for node_id, held in (await rig.worker.start()).items():
            seen.append(await rig.repairs(execution_id))
            if node_id == "if":
                await rig.worker.complete(held, not_taken=["no"])
            elif node_id == "delay":
                await rig.worker.delay(held, 1_000)
            elif node_id == "fails" and held.attempt == 1:
                await rig.worker.retry(held, 1_000)
            elif node_id == "fails":
                await rig.worker.fail(held)
            else:
                await rig.worker.complete(held)
            seen.append(await rig.repairs(execution_id))
        await rig.advance(1_000)
        seen.append(await rig.repairs(execution_id))

    assert await rig.status(execution_id) is E.COMPLETED
    assert [repairs for repairs in seen if repairs] == []
    assert await rig.redis.exists("workflows:repairs") == 0
    assert await rig.nothing_is_left_behind()


async def test_a_healthy_cancel_needs_no_repair_at_any_step(rig: Rig) -> None:
    execution_id = await rig.submit(*DIAMOND, execution_timeout=3_600)
    await rig.worker.complete(await rig.worker.start_one("A"))
    held = await rig.worker.start()

    await rig.engine.executions.cancel(execution_id, request_id="1")
    while_it_runs = await rig.repairs(execution_id)
    await rig.worker.complete(held["B"])
    while_one_runs = await rig.repairs(execution_id)

    assert (while_it_runs, while_one_runs) == ([], [])


async def test_an_execution_that_has_ended_or_not_begun_needs_no_repair(rig: Rig) -> None:
    pending = await rig.submit(*DIAMOND, trigger=False, execution_timeout=60)
    ended = await rig.submit(*DIAMOND, execution_timeout=60)
    await rig.worker.run_all()
    before = await rig.dump()

    assert await repair(rig, pending) == await repair(rig, ended) == 0
    assert await execute_workflow(rig.store, rig.transitions, "unknown") == 0
    assert await rig.dump() == before


# What a fault may take, taken by hand


async def lose_messages(rig: Rig, execution_id: str) -> None:
    await rig.redis.delete("workflow:tasks")


async def lose_one_message(rig: Rig, execution_id: str) -> None:
    for entry, _ in (await rig.redis.xrange("workflow:tasks"))[:1]:
        await rig.redis.xdel("workflow:tasks", entry)


async def lose_leases(rig: Rig, execution_id: str) -> None:
    await rig.redis.delete("workflows:leases")


async def lose_timers(rig: Rig, execution_id: str) -> None:
    await rig.redis.delete("workflows:timers")


async def lose_counters(rig: Rig, execution_id: str) -> None:
    await rig.redis.hdel(runtime(execution_id), *(f"c|{each}" for each in "ABCD"))


async def lose_totals(rig: Rig, execution_id: str) -> None:
    await rig.redis.hdel(runtime(execution_id), "left", "failed")


async def lose_seq(rig: Rig, execution_id: str) -> None:
    await rig.redis.hdel(runtime(execution_id), "seq")


async def lose_membership(rig: Rig, execution_id: str) -> None:
    await rig.redis.srem("workflows:active", execution_id)


async def lose_it_all(rig: Rig, execution_id: str) -> None:
    for lose in (
        lose_messages,
        lose_leases,
        lose_timers,
        lose_counters,
        lose_totals,
        lose_seq,
        lose_membership,
    ):
        await lose(rig, execution_id)


async def with_a_queued(rig: Rig) -> str:
    return await rig.submit(*DIAMOND, execution_timeout=36_000)


async def with_b_running(rig: Rig) -> str:
    execution_id = await with_a_queued(rig)
    await rig.worker.complete(await rig.worker.start_one("A"))
    await rig.worker.start(1)
    return execution_id


async def with_b_done_and_c_waiting(rig: Rig) -> str:
    execution_id = await with_a_queued(rig)
    await rig.worker.complete(await rig.worker.start_one("A"))
    held = await rig.worker.start()
    await rig.worker.complete(held["B"])
    await rig.worker.retry(held["C"], 5_000)
    return execution_id


Fault = Callable[[Rig, str], Awaitable[Any]]
FAULTS = (
    lose_messages, lose_one_message, lose_leases, lose_timers, lose_counters, lose_totals, lose_seq,
    lose_membership, lose_it_all,
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scene", [with_a_queued, with_b_running, with_b_done_and_c_waiting])
async def test_whatever_is_lost_the_execution_still_ends_as_it_would_have(
    rig: Rig, scene: Callable[[Rig], Awaitable[str]], fault: Fault
) -> None:
    execution_id = await scene(rig)
    sweep = Sweep(rig.store, rig.transitions, idle_ms=IDLE_MS)
    await fault(rig, execution_id)

    for _ in range(6):
        await rig.advance(IDLE_MS + 1)
        await sweep.run_once(rig.now_ms)
        await rig.advance(1_000)
        await rig.worker.run_all()

    assert set((await rig.nodes(execution_id)).values()) == {N.COMPLETED}
    assert await rig.status(execution_id) is E.COMPLETED
    assert (await rig.events(execution_id)).count("execution.completed") == 1
    assert await rig.nothing_is_left_behind()


async def test_a_lost_task_is_written_again_under_a_new_attempt(rig: Rig) -> None:
    execution_id = await with_a_queued(rig)
    await lose_messages(rig, execution_id)

    made = await repair(rig, execution_id)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (made, state.status, state.attempt) == (1, N.QUEUED, 2)
    assert await rig.redis.xlen("workflow:tasks") == 1
    assert await rig.redis.hget("workflows:repairs", "requeue") == b"1"


async def test_a_lost_lease_goes_the_way_of_any_expired_one(rig: Rig) -> None:
    execution_id = await with_b_running(rig)
    await lose_leases(rig, execution_id)

    await repair(rig, execution_id)
    await rig.tick()

    state = (await rig.engine.nodes.get(execution_id, "B")).state
    assert (state.status, state.attempt, state.crashes) == (N.QUEUED, 2, 1)


async def test_a_lease_its_worker_renews_again_is_not_taken(rig: Rig) -> None:
    execution_id = await with_a_queued(rig)
    held = await rig.worker.start_one("A")
    await lose_leases(rig, execution_id)
    await repair(rig, execution_id)

    await rig.transitions.renew_leases([held], lease_ms=15_000)
    await rig.tick()

    assert (await rig.worker.complete(held)).word == "ok"


async def test_a_lost_back_off_is_set_again_for_the_same_moment(rig: Rig) -> None:
    execution_id = await with_b_done_and_c_waiting(rig)
    due_ms = (await rig.engine.nodes.get(execution_id, "C")).state.due_ms
    await rig.redis.delete("workflows:timers")

    await repair(rig, execution_id)

    timers = dict(await rig.redis.zrange("workflows:timers", 0, -1, withscores=True))
    assert timers[f"back_off\x1f{execution_id}\x1fC\x1f1".encode()] == due_ms


async def test_a_waiting_node_that_lost_what_it_waits_on_is_queued_again(rig: Rig) -> None:
    execution_id = await with_b_done_and_c_waiting(rig)
    await rig.redis.hdel(runtime(execution_id), "waiting_on|C", "due_ms|C")
    await rig.redis.delete("workflows:timers")

    await repair(rig, execution_id)
    await rig.advance(5_000)

    assert (await rig.nodes(execution_id))["C"] is N.QUEUED


async def test_timers_of_the_whole_execution_are_set_again(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), execution_timeout=60)
    await rig.worker.start()
    before = await rig.redis.zrange("workflows:timers", 0, -1, withscores=True)
    await lose_timers(rig, execution_id)
    await repair(rig, execution_id)
    after = await rig.redis.zrange("workflows:timers", 0, -1, withscores=True)

    await rig.engine.executions.cancel(execution_id, grace_ms=30_000, request_id="1")
    await rig.redis.delete("workflows:timers")
    await repair(rig, execution_id)
    await rig.advance(30_000)

    assert before == after
    assert await rig.status(execution_id) is E.CANCELLED


@pytest.mark.parametrize("field", ["", "worklist"])
async def test_a_worklist_without_its_timer_is_drained(rig: Rig, field: str) -> None:
    execution_id = await rig.submit(node("A"), *(node(f"n{i}", after=["A"]) for i in range(1_200)))
    await rig.worker.complete(await rig.worker.start_one("A"))
    await rig.redis.delete("workflows:timers")
    if field:
        await rig.redis.hdel(runtime(execution_id), field)

    await repair(rig, execution_id)

    assert await rig.redis.xlen("workflow:tasks") == 1_200


async def test_a_lost_worklist_is_made_up_for(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), *(node(f"n{i}", after=["A"]) for i in range(1_200)))
    await rig.worker.complete(await rig.worker.start_one("A"))
    await rig.redis.delete(f"workflow:{execution_id}:worklist")
    await rig.drain_worklist(execution_id)

    await repair(rig, execution_id)

    assert await rig.redis.xlen("workflow:tasks") == 1_200


async def test_a_lost_total_never_ends_an_execution_early(rig: Rig) -> None:
    execution_id = await with_b_running(rig)
    await lose_totals(rig, execution_id)
    (task,) = await rig.worker.read()

    # A script that ends no node, but settles: with a total of nothing it would find everything done.
    await rig.worker.hand_back(task)

    assert await rig.status(execution_id) is E.RUNNING


async def test_a_lost_count_of_failures_never_makes_a_success_of_them(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await rig.worker.fail(held["A"])
    await rig.redis.hdel(runtime(execution_id), "failed")

    await rig.worker.complete(held["B"])
    await repair(rig, execution_id)

    assert await rig.status(execution_id) is E.FAILED


async def test_a_repair_is_refused_when_the_execution_went_on_meanwhile(rig: Rig) -> None:
    execution_id = await with_a_queued(rig)
    sight = await rig.store.read_for_repair(execution_id)
    assert sight is not None
    await rig.worker.start()
    before = await rig.dump()

    word, _ = await rig.transitions.repair_execution(execution_id, seq=sight.seq, repairs=["requeue A 1"])

    assert word == "moved"
    assert await rig.dump() == before


async def test_an_ended_execution_is_not_ended_again(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()
    before = await rig.dump()

    word, _ = await rig.transitions.repair_execution(
        execution_id, seq=await rig.engine.events.last_seq(execution_id), repairs=["left 0 0", "finish"]
    )

    assert word == "moved"
    assert await rig.dump() == before


async def test_more_than_one_batch_of_repairs_is_made(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{i}") for i in range(900)))
    await lose_messages(rig, execution_id)

    made = await repair(rig, execution_id)

    assert made == 900
    assert await rig.redis.xlen("workflow:tasks") == 900
