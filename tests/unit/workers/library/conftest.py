"""An engine of containers that is none, and what a handler that runs containers is given."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.clients.containers.fake_engine import FakeEngine, running_engine
from tests.unit.workers.library.containers import context_with, toolbox_on
from workers.context import HandlerContext


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    async with running_engine() as made:
        yield made


@pytest.fixture
async def context(engine: FakeEngine) -> AsyncIterator[HandlerContext]:
    tools = toolbox_on(engine)
    yield context_with(tools)
    await tools.aclose()
