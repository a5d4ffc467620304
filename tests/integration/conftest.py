"""Two ways to run the engine: the rig, in single steps with its own clock, and a fleet of real workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.asyncio import Redis

from orchestrator.engine import Engine
from tests.dags import workflow
from tests.integration.child_workflows import Nursery
from tests.integration.fake_handlers import Stage, register_handlers
from tests.makers import FakeWorker, Rig, WorkerFleet
from workers.handlers import Catalogue
from workers.registry import HANDLER_REGISTRY
from workers.simulator.report import Simulation
from workers.simulator.simulator import Simulator
from workers.simulator.stubs import Stubs


@pytest.fixture
async def rig(redis: Redis) -> Rig:
    engine = Engine(redis, redis, catalogue=Catalogue)
    await engine.transitions.load()
    # From Redis' own time on, because what expires by itself (PX) expires by that.
    engine.transitions.now_ms = await engine.store.now_ms()
    return Rig(redis, engine.transitions, engine.store, engine, FakeWorker(engine.transitions, redis))


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage with handlers registered for one test."""
    made = Stage()
    before = dict(HANDLER_REGISTRY)
    register_handlers(made)
    yield made
    HANDLER_REGISTRY.clear()
    HANDLER_REGISTRY.update(before)


@pytest.fixture
async def fleet(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkerFleet]:
    # A drain waits for the read that blocks; the tests would rather not.
    monkeypatch.setattr("workers.worker.BLOCK_MS", 50)
    made = WorkerFleet(redis_url)
    yield made
    await made.stop_all()


@pytest.fixture
def nursery(fleet: WorkerFleet) -> Iterator[Nursery]:
    """The handler of children's nodes, registered for one test."""
    made = Nursery()
    made.register()
    yield made
    # Nobody waits any more, so that no drain has to.
    made.may_go_on.set()
    HANDLER_REGISTRY.pop("test_kid", None)


@pytest.fixture
async def engine(redis: Redis, stage: Stage) -> Engine:
    made = Engine(redis, redis, catalogue=Catalogue)
    await made.transitions.load()
    return made


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(1)
    yield pool
    pool.shutdown()


@pytest.fixture
def play(redis: Redis, threads: ThreadPoolExecutor) -> Any:
    """Simulate the nodes given; nothing may be left behind."""

    async def played(
        *nodes: dict[str, Any], stubs: Any = None, inputs: dict[str, Any] | None = None, **extras: Any
    ) -> Simulation:
        simulator = Simulator(redis, stubs=Stubs.from_dict(stubs), threads=threads)
        try:
            return await simulator.run(workflow(*nodes, **extras), inputs)
        finally:
            assert await redis.keys() == []

    return played
