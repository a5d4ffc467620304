"""The time one request may wait for Redis, whatever it asks and however often."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from clients import redis_client, redis_wire
from clients.redis_client import connect_commands
from clients.redis_wire import Wire
from clients.waiting import WaitBudget, Waiting, seconds_left
from orchestrator.errors import StoreUnavailable
from orchestrator.store.transitions import Transitions

#: More than any test waits: what ends in time was ended by the budget.
NEVER_S = 3_600.0


@pytest.fixture
async def black_hole(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """URL of a server that takes every connection and command, and answers none."""
    monkeypatch.setattr(redis_client, "COMMAND_TIMEOUT_S", NEVER_S)
    monkeypatch.setattr(redis_wire, "COMMAND_TIMEOUT_S", NEVER_S)
    monkeypatch.setattr(redis_client, "GREETING_TIMEOUT_S", NEVER_S)
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"redis://{host}:{port}/0"
    server.close()
    for writer in writers:
        writer.close()


async def test_every_way_to_ask_ends_with_the_budget(black_hole: str) -> None:
    redis = connect_commands(black_hole)
    wire = Wire(redis)
    pipe = redis.pipeline(transaction=False)
    pipe.get("k")

    for ask in (lambda: redis.get("k"), pipe.execute, lambda: wire.send([("GET", "k")])):
        budget = WaitBudget(0.05)
        with budget.applied(), pytest.raises(RedisTimeoutError):
            await ask()
        # Nothing of it is left for whatever the request would ask next.
        assert budget.left_s is not None
        assert budget.left_s <= 0
    await redis.aclose()


async def test_a_crowd_does_not_wait_for_each_others_turns(black_hole: str) -> None:
    redis = connect_commands(black_hole)
    wire = Wire(redis)

    async def ask() -> None:
        with WaitBudget(0.05).applied():
            await wire.send([("GET", "k")])

    answers = await asyncio.gather(*(ask() for _ in range(100)), return_exceptions=True)

    assert {type(answer) for answer in answers} == {RedisTimeoutError}
    await redis.aclose()


async def test_a_call_of_any_patience_ends_with_the_budget_of_its_request(black_hole: str) -> None:
    redis = connect_commands(black_hole)
    transitions = Transitions(redis, patience_s=NEVER_S)

    with WaitBudget(0.05).applied(), pytest.raises(StoreUnavailable):
        await transitions.continue_execution("x")
    await redis.aclose()


async def test_waits_are_charged_and_what_lies_between_is_not() -> None:
    budget = WaitBudget(NEVER_S)

    with budget.applied():
        await asyncio.to_thread(time.monotonic)
        before = budget.left_s
        async with Waiting(NEVER_S):
            await asyncio.to_thread(time.monotonic)

    assert before == NEVER_S
    assert budget.left_s is not None
    assert budget.left_s < NEVER_S


async def test_an_answer_that_has_begun_has_no_bound() -> None:
    budget = WaitBudget(0.0)

    with budget.applied():
        budget.lift()
        assert seconds_left(math.inf) == math.inf
    assert seconds_left(1.0) == 1.0


async def test_a_connection_that_is_not_greeted_is_given_up_before_its_command(
    black_hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "GREETING_TIMEOUT_S", 0.01)
    redis = connect_commands(black_hole)

    with pytest.raises(RedisTimeoutError):
        await redis.get("k")
    await redis.aclose()


@pytest.mark.parametrize("ends_with", [None, OSError])
async def test_a_cancel_that_was_swallowed_on_the_way_has_its_effect(
    ends_with: type[Exception] | None,
) -> None:
    begun, seen = asyncio.Event(), []

    async def swallow() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if ends_with is not None:
                raise ends_with from None

    async def ask() -> None:
        async with Waiting(NEVER_S):
            await swallow()
        seen.append("went on")

    task = asyncio.create_task(ask())
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == []


async def test_a_time_that_is_over_as_the_answer_comes_takes_nothing_away() -> None:
    async with Waiting(0.01):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
