"""A parked unit holds nothing, wakes for a letter or its timer, and is not charged for it."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.execution.model import NodeState
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from orchestrator.store.requests import OperatorNote
from tests.integration.durable_units import append, letters_of, park, parked, parking, post
from tests.makers import LEASE_MS, Rig, node

N, E = NodeStatus, ExecutionStatus


async def state_of(rig: Rig, execution_id: str, node_id: str = "A") -> NodeState:
    return (await rig.engine.nodes.get(execution_id, node_id)).state


async def test_a_parked_unit_holds_neither_lease_nor_task(rig: Rig) -> None:
    execution_id = await parked(rig)

    state = await state_of(rig, execution_id)
    assert (state.status, state.waiting_on, state.due_ms) == (N.WAITING, WaitingOn.INBOX, None)
    assert await rig.redis.zcard("workflows:leases") == 0
    assert await rig.redis.xlen("workflow:tasks") == 0
    assert await rig.redis.zcard("workflows:timers") == 0
    event = (await rig.engine.events.list(execution_id))[-1]
    assert (event.type, orjson.loads(event.data)) == (
        "node.waiting", {"waiting_on": "inbox", "waits_for": ["a reply"]},
    )  # fmt: skip


async def test_a_letter_wakes_it(rig: Rig) -> None:
    execution_id = await parked(rig, rig.now_ms + 60_000)

    assert await post(rig, execution_id, payload=b'"yes"') == ["ok", "RUNNING", 1, 0]

    assert (await state_of(rig, execution_id)).status is N.QUEUED
    assert await rig.redis.zcard("workflows:timers") == 0
    assert (await rig.events(execution_id))[-2:] == ["letter.received:A", "node.queued:A"]
    assert await letters_of(rig, execution_id) == [(1, b'"yes"')]
    await rig.worker.run_all()
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_letter_that_came_before_the_park_wakes_it_at_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await post(rig, execution_id)

    assert await park(rig, held, rig.now_ms + 60_000) == "ok"

    assert (await state_of(rig, execution_id)).status is N.QUEUED
    assert await rig.redis.zcard("workflows:timers") == 0


async def test_a_letter_that_was_taken_does_not_wake_it(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await post(rig, execution_id)
    await append(rig, held, 1, takes=1)

    await park(rig, held)

    assert (await state_of(rig, execution_id)).status is N.WAITING


async def test_its_timer_wakes_it(rig: Rig) -> None:
    execution_id = await parked(rig, rig.now_ms + 60_000)
    await rig.advance(59_999)
    assert (await state_of(rig, execution_id)).status is N.WAITING

    await rig.advance(1)

    assert (await state_of(rig, execution_id)).status is N.QUEUED
    event = (await rig.engine.events.list(execution_id))[-1]
    assert orjson.loads(event.data) == {"cause": "inbox"}


async def test_parks_are_neither_tries_nor_crashes(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry={"max_attempts": 2}))
    await rig.worker.retry(await rig.worker.start_one("A"), delay_ms=0)
    await rig.tick()
    await rig.advance(LEASE_MS + 1) if await rig.worker.start() else None
    for _ in range(5):
        await park(rig, await rig.worker.start_one("A"), rig.now_ms)
        await rig.tick()
    await rig.worker.start_one("A")

    state = await state_of(rig, execution_id)
    assert (state.tries, state.crashes, state.attempt) == (2, 1, 8)
    attempts = (await rig.engine.nodes.attempts(execution_id, "A")).attempts
    assert [attempt.try_number for attempt in attempts] == [1, 2, 2, 2, 2, 2, 2, 2]


async def test_an_attempt_that_finds_a_letter_when_it_parks_is_no_try(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await post(rig, execution_id)
    await park(rig, held)
    await rig.worker.complete(await rig.worker.start_one("A"))

    attempts = (await rig.engine.nodes.attempts(execution_id, "A")).attempts
    assert [(each.try_number, str(each.outcome)) for each in attempts] == [(1, "waiting"), (1, "completed")]


async def test_a_pause_keeps_letters_and_holds_the_unit(rig: Rig) -> None:
    execution_id = await parked(rig)
    await rig.engine.executions.pause(execution_id, request_id="p")

    assert await post(rig, execution_id) == ["ok", "PAUSED", 1, 0]

    assert (await state_of(rig, execution_id)).status is N.PENDING
    assert await rig.repairs(execution_id) == []
    await post(rig, execution_id)
    await rig.engine.executions.resume(execution_id, request_id="r")
    assert (await state_of(rig, execution_id)).status is N.QUEUED
    assert len(await letters_of(rig, execution_id)) == 2


async def test_a_unit_that_parks_while_paused_with_a_letter_is_held(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.pause(execution_id, request_id="p")
    await post(rig, execution_id)
    await park(rig, held)

    assert (await state_of(rig, execution_id)).status is N.PENDING
    await rig.engine.executions.resume(execution_id, request_id="r")
    assert (await state_of(rig, execution_id)).status is N.QUEUED


async def test_a_timer_that_fires_in_a_pause_fires_after_it(rig: Rig) -> None:
    execution_id = await parked(rig, rig.now_ms + 1_000)
    await rig.engine.executions.pause(execution_id, request_id="p")
    await rig.advance(1_000)
    assert (await state_of(rig, execution_id)).status is N.WAITING
    assert await rig.repairs(execution_id) == []

    await rig.engine.executions.resume(execution_id, request_id="r")
    await rig.tick()

    assert (await state_of(rig, execution_id)).status is N.QUEUED


async def test_a_cancel_ends_a_parked_unit_without_a_call(rig: Rig) -> None:
    execution_id = await parked(rig, rig.now_ms + 60_000)

    await rig.engine.executions.cancel(execution_id, grace_ms=60_000, request_id="c")

    assert (await state_of(rig, execution_id)).status is N.CANCELLED
    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_unit_that_parks_during_a_cancel_ends(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, grace_ms=60_000, request_id="c")

    await park(rig, held)

    assert (await state_of(rig, execution_id)).status is N.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_an_operator_may_wake_it(rig: Rig) -> None:
    execution_id = await parked(rig, rig.now_ms + 60_000)

    await rig.engine.nodes.retry_now(execution_id, "A", OperatorNote("ann"))

    assert (await state_of(rig, execution_id)).status is N.QUEUED
    assert await rig.redis.zcard("workflows:timers") == 0


async def test_the_sweep_wakes_a_unit_that_a_letter_did_not(rig: Rig) -> None:
    execution_id = await parked(rig, rig.now_ms + 60_000)
    key = rig.transitions.keys.key("inbox", execution_id=execution_id)
    await rig.redis.hset(key, mapping={"A|last": 1, "A|1": b"1"})

    assert await rig.repairs(execution_id) == ["letter A"]
    seq = await rig.engine.events.last_seq(execution_id)
    await rig.transitions.repair_execution(execution_id, seq=seq, repairs=["letter A"])

    assert (await state_of(rig, execution_id)).status is N.QUEUED
    assert await rig.repairs(execution_id) == []


@pytest.mark.parametrize("until", [None, 60_000])
async def test_a_parked_unit_needs_no_repair_unless_its_timer_is_lost(rig: Rig, until: int | None) -> None:
    due_ms = None if until is None else rig.now_ms + until
    execution_id = await parked(rig, due_ms)
    assert await rig.repairs(execution_id) == []

    await rig.redis.delete("workflows:timers")

    expected = [] if until is None else [f"retime A 1 inbox {due_ms}"]
    assert await rig.repairs(execution_id) == expected


async def test_the_schedule_to_close_timeout_counts_while_it_is_parked(rig: Rig) -> None:
    execution_id = await parked(rig, schedule_to_close_timeout=5)

    await rig.advance(5_000)

    assert (await state_of(rig, execution_id)).status is N.FAILED


async def test_a_park_may_claim_what_comes_next(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.submit(node("next"))

    reply = await parking(rig, held, claiming=rig.worker.claiming())

    assert [claim.node_id for claim in reply.claims] == ["next"]
