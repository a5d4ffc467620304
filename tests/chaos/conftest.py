"""A cluster on a durable Redis of its own, empty at first; every process is gone after the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import tests.chaos.handlers  # noqa: F401  # submission checks handler names
from tests.chaos.client import Client
from tests.chaos.cluster import Cluster
from tests.redis_server import RedisServer

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
