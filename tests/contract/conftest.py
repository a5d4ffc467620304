"""What stands behind the API in these tests: single steps of a worker, on the clock of Redis."""

import pytest
from redis.asyncio import Redis

from orchestrator.engine import Engine
from tests.makers import FakeWorker, Rig
from workers.handlers import Catalogue


@pytest.fixture
async def rig(redis: Redis) -> Rig:
    engine = Engine(redis, redis, catalogue=Catalogue)
    return Rig(redis, engine.transitions, engine.store, engine, FakeWorker(engine.transitions, redis))


@pytest.fixture
async def worker(rig: Rig) -> FakeWorker:
    return rig.worker
