"""The API with a worker that runs jobs as they come."""

from __future__ import annotations

import httpx2
import pytest

from tests.contract.jobs.running_jobs import Jobs
from tests.makers import WorkerFleet


@pytest.fixture
async def jobs(client: httpx2.AsyncClient, fleet: WorkerFleet) -> Jobs:
    await fleet.start()
    return Jobs(client)
