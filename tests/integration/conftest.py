"""The rig: engine, scripts and a worker of single steps, on a flushed Redis with a clock of its own."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from orchestrator.engine import Engine
from tests.makers import FakeWorker, Rig
from workers.handlers import Catalogue


@pytest.fixture
async def rig(redis: Redis) -> Rig:
    engine = Engine(redis, redis, catalogue=Catalogue)
    await engine.transitions.load()
    # From Redis' own time on, because what expires by itself (PX) expires by that.
    engine.transitions.now_ms = await engine.store.now_ms()
    return Rig(redis, engine.transitions, engine.store, engine, FakeWorker(engine.transitions, redis))
