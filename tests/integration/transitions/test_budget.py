"""What calls to paid services may use: set aside before, settled after, and never lost with a worker."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.budgets import NO_CAPS, Caps, Usage
from orchestrator.transitions import Holding
from tests.makers import LEASE_MS, Rig, node

USED = Usage(calls=1, input=30, output=10, cost_nanos=7)


async def reserve(
    rig: Rig,
    held: Holding,
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
    held: Holding,
    day: str,
    *,
    tokens: int = 60,
    nanos: int = 0,
    number: int = 1,
    used: Usage = USED,
) -> str:
    return await rig.transitions.settle_budget(held, number=number, held=(tokens, nanos, day), used=used)


async def usage(rig: Rig, execution_id: str) -> Usage:
    return (await rig.engine.get(execution_id)).execution.usage


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

    assert (await reserve(rig, held, 30, number=2))[0] == "ok"
    assert await reserve(rig, held, 31, number=3) == [
        "exceeded",
        "execution",
        "max_tokens",
        "100",
        "70",
        "30",
    ]


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


async def test_a_lost_worker_gives_back_what_it_held(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), budget={"max_tokens": 100})
    held = await rig.worker.start()
    await reserve(rig, held["A"])
    assert (await reserve(rig, held["B"]))[0] == "busy"

    await rig.advance(LEASE_MS + 1)
    again = await rig.worker.start()

    assert (await reserve(rig, again["B"]))[0] == "ok"
    assert await held_tokens(rig, execution_id) == 60


async def test_what_a_lost_attempt_used_is_counted_once_and_gives_nothing_back_twice(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), budget={"max_tokens": 100})
    held = await rig.worker.start()
    _, day = await reserve(rig, held["A"])
    await rig.advance(LEASE_MS + 1)
    again = await rig.worker.start()
    await reserve(rig, again["B"])

    for _ in range(2):
        assert await settle(rig, held["A"], day) == "ok"

    assert await usage(rig, execution_id) == USED
    assert await held_tokens(rig, execution_id) == 60


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
    await rig.submit(node("A"), name="summary", budget=budget)
    first = await rig.worker.start_one("A")
    await reserve(rig, first)
    await rig.submit(node("A"), name="summary" if is_same_definition else "other", budget=budget)
    second = await rig.worker.start_one("A")

    reply = await reserve(rig, second)

    assert reply[:2] == (["busy", "definition"] if is_same_definition else ["ok", reply[1]])


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


async def test_a_thousand_forgotten_reservations_are_let_go_of_in_one_call(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), budget={"max_tokens": 1_000})
    held = await rig.worker.start_one("A")
    for number in range(1, 1_001):
        assert (await reserve(rig, held, 1, number=number))[0] == "ok"
    assert (await reserve(rig, held, 1, number=1_001))[0] == "busy"
    await rig.advance(LEASE_MS + 1)
    again = await rig.worker.start_one("A")

    assert (await reserve(rig, again, 1_000))[0] == "ok"
    assert await held_tokens(rig, execution_id) == 1_000
    assert await rig.redis.zcard(rig.transitions.keys.key("reservations", execution_id=execution_id)) == 1


# Streams


async def pieces(rig: Rig, held: Holding, *numbers: int, allowed: int = 100) -> str:
    lines = [(number, "node.token", b'{"text":"%d"}' % number) for number in numbers]
    return await rig.transitions.report_events(held, lines, tokens_allowed=allowed)


async def streamed(rig: Rig, execution_id: str) -> list[tuple[str, int | None, bytes]]:
    return [
        (event.type, event.attempt, event.data)
        for event in await rig.engine.events(execution_id)
        if event.type in ("node.token", "stream.reset")
    ]


async def test_a_new_attempt_takes_back_what_the_one_before_streamed(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await pieces(rig, held, 1)
    await rig.transitions.release_node(held)

    await rig.worker.start_one("A")

    assert (await rig.events(execution_id))[-2:] == ["node.started:A", "stream.reset:A"]
    assert (await streamed(rig, execution_id))[-1] == (
        "stream.reset", 2, b'{"reason":"attempt","attempt":1}',
    )  # fmt: skip


async def test_an_attempt_after_one_without_a_stream_takes_nothing_back(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    for _ in range(3):
        held = await rig.worker.start_one("A")
        await rig.transitions.release_node(held)

    assert not await streamed(rig, execution_id)


async def test_a_claim_sent_again_takes_back_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await pieces(rig, held, 1)
    await rig.transitions.release_node(held)
    (task,) = await rig.worker.read()
    again = rig.worker.holding(task)

    for _ in range(2):
        await rig.worker.claim(task, again)

    assert (await rig.events(execution_id)).count("stream.reset:A") == 1


async def test_a_stream_is_taken_back_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await pieces(rig, held, 1)

    for _ in range(2):
        await rig.transitions.release_node(held)
        held = await rig.worker.start_one("A")

    assert (await rig.events(execution_id)).count("stream.reset:A") == 1


async def test_what_is_lost_with_its_worker_is_taken_back(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await pieces(rig, await rig.worker.start_one("A"), 1, 2)

    await rig.advance(LEASE_MS + 1)
    again = await rig.worker.start_one("A")
    await pieces(rig, again, 1)

    kinds = [(type, attempt) for type, attempt, _ in await streamed(rig, execution_id)]
    assert kinds == [("node.token", 1), ("node.token", 1), ("stream.reset", 2), ("node.token", 2)]


async def test_a_stream_too_long_to_be_kept_is_taken_back_whole(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")

    await pieces(rig, held, 1, 2, allowed=3)
    await pieces(rig, held, 3, 4, 5, allowed=3)
    await pieces(rig, held, 6, allowed=3)

    found = await streamed(rig, execution_id)
    assert [type for type, _, _ in found] == ["node.token"] * 3 + ["stream.reset"]
    assert found[-1][2] == b'{"reason":"capped"}'


async def test_streams_leave_log_lines_their_room(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await pieces(rig, held, *range(1, 50), allowed=10)

    word = await rig.transitions.report_events(held, [(60, "node.log", b"{}")], allowed=1, tokens_allowed=10)

    assert word == "ok"
    assert (await rig.events(execution_id))[-1] == "node.log:A"
