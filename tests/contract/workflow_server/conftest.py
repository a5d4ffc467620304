"""A workflow server with workers behind it, and some workflows registered."""

from __future__ import annotations

import httpx2
import pytest

from tests.contract.workflow_server.served import PREFIXES, Served
from tests.fake_handlers import Stage
from tests.makers import Rig, WorkerFleet


@pytest.fixture
async def served(client: httpx2.AsyncClient, rig: Rig, stage: Stage, fleet: WorkerFleet) -> Served:
    await fleet.start()
    made = Served(client, rig)
    await made.register()
    return made


@pytest.fixture(params=PREFIXES, ids=["root", "llama"])
def placed(served: Served, request: pytest.FixtureRequest) -> Served:
    """The same server at both of its places."""
    return Served(served.client, served.rig, request.param)
