"""The log of deliveries: by tenant, page by page, sent again by hand, and gone with its execution."""

from __future__ import annotations

import pytest

from orchestrator.errors import DeliveryNotFound, ExecutionNotFound
from orchestrator.execution.deliveries import Answer, DeliveryState
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


@pytest.mark.parametrize("answer", [TAKEN, refused(410), Answer(1, error="no", is_final=True)])
async def test_a_delivery_can_be_sent_again_by_hand(rig: Rig, answer: Answer) -> None:
    receiver = Receiver(lambda delivery, now_ms: answer)
    webhooks = sending(rig, receiver)
    execution_id = await ended(rig)
    await look(rig, webhooks)
    delivery = await delivery_of(rig, execution_id)
    receiver.answer = lambda delivery, now_ms: TAKEN

    due = await rig.engine.deliveries.resend(delivery.delivery_id, request_id="1")
    await rig.engine.deliveries.resend(delivery.delivery_id, request_id="1")
    await look(rig, webhooks)
    await rig.engine.deliveries.resend(delivery.delivery_id, request_id="1")

    assert await look(rig, webhooks) == 0
    assert (due.state, due.due_ms) == (S.PENDING, rig.now_ms)
    assert [name for _, name, _ in receiver.seen] == [delivery.message_id] * 2
    again = await rig.engine.deliveries.get(delivery.delivery_id)
    assert (again.state, again.tries) == (S.DELIVERED, 1)
    assert [attempt.number for attempt in again.attempts] == [1, 2]


async def test_what_is_sent_again_has_all_its_attempts(rig: Rig) -> None:
    receiver = Receiver(lambda delivery, now_ms: refused())
    webhooks = sending(rig, receiver)
    execution_id = await ended(rig)
    await pass_time(rig, webhooks, rig.now_ms + 100 * HOUR)
    delivery = await delivery_of(rig, execution_id)

    await rig.engine.deliveries.resend(delivery.delivery_id, request_id="1")
    await pass_time(rig, webhooks, rig.now_ms + 100 * HOUR)

    again = await delivery_of(rig, execution_id)
    assert (delivery.tries, again.tries) == (10, 10)
    assert len(receiver.seen) == 20


async def test_deliveries_of_another_tenant_are_unknown(rig: Rig) -> None:
    execution_id = await ended(rig)
    delivery = await delivery_of(rig, execution_id)
    acme = rig.engine.of("acme").deliveries

    for ask in (acme.get(delivery.delivery_id), acme.resend(delivery.delivery_id, request_id="1")):
        with pytest.raises(DeliveryNotFound):
            await ask
    with pytest.raises(ExecutionNotFound):
        await acme.list(execution_id=execution_id)
    assert (await acme.list()).items == []


async def test_an_ended_execution_says_what_is_still_to_be_delivered(rig: Rig) -> None:
    execution_id = await ended(rig)
    await look(rig, sending(rig, Receiver(lambda delivery, now_ms: refused())))

    final, pending = await rig.engine.executions.explain(execution_id)

    assert final.waiting_for == "nothing: the execution is COMPLETED"
    assert pending.waiting_for.startswith(
        "attempt 2 of 10 to deliver execution.completed to https://receiver"
    )
    assert pending.until_ms == rig.now_ms + 5_000


async def test_a_purge_takes_what_was_delivered_away(rig: Rig) -> None:
    execution_id = await ended(rig)
    await look(rig, sending(rig, Receiver()))

    await rig.engine.executions.purge(execution_id)

    assert await rig.redis.keys("*deliver*") == []


async def test_what_was_not_delivered_outlives_a_purge_until_it_is(rig: Rig) -> None:
    receiver = Receiver()
    execution_id = await ended(rig)
    await rig.engine.executions.purge(execution_id)

    assert await look(rig, sending(rig, receiver)) == 1

    assert receiver.bodies[0]["data"]["execution_id"] == execution_id
    assert await rig.redis.keys("*deliver*") == []


async def test_the_log_is_read_page_by_page_and_by_state(rig: Rig) -> None:
    receiver = Receiver(lambda delivery, now_ms: refused(410) if delivery.target.url == URL else TAKEN)
    executions = [await ended(rig, on_complete={"url": f"{URL}/{n}" if n % 2 else URL}) for n in range(5)]
    webhooks = sending(rig, receiver)
    await look(rig, webhooks)

    first = await rig.engine.deliveries.list(limit=3)
    rest = await rig.engine.deliveries.list(limit=3, cursor=first.next_cursor)
    gone = await rig.engine.deliveries.list(state=S.GONE)

    found = [each.execution_id for each in (*first.items, *rest.items)]
    assert (sorted(found), rest.next_cursor) == (sorted(executions), None)
    assert {each.execution_id for each in gone.items} == set(executions[::2])


async def test_the_newest_ended_deliveries_of_a_tenant_are_kept(rig: Rig) -> None:
    receiver = Receiver()
    webhooks = sending(rig, receiver)
    old = await ended(rig)
    await look(rig, webhooks)
    await rig.redis.zadd("idx:deliveries_ended:default", {f"x{n}": rig.now_ms + n for n in range(1, 1_000)})
    await ended(rig)

    await look(rig, webhooks, after_ms=2_000)

    assert (await rig.engine.deliveries.list(execution_id=old)).items == []
    assert len((await rig.engine.deliveries.list()).items) == 1


async def test_results_are_recorded_when_redis_is_full(rig: Rig) -> None:
    receiver = Receiver()
    webhooks = sending(rig, receiver)
    execution_id = await rig.submit(node("A"), on_complete={"url": URL})
    held = await rig.worker.start_one("A")
    await rig.redis.config_set("maxmemory", "1mb")

    await rig.worker.complete(held)
    await look(rig, webhooks)
    delivery = await delivery_of(rig, execution_id)
    await rig.engine.deliveries.resend(delivery.delivery_id, request_id="1")
    await look(rig, webhooks)

    await rig.redis.config_set("maxmemory", "0")
    assert (delivery.state, len(receiver.seen)) == (S.DELIVERED, 2)
