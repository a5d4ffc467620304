"""A real Redis for every test process, flushed before every test; the engine's parts built on it."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from functools import cache
from pathlib import Path

import httpcore2
import httpx2
import pytest
from hypothesis import HealthCheck, settings
from redis import Redis as SyncRedis
from redis.asyncio import Redis

import logs
from clients import redis_client
from clients.redis_client import connect_commands
from config import Settings
from headrace.registration import HANDLER_REGISTRY
from main import create_app
from orchestrator.engine import Engine
from orchestrator.redis_keys import Keys
from orchestrator.store.transitions import Transitions
from tests.fake_handlers import Stage, register_handlers
from tests.makers import FakeWorker, Rig, WorkerFleet
from tests.redis_server import RedisServer
from tests.serving import serving_app
from workers.handlers import Catalogue

# A machine that is short of breath for some seconds is slow, not broken, and must not fail a test.
redis_client.COMMAND_TIMEOUT_S = redis_client.BLOCKING_TIMEOUT_S = redis_client.GREETING_TIMEOUT_S = 60.0
# One process of tests serves hundreds of apps, one after the other: nothing of one may stay.
logs.keep_what_is_loaded = lambda: None
# Tests start hundreds of processes, and without byte code each of them compiles all of Headrace.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Whom the machine trusts is read from a file of 200 kB: once, and not for each client that is made.
vars(httpcore2)["default_ssl_context"] = cache(httpcore2.default_ssl_context)
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


#: A directory without workflow files: tests register their own.
NO_FILES = Path(__file__).parent / "no-workflows"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without looking for garbage: what is made stays, and later looks leave it out."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        # Looks every 700 new objects, as is usual, are a twentieth of all the time that tests take.
        gc.set_threshold(50_000)
        gc.enable()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory() as directory:
        server = RedisServer(Path(directory))
        server.start()
        yield server
        server.kill()


@pytest.fixture(scope="session")
def sweeper(redis_server: RedisServer) -> Iterator[SyncRedis]:
    """The connection by which Redis is emptied before each test."""
    with SyncRedis(port=redis_server.port) as client:
        yield client


@pytest.fixture
def redis_url(redis_server: RedisServer, sweeper: SyncRedis) -> str:
    """URL of a flushed Redis."""
    sweeper.flushall()
    sweeper.config_set("maxmemory", "0")
    return redis_server.url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect_commands(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def transitions(redis: Redis) -> Transitions:
    made = Transitions(redis, Keys())
    await made.load()
    return made


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
async def engine(redis: Redis, stage: Stage) -> Engine:
    made = Engine(redis, redis, catalogue=Catalogue)
    await made.transitions.load()
    return made


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving_app(create_app(Settings(redis_url=redis_url, workflows_dir=NO_FILES))) as made:
        yield made
