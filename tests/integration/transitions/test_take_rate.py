"""Rates: so many requests of a subject in each window of time, counted alike by every process."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.errors import RateLimited
from orchestrator.operations.rates import Rate
from tests.makers import Rig

MINUTE_MS = 60_000
RATE = Rate("starts", 3, MINUTE_MS)


@pytest.fixture(autouse=True)
def _at_the_start_of_a_window(rig: Rig) -> None:
    rig.transitions.now_ms = rig.now_ms - rig.now_ms % MINUTE_MS + MINUTE_MS


async def left(rig: Rig, subject: str = "tenant acme", rate: Rate = RATE) -> int | None:
    try:
        return (await rig.engine.rates.take(rate, subject)).left
    except RateLimited:
        return None


async def test_a_window_has_so_many_and_the_next_one_as_many_again(rig: Rig) -> None:
    first = [await left(rig) for _ in range(5)]
    rig.transitions.now_ms = rig.now_ms + MINUTE_MS - 1
    last = await left(rig)
    rig.transitions.now_ms = rig.now_ms + 1
    following = await left(rig)

    assert first == [2, 1, 0, None, None]
    assert (last, following) == (None, 2)


async def test_subjects_and_kinds_are_counted_apart(rig: Rig) -> None:
    for _ in range(3):
        await left(rig)

    assert await left(rig) is None
    assert await left(rig, "tenant beta") == 2
    assert await left(rig, rate=Rate("reads", 3, MINUTE_MS)) == 2


async def test_a_refusal_says_when_to_come_back(rig: Rig) -> None:
    rig.transitions.now_ms = rig.now_ms + 17_500
    for _ in range(3):
        await left(rig)

    with pytest.raises(RateLimited) as raised:
        await rig.engine.rates.take(RATE, "tenant acme")

    assert raised.value.retry_after_s == 43
    assert raised.value.resets_ms % MINUTE_MS == 0
    assert (raised.value.code, raised.value.most) == ("RATE_LIMITED", 3)


async def test_of_many_at_once_as_many_pass_as_may(rig: Rig) -> None:
    found = await asyncio.gather(*(left(rig) for _ in range(50)))

    assert sorted(each for each in found if each is not None) == [0, 1, 2]


async def test_a_call_sent_again_counts_once(rig: Rig) -> None:
    async def take(call_id: str) -> tuple[str, int]:
        reply = await rig.transitions.take_rate("b", "s", most=2, window_ms=MINUTE_MS, call_id=call_id)
        return reply[0], reply[1]

    assert [await take(name) for name in ("a", "a", "b", "a", "c", "c")] == [
        ("ok", 1),
        ("ok", 1),
        ("ok", 0),
        ("ok", 0),
        ("refused", 0),
        ("refused", 0),
    ]


async def test_what_was_counted_goes_by_itself(rig: Rig) -> None:
    await left(rig)

    (key,) = await rig.redis.keys("workflows:rate:*")
    assert 0 < await rig.redis.pttl(key) <= MINUTE_MS
