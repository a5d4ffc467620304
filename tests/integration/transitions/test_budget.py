"""What calls to paid services may use: set aside before, settled after, and never lost with a worker."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.budgets import NO_CAPS, Caps, Usage
from orchestrator.store.requests import AttemptToken
from tests.makers import LEASE_MS, Rig, node, workflow

USED = Usage(calls=1, input=30, output=10, cost_nanos=7)


async def reserve(
    rig: Rig,
    held: AttemptToken,
    tokens: int = 60,
    *,
    number: int = 1,
    nanos: int | None = 0,
    tenant: Caps = NO_CAPS,
) -> list[Any]:
    return await rig.transitions.reserve_budget(
        held, number=number, tokens=tokens, nanos=nanos, tenant=tenant
    )


async def settle(
    rig: Rig,
    held: AttemptToken,
    day: str,
    *,
    tokens: int = 60,
    nanos: int = 0,
    number: int = 1,
    used: Usage = USED,
) -> str:
    return await rig.transitions.settle_budget(held, number=number, held=(tokens, nanos, day), used=used)


async def usage(rig: Rig, execution_id: str) -> Usage:
    return (await rig.engine.executions.get(execution_id)).execution.usage


async def held_tokens(rig: Rig, execution_id: str) -> int:
    return int(await rig.redis.hget(rig.transitions.keys.runtime(execution_id), "held_tokens") or 0)


async def test_calls_at_once_share_what_there_is(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), budget={"max_tokens": 100})
    held = await rig.worker.start()

    first = await reserve(rig, held["A"])
    second = await reserve(rig, held["B"])

    assert first[0] == "ok"
    # 60 are held, not used: the other call may get them back.
    assert second == ["busy", "execution", "max_tokens", "100", "0", "60"]
    assert await settle(rig, held["A"], first[1]) == "ok"
    assert (await reserve(rig, held["B"]))[0] == "ok"
    assert await held_tokens(rig, execution_id) == 60


async def test_what_is_used_up_stays_used_up(rig: Rig) -> None:
    await rig.submit(node("A"), budget={"max_tokens": 100})
    held = await rig.worker.start_one("A")
    _, day = await reserve(rig, held, 100)
    await settle(rig, held, day, tokens=100, used=Usage(calls=1, input=50, output=20))

    refused = await reserve(rig, held, 31, number=2)
    assert refused == ["exceeded", "execution", "max_tokens", "100", "70", "0"]
    assert (await reserve(rig, held, 30, number=2))[0] == "ok"


async def test_a_call_larger_than_the_budget_is_refused_at_once(rig: Rig) -> None:
    await rig.submit(node("A"), budget={"max_tokens": 100})
    held = await rig.worker.start_one("A")

    assert (await reserve(rig, held, 101))[0] == "exceeded"


async def test_dollars_are_kept_as_tokens_are(rig: Rig) -> None:
    await rig.submit(node("A"), budget={"max_cost_usd": 0.000_000_1})
    held = await rig.worker.start_one("A")

    assert (await reserve(rig, held, nanos=100))[0] == "ok"
    assert (await reserve(rig, held, nanos=101, number=2))[:3] == ["exceeded", "execution", "max_cost_usd"]
    assert await reserve(rig, held, nanos=None, number=3) == ["unpriced", "execution"]


async def test_without_a_budget_anything_goes_and_is_counted(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")

    word, day = await reserve(rig, held, 10**12, nanos=None)
    await settle(rig, held, day, tokens=10**12, used=Usage(calls=1, unpriced_calls=1, input=3, output=4))

    assert word == "ok"
    assert await usage(rig, execution_id) == Usage(calls=1, unpriced_calls=1, input=3, output=4)
    assert (await usage(rig, execution_id)).cost_usd is None


#: What counts for a call that set aside 60 tokens and 7 nanos, when nobody saw its end.
LOST = Usage(calls=1, cost_nanos=7, lost_calls=1, lost_tokens=60)


async def lose(rig: Rig, tokens: int = 60, **fields: Any) -> tuple[str, AttemptToken, str]:
    """A call of node A whose worker is lost; gives the execution, the attempt and the day."""
    execution_id = await rig.submit(node("A"), **fields)
    held = await rig.worker.start_one("A")
    _, day = await reserve(rig, held, tokens, nanos=7)
    await rig.advance(LEASE_MS + 1)
    return execution_id, held, day


@pytest.mark.parametrize("fields", [{}, {"budget": {"max_tokens": 100}}], ids=["no limit", "limit"])
async def test_the_call_of_a_lost_worker_counts_as_the_most_it_can_have_used(
    rig: Rig, fields: dict[str, Any]
) -> None:
    execution_id, _, day = await lose(rig, **fields)

    assert await usage(rig, execution_id) == LOST
    assert await held_tokens(rig, execution_id) == 0
    ((_, today), *_) = await rig.engine.usage.by_day(days=1)
    assert today == LOST
    assert day == str(rig.now_ms // 86_400_000)


async def test_what_a_lost_worker_may_have_used_is_not_there_for_others(rig: Rig) -> None:
    await lose(rig, budget={"max_tokens": 100})
    again = await rig.worker.start_one("A")

    assert await reserve(rig, again, 41) == ["exceeded", "execution", "max_tokens", "100", "60", "0"]
    assert (await reserve(rig, again, 40))[0] == "ok"


async def test_a_call_without_a_price_is_lost_without_one(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    _, day = await reserve(rig, held, nanos=None)

    word = await rig.transitions.settle_budget(held, number=1, held=(60, None, day), used=None)

    assert word == "ok"
    assert await usage(rig, execution_id) == Usage(calls=1, unpriced_calls=1, lost_calls=1, lost_tokens=60)


@pytest.mark.parametrize("end", ["lease", "time-out", "deadline", "cancel"])
async def test_however_an_attempt_is_taken_away_its_call_counts(rig: Rig, end: str) -> None:
    name = "schedule_to_close_timeout" if end == "deadline" else "start_to_close_timeout"
    limit: dict[str, Any] = {name: 5}
    execution_id = await rig.submit(node("A", **limit, retry={"max_attempts": 2}))
    await reserve(rig, await rig.worker.start_one("A"), nanos=7)

    match end:
        case "lease":
            await rig.advance(LEASE_MS + 1)
        case "time-out" | "deadline":
            await rig.advance(6_001)
        case "cancel":
            await rig.engine.executions.cancel(execution_id, request_id="r1", grace_ms=0)
            await rig.advance(1)

    assert await usage(rig, execution_id) == LOST


async def test_what_a_worker_forgot_to_settle_counts_when_the_room_is_needed(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), budget={"max_tokens": 100})
    held = await rig.worker.start()
    await reserve(rig, held["A"], nanos=7)
    await rig.worker.complete(held["A"])

    assert await reserve(rig, held["B"]) == ["exceeded", "execution", "max_tokens", "100", "60", "0"]
    assert await usage(rig, execution_id) == LOST


async def test_true_numbers_that_come_late_take_the_place_of_the_most(rig: Rig) -> None:
    execution_id, lost, day = await lose(rig, budget={"max_tokens": 100, "daily": {"max_tokens": 1_000}})
    again = await rig.worker.start_one("A")
    await reserve(rig, again, 30)

    for _ in range(2):
        assert await settle(rig, lost, day, nanos=7) == "ok"

    assert await usage(rig, execution_id) == USED
    assert await held_tokens(rig, execution_id) == 30
    # Of the tenant's day, and of the definition's.
    days = await rig.redis.keys(f"workflows:usage:default:{day}*")
    counts = [await rig.redis.hmget(key, "used_tokens", "used_lost_tokens") for key in days]
    assert counts == [[b"40", b"0"]] * 2


async def test_an_attempt_that_was_replaced_reserves_nothing(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.advance(LEASE_MS + 1)

    assert await reserve(rig, held) == ["fenced"]


async def test_each_call_of_an_attempt_is_counted(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")

    for number in (1, 2, 3):
        _, day = await reserve(rig, held, number=number)
        await settle(rig, held, day, number=number)

    assert (await usage(rig, execution_id)).calls == 3
    assert (await usage(rig, execution_id)).input == 90


@pytest.mark.parametrize("is_same_definition", [True, False])
async def test_executions_of_one_definition_share_its_day(rig: Rig, is_same_definition: bool) -> None:
    budget = {"daily": {"max_tokens": 100}}
    title = "Zusammenfassung für heute: {day}"
    await rig.submit(node("A"), name=title, budget=budget)
    first = await rig.worker.start_one("A")
    await reserve(rig, first)
    await rig.submit(node("A"), name=title if is_same_definition else "other", budget=budget)
    second = await rig.worker.start_one("A")

    reply = await reserve(rig, second)

    assert reply[:2] == (["busy", "definition"] if is_same_definition else ["ok", reply[1]])
    assert not [key async for key in rig.redis.scan_iter() if b"heute" in key]


async def test_executions_of_one_tenant_share_its_day_and_the_next_day_is_a_new_one(rig: Rig) -> None:
    tenant = Caps(100, None)
    for name in ("one", "other"):
        await rig.submit(node(name), name=name)
    held = await rig.worker.start()
    _, day = await reserve(rig, held["one"], tenant=tenant)

    assert (await reserve(rig, held["other"], tenant=tenant))[:2] == ["busy", "tenant"]
    rig.transitions.now_ms = rig.now_ms + 86_400_000
    assert (await reserve(rig, held["other"], tenant=tenant))[0] == "ok"
    # A call that began yesterday is settled on the day its tokens were set aside.
    await settle(rig, held["one"], day)
    keys = rig.transitions.keys
    assert await rig.redis.hget(keys.usage("default", int(day)), "held_tokens") == b"0"
    assert await rig.redis.hget(keys.usage("default", int(day)), "used_tokens") == b"40"
    assert await rig.redis.hget(keys.usage("default", int(day) + 1), "held_tokens") == b"60"


async def test_every_tenant_has_a_day_of_its_own(rig: Rig) -> None:
    limit, keys = Caps(100, None), rig.transitions.keys
    for tenant, name in (("acme", "a1"), ("acme", "a2"), ("beta", "b"), ("default", "d")):
        await rig.engine.of(tenant).executions.submit(workflow(node(name)), trigger=True)
    held = await rig.worker.start()

    words = {name: await reserve(rig, held[name], tenant=limit) for name in ("a1", "a2", "b", "d")}

    day = int(words["a1"][1])
    assert {name: word[0] for name, word in words.items()} == {"a1": "ok", "a2": "busy", "b": "ok", "d": "ok"}
    assert words["a2"][1:3] == ["tenant", "max_tokens"]
    await settle(rig, held["a1"], str(day))
    for tenant, used, set_aside in (("acme", b"40", b"0"), ("beta", None, b"60"), ("default", None, b"60")):
        assert await rig.redis.hget(keys.usage(tenant, day), "used_tokens") == used
        assert await rig.redis.hget(keys.usage(tenant, day), "held_tokens") == set_aside
    ((_, today), *_) = await rig.engine.of("acme").usage.by_day(days=1)
    assert today.tokens == 40


async def test_forgotten_reservations_are_counted_a_hundred_at_a_time(rig: Rig) -> None:
    names = [f"n{number}" for number in range(250)]
    execution_id = await rig.submit(node("last"), *map(node, names), budget={"max_tokens": 1_000})
    held: dict[str, AttemptToken] = {}
    while len(held) <= len(names):
        held |= await rig.worker.start()
    for name in names:
        assert (await reserve(rig, held[name], 1))[0] == "ok"
        await rig.worker.complete(held[name])

    replies = [await reserve(rig, held["last"], 1_000) for _ in range(3)]

    assert [reply[0] for reply in replies] == ["exceeded"] * 3
    assert [reply[4:] for reply in replies] == [["100", "150"], ["200", "50"], ["250", "0"]]
    assert (await usage(rig, execution_id)).lost_tokens == 250
    assert await held_tokens(rig, execution_id) == 0


async def test_what_an_attempt_forgot_to_settle_counts_when_the_next_one_asks(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await reserve(rig, held, nanos=7)
    await rig.transitions.release_node(held)

    await reserve(rig, await rig.worker.start_one("A"), 30)

    assert await usage(rig, execution_id) == LOST
    assert await held_tokens(rig, execution_id) == 30


async def test_what_an_execution_that_is_gone_held_of_a_day_is_counted_there(rig: Rig) -> None:
    tenant = Caps(100, None)
    gone = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await reserve(rig, held, nanos=7, tenant=tenant)
    await rig.worker.complete(held)
    await rig.redis.delete(*await rig.redis.keys(f"workflow:{gone}*"))
    await rig.submit(node("B"))

    reply = await reserve(rig, await rig.worker.start_one("B"), tenant=tenant)

    assert reply == ["exceeded", "tenant", "max_tokens", "100", "60", "0"]
    ((_, today), *_) = await rig.engine.usage.by_day(days=1)
    assert today == LOST
