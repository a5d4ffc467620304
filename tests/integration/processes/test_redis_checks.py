"""What a Redis must be like for work to begin, and what is said about one that is not."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from orchestrator.errors import ConfigError
from orchestrator.store.health import await_usable, check_redis


@pytest.fixture
async def evicting(redis: Redis) -> AsyncIterator[Redis]:
    """A Redis that drops keys when its memory is full."""
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    yield redis
    await redis.config_set("maxmemory-policy", "noeviction")


async def test_a_redis_that_may_drop_keys_is_refused_with_the_cure(evicting: Redis) -> None:
    with pytest.raises(ConfigError) as refused:
        await await_usable(evicting, "here:6379/0", allow_eviction_policy=False)

    for word in (
        "here:6379/0",
        "allkeys-lru",
        "CONFIG SET maxmemory-policy noeviction",
        "ALLOW_EVICTION_POLICY",
    ):
        assert word in str(refused.value)


async def test_whoever_takes_the_risk_is_warned(evicting: Redis, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await await_usable(evicting, "here:6379/0", allow_eviction_policy=True)

    assert "eviction" in [getattr(record, "check", "") for record in caplog.records]


async def test_persistence_in_force_is_stated(redis: Redis) -> None:
    async def said() -> tuple[str, str]:
        check = next(each for each in await check_redis(redis) if each.name == "persistence")
        return check.level, check.detail

    assert (await said())[0] == "warning"
    await redis.config_set("appendonly", "yes")
    try:
        level, detail = await said()
    finally:
        await redis.config_set("appendonly", "no")
    assert level == "ok"
    assert "AOF" in detail
