"""The wire that commands travel on in one round trip."""

from __future__ import annotations

from redis.asyncio import Redis

from clients.redis_client import Wire


async def test_answers_come_in_the_order_of_the_commands(redis: Redis) -> None:
    wire = Wire(redis)

    assert await wire.send([("SET", "k", "v"), ("GET", "k"), ("GET", "none")]) == [b"OK", b"v", None]
    await wire.let_go()


async def test_nothing_to_send_takes_no_connection(redis: Redis) -> None:
    wire = Wire(redis)

    assert await wire.send([]) == []

    # An empty write would leave the event loop trying it for ever, and the connection open.
    assert not wire._idle
