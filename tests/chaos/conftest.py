"""A cluster on a durable Redis of its own, empty at first; every process is gone after the test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

import tests.chaos.handlers  # noqa: F401  # submission checks handler names
from tests.chaos.client import Client
from tests.chaos.cluster import Cluster
from tests.conftest import RedisServer

LEASE_MS = 1_500


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    redis = RedisServer(tmp_path, is_durable=True)
    redis.start()
    made = Cluster(tmp_path, LEASE_MS, redis)
    yield made
    assert made.close() == []


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    made = Client(cluster.redis.url, seed=1)
    yield made
    await made.aclose()


async def until(is_so: Callable[[], bool], what: str, *, within_s: float = 30.0) -> None:
    """Wait for something another process does."""
    deadline_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.02)
