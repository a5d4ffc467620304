"""claim_delivery, record_delivery, resend_delivery: what they promise beside what the loop shows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.receivers import delivery_of, ended
from tests.makers import Rig

LEASE_MS = 30_000
ATTEMPT = b'{"at_ms":1,"duration_ms":1}'


async def claim(rig: Rig, delivery_id: str, claim_id: str, content: bytes = b"{}") -> list[Any]:
    reply: list[Any] = await rig.transitions.claim_delivery(
        delivery_id, claim_id=claim_id, lease_ms=LEASE_MS, content=content
    )
    return reply


async def record(rig: Rig, delivery_id: str, claim_id: str, state: str = "pending") -> str:
    word: str = await rig.transitions.record_delivery(
        delivery_id, claim_id=claim_id, state=state, delay_ms=5_000, attempt=ATTEMPT
    )
    return word


@pytest.fixture
async def delivery_id(rig: Rig) -> str:
    return (await delivery_of(rig, await ended(rig))).delivery_id


async def test_a_claim_fixes_what_is_sent(rig: Rig, delivery_id: str) -> None:
    first = await claim(rig, delivery_id, "c1", b"first")
    await record(rig, delivery_id, "c1")
    rig.transitions.now_ms = rig.now_ms + 5_000

    second = await claim(rig, delivery_id, "c2", b"second")
    again = await claim(rig, delivery_id, "c2", b"second")

    assert (first, second, again) == (["ok", "first", 0], ["ok", "first", 1], ["ok", "first", 1])


async def test_one_claim_at_a_time_until_its_lease_ends(rig: Rig, delivery_id: str) -> None:
    await claim(rig, delivery_id, "c1")

    assert (await claim(rig, delivery_id, "c2"))[0] == "early"
    rig.transitions.now_ms = rig.now_ms + LEASE_MS
    assert (await claim(rig, delivery_id, "c3"))[0] == "ok"
    assert await record(rig, delivery_id, "c1") == "stale"
    assert await record(rig, delivery_id, "c3") == "ok"


async def test_nothing_is_claimed_before_its_time(rig: Rig, delivery_id: str) -> None:
    await claim(rig, delivery_id, "c1")
    await record(rig, delivery_id, "c1")
    rig.transitions.now_ms = rig.now_ms + 4_999

    assert (await claim(rig, delivery_id, "c2"))[0] == "early"


@pytest.mark.parametrize("state", ["delivered", "failed", "gone"])
async def test_what_has_ended_is_not_claimed(rig: Rig, delivery_id: str, state: str) -> None:
    await claim(rig, delivery_id, "c1")
    await record(rig, delivery_id, "c1", state)

    assert await claim(rig, delivery_id, "c2") == ["ended", "", 0]
    assert await rig.redis.zcard("workflows:deliveries_due") == 0


async def test_what_is_not_there_is_unknown(rig: Rig) -> None:
    assert (await claim(rig, "x.1.0", "c1"))[0] == "unknown"
    assert await record(rig, "x.1.0", "c1") == "stale"
    assert await rig.transitions.resend_delivery("x.1.0", tenant="default", call_id="1") == "unknown"
    assert await rig.redis.keys("*deliver*") == []


async def test_the_last_twenty_attempts_are_kept(rig: Rig, delivery_id: str) -> None:
    for number in range(23):
        await claim(rig, delivery_id, f"c{number}")
        await record(rig, delivery_id, f"c{number}")
        rig.transitions.now_ms = rig.now_ms + 5_000

    delivery = await rig.engine.deliveries.get(delivery_id)

    assert [attempt.number for attempt in delivery.attempts] == list(range(4, 24))


async def test_a_resend_leaves_an_attempt_under_way_alone(rig: Rig, delivery_id: str) -> None:
    await claim(rig, delivery_id, "c1")

    assert await rig.transitions.resend_delivery(delivery_id, tenant="default", call_id="1") == "ok"

    assert (await claim(rig, delivery_id, "c2"))[0] == "early"
    assert await record(rig, delivery_id, "c1", "delivered") == "ok"


async def test_what_is_sent_again_is_not_trimmed_as_ended(rig: Rig, delivery_id: str) -> None:
    await claim(rig, delivery_id, "c1")
    await record(rig, delivery_id, "c1", "failed")

    await rig.transitions.resend_delivery(delivery_id, tenant="default", call_id="1")

    assert await rig.redis.zcard("idx:deliveries_ended:default") == 0
    assert (await claim(rig, delivery_id, "c2"))[0] == "ok"


async def test_a_claim_that_was_recorded_is_not_made_again(rig: Rig, delivery_id: str) -> None:
    await claim(rig, delivery_id, "c1")
    await record(rig, delivery_id, "c1")
    rig.transitions.now_ms = rig.now_ms + 5_000

    assert (await claim(rig, delivery_id, "c1"))[0] == "early"
    assert (await claim(rig, delivery_id, "c2"))[0] == "ok"
