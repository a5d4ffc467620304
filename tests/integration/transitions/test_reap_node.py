"""A lost lease is not the node's fault: not charged, requeued, then held ever longer, poison in the end."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.store.transitions import MAX_INFRA_ATTEMPTS
from tests.makers import LEASE_MS, Rig, error_of, node

LOST, POISON = error_of("LeaseLost"), error_of("Poison")


async def lose(rig: Rig) -> None:
    """Start what is queued and never renew its lease."""
    assert await rig.worker.start()
    await rig.advance(LEASE_MS + 1)


async def test_a_first_lost_lease_is_requeued_at_once_and_not_charged(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))

    await lose(rig)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.attempt, state.tries, state.crashes) == (NodeStatus.QUEUED, 2, 0, 1)
    assert await rig.redis.xlen("workflow:tasks") == 1


async def test_the_hold_grows_with_each_lost_lease(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await lose(rig)
    holds = []

    for _ in range(MAX_INFRA_ATTEMPTS - 1):
        await lose(rig)
        state = (await rig.engine.nodes.get(execution_id, "A")).state
        assert (state.status, state.waiting_on) == (NodeStatus.WAITING, WaitingOn.HOLD)
        assert state.due_ms is not None
        holds.append(state.due_ms - rig.now_ms)
        await rig.advance(holds[-1])

    assert holds == sorted(set(holds))
    assert holds[0] == 1_000


async def test_a_node_that_loses_every_worker_ends_as_poison(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    for _ in range(MAX_INFRA_ATTEMPTS):
        await lose(rig)
        await rig.advance(60_000)

    await lose(rig)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    dead = (await rig.engine.dead_letters.list()).items
    assert (state.status, state.reason) == (NodeStatus.FAILED, Reason.POISON)
    assert state.error is not None
    assert state.error["type"] == "Poison"
    assert [(entry.node_id, entry.reason) for entry in dead] == [("A", "poison")]
    assert await rig.status(execution_id) is ExecutionStatus.FAILED
    assert (await rig.reasons(execution_id))["B"] is Reason.UPSTREAM_FAILED
    assert await rig.nothing_is_left_behind()


async def test_lost_leases_leave_the_tries_of_a_policy_whole(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry={"max_attempts": 2}))
    await lose(rig)
    await lose(rig)
    await rig.advance(60_000)

    await rig.worker.start()

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.attempt, state.tries, state.crashes) == (3, 1, 2)


async def test_a_renewed_lease_is_not_reaped(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    rig.transitions.now_ms = rig.now_ms + LEASE_MS - 1
    await rig.transitions.renew_leases([held], lease_ms=LEASE_MS)
    rig.transitions.now_ms = rig.now_ms + 2
    before = await rig.dump()

    word, _ = await rig.transitions.reap_node(held.execution_id, "A", 1, lost=LOST, poison=POISON)

    assert word == "renewed"
    assert await rig.dump() == before


async def test_two_reapers_take_an_attempt_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await lose(rig)

    word, _ = await rig.transitions.reap_node(execution_id, "A", 1, lost=LOST, poison=POISON)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert word == "stale"
    assert (state.attempt, state.crashes) == (2, 1)


async def test_a_lease_that_outlived_its_attempt_does_not_end_the_next(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await lose(rig)
    held = await rig.worker.start_one("A")

    word, _ = await rig.transitions.reap_node(execution_id, "A", 1, lost=LOST, poison=POISON)

    assert (word, held.attempt) == ("stale", 2)
    assert await rig.nodes(execution_id) == {"A": NodeStatus.RUNNING}
    assert (await rig.worker.complete(held)).word == "ok"


async def test_an_attempt_lost_during_a_cancel_ends_cancelled(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.start()
    await rig.engine.executions.cancel(execution_id, grace_ms=90_000, request_id="1")

    await rig.advance(LEASE_MS + 1)

    assert await rig.nodes(execution_id) == {"A": NodeStatus.CANCELLED}
    assert await rig.status(execution_id) is ExecutionStatus.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_retry_in_place_forgets_the_workers_that_were_lost(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    for _ in range(MAX_INFRA_ATTEMPTS):
        await lose(rig)
        await rig.advance(60_000)
    await lose(rig)

    await rig.engine.executions.retry(execution_id)
    await lose(rig)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.crashes) == (NodeStatus.QUEUED, 1)


async def test_a_worker_may_give_up_its_own_attempt_before_its_lease_has_run_out(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")

    reply = await rig.transitions.reap_node(
        execution_id, "A", held.attempt, lost=LOST, poison=POISON, nonce=held.nonce
    )

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert reply[0] == "ok"
    assert (state.status, state.attempt, state.tries, state.crashes) == (NodeStatus.QUEUED, 2, 0, 1)
    assert (await rig.worker.complete(held)).word == "fenced"


async def test_nobody_gives_up_the_attempt_of_another_claim(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    before = await rig.dump()

    reply = await rig.transitions.reap_node(
        execution_id, "A", held.attempt, lost=LOST, poison=POISON, nonce=f"{held.nonce}0"
    )

    assert reply[0] == "stale"
    assert await rig.dump() == before
