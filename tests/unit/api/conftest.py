"""The API over a fake engine, in process."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2
import pytest
from fastapi import FastAPI

from api import routers
from api.access import Reach, attach
from api.simulator_process import SimulatorProcess
from api.streaming.hub import Hub
from orchestrator.documents.limits import Limits
from orchestrator.engine import Engine
from orchestrator.errors import StoreUnavailable
from tests.unit.api.fakes import FakeEngine


@pytest.fixture
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def hub(fake: FakeEngine) -> AsyncIterator[Hub]:
    made = Hub(cast(Engine, fake))
    yield made
    await made.close()


@pytest.fixture
def app(fake: FakeEngine, hub: Hub) -> FastAPI:
    made = FastAPI(docs_url=None, redoc_url=None)
    routers.install(
        made,
        Limits(max_body_bytes=2_000, max_definition_bytes=20_000),
        store_errors={OSError: lambda error: StoreUnavailable(str(error))},
    )
    attach(made, Reach(cast(Engine, fake), hub, SimulatorProcess([], {})))
    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport: Any = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://headrace") as made:
        yield made
