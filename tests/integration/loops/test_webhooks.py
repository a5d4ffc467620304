"""Ends of executions reach their receivers: at least once, in the rhythm of Standard Webhooks."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.execution.deliveries import Answer, DeliveryState
from orchestrator.loops.webhooks import LEASE_MS, MOST_AT_PLACE, PUT_OFF_MS, STEP_BACK_MS
from orchestrator.store.layout import VERSION
from tests.integration.receivers import (
    TAKEN,
    URL,
    Receiver,
    delivery_of,
    ended,
    look,
    pass_time,
    refused,
    sending,
)
from tests.makers import Rig, node

S = DeliveryState
HOUR = 3_600_000


async def test_a_receiver_that_fails_for_an_hour_gets_each_event_in_the_rhythm(rig: Rig) -> None:
    began_ms = rig.now_ms
    receiver = Receiver(lambda delivery, now_ms: refused() if now_ms < began_ms + HOUR else TAKEN)
    webhooks = sending(rig, receiver)
    executions = [await ended(rig) for _ in range(3)]

    await pass_time(rig, webhooks, began_ms + 12 * HOUR)

    taken = {body["data"]["execution_id"] for body in receiver.bodies}
    assert taken == set(executions)
    for execution_id in executions:
        delivery = await delivery_of(rig, execution_id)
        assert delivery.state is S.DELIVERED
        moments = [(attempt.at_ms - began_ms) / 1000 for attempt in delivery.attempts]
        assert moments == [0, 5, 305, 2105, 9305]
        assert [attempt.status_code for attempt in delivery.attempts] == [503, 503, 503, 503, 204]
    assert len({name for _, name, _ in receiver.seen}) == 3


async def test_a_receiver_that_never_recovers_is_given_up_after_ten_attempts(rig: Rig) -> None:
    began_ms = rig.now_ms
    receiver = Receiver(lambda delivery, now_ms: refused(500))
    execution_id = await ended(rig)

    await pass_time(rig, sending(rig, receiver), began_ms + 200 * HOUR)

    hours = [0, 5, 305, 2_105, 9_305, 27_305, 63_305, 113_705, 185_705, 272_105]
    assert receiver.moments(began_ms) == hours
    delivery = await delivery_of(rig, execution_id)
    assert (delivery.state, delivery.tries, delivery.due_ms) == (S.FAILED, 10, None)


async def test_every_attempt_sends_the_same_message(rig: Rig) -> None:
    receiver = Receiver(lambda delivery, now_ms: refused())
    execution_id = await rig.submit(node("A"), output={"n": 1}, on_complete={"url": URL})
    await rig.worker.run_all()
    webhooks = sending(rig, receiver)
    await look(rig, webhooks)
    await rig.engine.executions.purge(execution_id)

    await look(rig, webhooks, after_ms=5_000)

    (_, first_id, first), (_, second_id, second) = receiver.seen
    assert (first_id, first) == (second_id, second)


@pytest.mark.parametrize("status", [301, 302, 400, 404, 429, 502])
async def test_whatever_is_no_success_is_tried_again(rig: Rig, status: int) -> None:
    receiver = Receiver(lambda delivery, now_ms: refused(status))
    execution_id = await ended(rig)

    await look(rig, sending(rig, receiver))

    delivery = await delivery_of(rig, execution_id)
    assert (delivery.state, delivery.due_ms) == (S.PENDING, rig.now_ms + 5_000)


async def test_410_ends_a_delivery(rig: Rig) -> None:
    receiver = Receiver(lambda delivery, now_ms: refused(410))
    execution_id = await ended(rig)
    webhooks = sending(rig, receiver)

    await look(rig, webhooks)
    await pass_time(rig, webhooks, rig.now_ms + 100 * HOUR)

    assert (await delivery_of(rig, execution_id)).state is S.GONE
    assert len(receiver.seen) == 1


async def test_what_can_never_be_sent_is_given_up_at_once(rig: Rig) -> None:
    receiver = Receiver(lambda delivery, now_ms: Answer(1, error="refused address", is_final=True))
    execution_id = await ended(rig)

    await look(rig, sending(rig, receiver))

    assert (await delivery_of(rig, execution_id)).state is S.FAILED


async def test_a_receiver_may_ask_for_a_later_attempt(rig: Rig) -> None:
    receiver = Receiver(lambda delivery, now_ms: refused(429, retry_after_s=120.0))
    execution_id = await ended(rig)

    await look(rig, sending(rig, receiver))

    assert (await delivery_of(rig, execution_id)).due_ms == rig.now_ms + 120_000


async def test_a_throttled_place_gets_nothing_else_meanwhile(rig: Rig) -> None:
    receiver = Receiver(lambda delivery, now_ms: refused(429, retry_after_s=10.0))
    webhooks = sending(rig, receiver)
    await ended(rig)
    await look(rig, webhooks)
    await ended(rig)

    assert await look(rig, webhooks) == 0
    assert await look(rig, webhooks, after_ms=9_000) == 0
    assert await look(rig, webhooks, after_ms=2_000) == 2


async def test_an_attempt_that_breaks_is_a_failed_one(rig: Rig) -> None:
    def breaks(delivery: object, now_ms: int) -> Answer:
        raise RuntimeError("a fault of ours")

    execution_id = await ended(rig)

    await look(rig, sending(rig, Receiver(breaks)))

    delivery = await delivery_of(rig, execution_id)
    assert (delivery.state, delivery.tries) == (S.PENDING, 1)
    assert delivery.attempts[0].error == "the attempt broke: RuntimeError"


async def test_a_process_that_dies_before_it_records_leads_to_the_same_message_again(rig: Rig) -> None:
    receiver = Receiver()
    receiver.may_answer.clear()
    execution_id = await ended(rig)
    dying = sending(rig, receiver)
    await dying.run_once(rig.now_ms)
    while not receiver.seen:
        await asyncio.sleep(0)
    waiting = asyncio.create_task(dying.idle())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    receiver.may_answer.set()
    other = sending(rig, receiver)

    assert await look(rig, other, after_ms=LEASE_MS - 1) == 0
    assert await look(rig, other, after_ms=1) == 1

    (_, first_id, first), (_, second_id, second) = receiver.seen
    assert (first_id, first) == (second_id, second)
    assert (await delivery_of(rig, execution_id)).state is S.DELIVERED


async def test_two_processes_make_an_attempt_once(rig: Rig) -> None:
    receiver = Receiver()
    for _ in range(MOST_AT_PLACE):
        await ended(rig)
    loops = [sending(rig, receiver) for _ in range(2)]

    await asyncio.gather(*(each.run_once(rig.now_ms) for each in loops))
    for each in loops:
        await each.idle()

    assert len(receiver.seen) == len({name for _, name, _ in receiver.seen}) == MOST_AT_PLACE


async def test_a_slow_receiver_holds_up_no_other(rig: Rig) -> None:
    slow, waiting = Receiver(), MOST_AT_PLACE + 3
    slow.may_answer.clear()
    webhooks = sending(rig, slow)
    for _ in range(waiting):
        await ended(rig)
    assert await webhooks.run_once(rig.now_ms) == waiting
    quick = await ended(rig, on_complete={"url": "https://quick.example/"})

    assert await webhooks.run_once(rig.now_ms) == 1
    while len(slow.seen) < MOST_AT_PLACE + 1:
        await asyncio.sleep(0)

    assert {body["data"]["execution_id"] for body in slow.bodies} >= {quick}
    slow.may_answer.set()
    await webhooks.idle()
    assert len(slow.seen) == waiting + 1


async def test_a_backlog_of_one_place_holds_up_no_other(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.loops.webhooks.MOST_TAKEN", 2)
    slow = Receiver()
    slow.may_answer.clear()
    webhooks = sending(rig, slow)
    for _ in range(9):
        await ended(rig)
    quick = await ended(rig, on_complete={"url": "https://quick.example/"})

    await webhooks.run_once(rig.now_ms, limit=3)
    while len(slow.seen) < 3:
        await asyncio.sleep(0)

    assert {body["data"]["execution_id"] for body in slow.bodies} >= {quick}
    slow.may_answer.set()
    await webhooks.idle()
    assert await look(rig, webhooks, after_ms=STEP_BACK_MS) > 0


async def test_what_no_engine_wrote_holds_up_no_other(rig: Rig) -> None:
    await rig.redis.zadd("workflows:deliveries_due", {"strange": 1, "odd": 2})
    await rig.redis.set("workflows:delivery:odd", "text")
    receiver = Receiver()
    await ended(rig)

    await look(rig, sending(rig, receiver))

    assert len(receiver.seen) == 1
    assert await rig.redis.zcard("workflows:deliveries_due") == 0


async def test_a_damaged_record_is_due_no_more(rig: Rig) -> None:
    delivery = await delivery_of(rig, await ended(rig))
    await rig.redis.hset(f"workflows:delivery:{delivery.delivery_id}", "tries", "many")

    await look(rig, sending(rig, Receiver()))

    assert await rig.redis.zcard("workflows:deliveries_due") == 0


async def test_what_another_version_has_made_stands_back(rig: Rig) -> None:
    execution_id = await ended(rig)
    await rig.redis.hset(f"workflow:{execution_id}:runtime", "v", "99")
    receiver = Receiver()
    webhooks = sending(rig, receiver)
    await look(rig, webhooks)
    await rig.redis.hset(f"workflow:{execution_id}:runtime", "v", str(VERSION))

    assert await look(rig, webhooks, after_ms=PUT_OFF_MS - 1) == 0
    assert await look(rig, webhooks, after_ms=1) == 1

    assert len(receiver.seen) == 1
