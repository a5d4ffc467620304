"""A connection that is subscribed to channels."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from clients.redis_listener import Listener, Message
from tests.patience import PATIENCE_S


async def opened(redis: Redis, *channels: str) -> Listener:
    listener = Listener(redis)
    await listener.open()
    listener.subscribe(*channels)
    for channel in channels:
        assert await listener.next(PATIENCE_S) == Message(channel, b"", is_first=True)
    return listener


async def test_messages_come_in_their_order_after_the_subscription_stands(redis: Redis) -> None:
    listener = await opened(redis, "a", "b")

    for channel, text in (("a", "1"), ("b", "2"), ("a", "3")):
        await redis.publish(channel, text)

    found = [await listener.next(PATIENCE_S) for _ in range(3)]
    assert found == [Message("a", b"1"), Message("b", b"2"), Message("a", b"3")]
    await listener.close()


async def test_a_channel_that_was_left_is_not_heard(redis: Redis) -> None:
    listener = await opened(redis, "a", "b")
    listener.unsubscribe("a")
    while dict(await redis.pubsub_numsub("a"))[b"a"]:
        pass

    await redis.publish("a", "1")
    await redis.publish("b", "2")

    assert await listener.next(PATIENCE_S) == Message("b", b"2")
    await listener.close()


async def test_silence_is_told_and_a_sign_of_life_is_no_message(redis: Redis) -> None:
    listener = await opened(redis, "a")
    assert listener.has_heard()
    assert await listener.next(0.01) is None
    assert not listener.has_heard()

    listener.ping()

    while not listener.has_heard():
        assert await listener.next(0.01) is None
    await listener.close()


async def test_a_connection_that_is_cut_is_an_error_for_whoever_waits(redis: Redis) -> None:
    listener = await opened(redis, "a")

    await redis.client_kill_filter(_type="pubsub")

    with pytest.raises(RedisConnectionError):
        await listener.next(PATIENCE_S)
    await listener.close()


async def test_one_that_was_closed_here_gives_its_connection_back(redis: Redis) -> None:
    listener = await opened(redis, "a")

    await listener.close()

    with pytest.raises(RedisConnectionError):
        await listener.next(PATIENCE_S)
    assert not redis.connection_pool._in_use_connections
