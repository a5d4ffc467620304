"""Handlers of children and of items, registered for one test, and simulations that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from headrace.registration import HANDLER_REGISTRY
from tests.dags import workflow
from tests.integration.child_workflows import Nursery
from tests.integration.mapped_nodes import tens_registered
from tests.makers import WorkerFleet
from workers.simulator.report import Simulation
from workers.simulator.simulator import Simulator
from workers.simulator.stubs import Stubs


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
def tens_handler() -> Iterator[None]:
    """The handler of items, registered for one test."""
    with tens_registered():
        yield


@pytest.fixture
def play(redis: Redis) -> Any:
    """Simulate the nodes given; nothing may be left behind."""

    async def played(
        *nodes: dict[str, Any], stubs: Any = None, inputs: dict[str, Any] | None = None, **extras: Any
    ) -> Simulation:
        simulator = Simulator(redis, stubs=Stubs.from_dict(stubs))
        try:
            return await simulator.run(workflow(*nodes, **extras), inputs)
        finally:
            assert await redis.keys() == []

    return played
