"""Who may run jobs and look at them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.contract.jobs.running_jobs import DOCUMENTED
from tests.contract.two_tenants import TwoTenants, two_tenants


@pytest.fixture
async def house(redis_url: str) -> AsyncIterator[TwoTenants]:
    async with two_tenants(redis_url) as made:
        yield made


async def test_both_calls_are_closed_to_all_but_their_tenant(house: TwoTenants) -> None:
    job_id = (await house.post("/workflow/run", "acme", DOCUMENTED)).json()["job_id"]
    path = f"/status/{job_id}"

    assert await house.statuses("POST", "/workflow/run", DOCUMENTED) == {
        "no key": 401, "bad key": 401, "read": 403, "run": 202,
    }  # fmt: skip
    assert await house.statuses("GET", path) == {"no key": 401, "bad key": 401, "read": 200, "run": 200}
    other = await house.get(path, "bolt")
    assert (other.status_code, other.json()) == (404, {"detail": "Job not found"})


async def test_refusals_are_a_detail(house: TwoTenants) -> None:
    answers: list[httpx2.Response] = [
        await house.post("/workflow/run", None, DOCUMENTED),
        await house.post("/workflow/run", "read", DOCUMENTED),
    ]

    found: list[dict[str, Any]] = [answer.json() for answer in answers]
    assert all(list(each) == ["detail"] and isinstance(each["detail"], str) for each in found)
