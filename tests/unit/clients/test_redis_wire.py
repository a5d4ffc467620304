"""The wire that commands travel on in one round trip."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from clients import redis_wire
from clients.redis_wire import KEPT_CONNECTIONS, Wire


async def test_answers_come_in_the_order_of_the_commands(redis: Redis) -> None:
    wire = Wire(redis)

    assert await wire.send([("SET", "k", "v"), ("GET", "k"), ("GET", "none")]) == [b"OK", b"v", None]
    await wire.let_go()


async def test_nothing_to_send_takes_no_connection(redis: Redis) -> None:
    wire = Wire(redis)

    assert await wire.send([]) == []

    # An empty write would leave the event loop trying it for ever, and the connection open.
    assert not wire._idle


async def test_an_error_answer_stands_in_its_place(redis: Redis) -> None:
    wire = Wire(redis)

    first, error, last = await wire.send([("SET", "k", "v"), ("HGET", "k", "f"), ("GET", "k")])

    assert (first, last) == (b"OK", b"v")
    assert isinstance(error, ResponseError)
    await wire.let_go()


async def test_more_calls_than_connections_take_turns(redis: Redis) -> None:
    wire = Wire(redis)
    count = 3 * KEPT_CONNECTIONS

    answers = await asyncio.gather(*(wire.send([("ECHO", str(number))]) for number in range(count)))

    assert answers == [[str(number).encode()] for number in range(count)]
    assert len(wire._idle) <= KEPT_CONNECTIONS
    await wire.let_go()


async def test_a_connection_that_was_closed_meanwhile_is_replaced(redis: Redis) -> None:
    wire = Wire(redis)
    ((own,),) = [await wire.send([("CLIENT", "ID")])]
    await redis.client_kill_filter(_id=str(own))
    line = wire._idle[0][0]
    while not line.is_closed:
        await asyncio.sleep(0)

    assert await wire.send([("ECHO", "again")]) == [b"again"]
    await wire.let_go()


async def test_the_answer_to_a_cancelled_call_is_nobodys(redis: Redis) -> None:
    wire = Wire(redis)
    await wire.send([("PING",)])
    call = asyncio.create_task(wire.send([("BLPOP", "never", "0.05")]))
    await asyncio.sleep(0)
    call.cancel()

    assert await wire.send([("ECHO", "mine")]) == [b"mine"]
    with pytest.raises(asyncio.CancelledError):
        await call
    await wire.let_go()


async def test_no_answer_in_time_is_an_error_and_the_connection_goes(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire(redis)
    await wire.send([("PING",)])
    monkeypatch.setattr(redis_wire, "COMMAND_TIMEOUT_S", 0.01)

    with pytest.raises(RedisTimeoutError):
        await wire.send([("BLPOP", "never", "30")])

    assert not wire._idle


async def test_a_later_call_has_all_of_its_own_time(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(redis)
    monkeypatch.setattr(redis_wire, "COMMAND_TIMEOUT_S", 0.4)
    await wire.send([("BLPOP", "never", "0.25")])

    assert await wire.send([("BLPOP", "never", "0.25")]) == [None]
    await wire.let_go()
