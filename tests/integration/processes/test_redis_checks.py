"""What a Redis must be like for work to begin, and what is said about one that is not."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from clients.redis_client import connect_commands, connect_subscriber
from orchestrator.engine import Engine
from orchestrator.errors import ConfigError
from orchestrator.operations.events import Topic
from orchestrator.states import ExecutionStatus
from orchestrator.store.health import await_usable, check_redis
from tests.fake_handlers import Stage, ended, start
from tests.makers import WorkerFleet, node
from tests.redis_server import RedisServer
from workers.handlers import Catalogue


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


async def test_everything_works_over_a_socket_of_the_file_system(tmp_path: Path, stage: Stage) -> None:
    # The path of a socket may have about a hundred characters: that of the test may have more.
    with tempfile.TemporaryDirectory() as place:
        server = RedisServer(tmp_path, options=("--unixsocket", f"{place}/redis.sock"))
        server.start()
        url = f"unix://{place}/redis.sock?db=1"
        fleet = WorkerFleet(url)
        redis, subscriber = connect_commands(url), connect_subscriber(url)
        engine = Engine(redis, subscriber, catalogue=Catalogue)
        try:
            await fleet.start(lease_ms=900)
            woken = engine.events.subscribe()
            execution_id = await start(engine, node("A"), node("B", after=["A"]))
            await woken.watch(Topic(execution_id))

            assert await ended(engine, execution_id) is ExecutionStatus.COMPLETED
            assert await engine.workers.list()
            await woken.aclose()
        finally:
            await fleet.stop_all()
            await redis.aclose()
            await subscriber.aclose()
            server.kill()


@pytest.mark.parametrize(("delayed", "level"), [(0, "ok"), (4, "warning")])
async def test_a_disk_that_was_too_slow_is_a_warning(
    redis: Redis, delayed: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {**await redis.info(), "aof_enabled": 1, "aof_delayed_fsync": delayed}

    async def tell() -> dict[str, object]:
        return facts

    monkeypatch.setattr(redis, "info", tell)
    await redis.config_set("appendfsync", "everysec")
    try:
        found = {check.name: check for check in await check_redis(redis)}
    finally:
        await redis.config_set("appendfsync", "no")

    assert found["persistence"].level == level
    assert "up to 2 s while the disk is slower than its fsync" in found["persistence"].detail
