"""Who may register, run and look at workflows in YAML."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from api.dialects.yaml_runs import DIALECT
from tests.contract.two_tenants import TwoTenants, two_tenants
from tests.contract.yaml_runs.running_yaml import TWO

CREATE = {"yaml_content": TWO}
OPEN = {"no key": 401, "bad key": 401}


@pytest.fixture
async def house(redis_url: str) -> AsyncIterator[TwoTenants]:
    async with two_tenants(redis_url) as made:
        yield made


async def test_every_call_is_closed_to_all_but_its_tenant(house: TwoTenants) -> None:
    made = (await house.post("/api/v1/workflows", "acme", CREATE)).json()
    path = f"/api/v1/workflows/{made['id']}"
    runs = f"/api/v1/runs/{made['id']}"
    run_id = (await house.post(f"{runs}/execute-async", "acme", {})).json()["id"]
    await house.post(f"/v1/executions/{run_id}/cancel", "acme", {"grace": 0})
    trigger = f"/api/v1/runs/trigger{made['trigger_path'].removeprefix('/triggers')}"
    run = f"/api/v1/runs/{run_id}"

    read, admin = {"read": 200, "run": 200}, {"read": 403, "run": 403}
    assert await house.statuses("POST", "/api/v1/workflows", CREATE) == OPEN | admin
    assert await house.statuses("GET", "/api/v1/workflows") == OPEN | read
    assert await house.statuses("GET", path) == OPEN | read
    assert await house.statuses("DELETE", path) == OPEN | admin
    assert await house.statuses("POST", f"{runs}/execute-async", {}) == OPEN | {"read": 403, "run": 202}
    assert await house.statuses("GET", "/api/v1/runs") == OPEN | read
    assert await house.statuses("GET", run) == OPEN | read
    assert await house.statuses("GET", f"{run}/stream") == OPEN | read
    # With a key that opens them these wait for the end of their run, or find no demonstration.
    for method, waiting in (("POST", f"{runs}/execute"), ("POST", trigger)):
        for key, status in ((None, 401), ("nonsense", 401), ("read", 403)):
            assert (await house.call(method, waiting, key, {})).status_code == status
    assert await house.statuses("POST", "/demo") == OPEN | {"read": 403, "run": 404}
    assert len(DIALECT.owners) == 11

    for method, foreign in (
        ("GET", path), ("DELETE", path), ("POST", f"{runs}/execute"), ("POST", f"{runs}/execute-async"),
        ("POST", trigger), ("GET", run), ("GET", f"{run}/stream"),
    ):  # fmt: skip
        answer = await house.call(method, foreign, "bolt", {} if method == "POST" else None)
        assert (answer.status_code, list(answer.json())) == (404, ["detail"]), foreign
    assert (await house.get("/api/v1/workflows", "bolt")).json() == []
    assert (await house.get("/api/v1/runs", "bolt")).json() == []


async def test_the_paths_of_other_tenants_than_default_are_made(house: TwoTenants) -> None:
    rows = [(await house.post("/api/v1/workflows", name, CREATE)).json() for name in ("acme", "bolt")]

    paths = [row["trigger_path"] for row in rows]
    assert all(path.startswith("/triggers/wh_") for path in paths)
    assert paths[0] != paths[1]


async def test_refusals_are_a_detail(house: TwoTenants) -> None:
    answers = [await house.post("/api/v1/workflows", key, CREATE) for key in (None, "nonsense", "read")]

    assert [(answer.status_code, list(answer.json())) for answer in answers] == [
        (401, ["detail"]),
        (401, ["detail"]),
        (403, ["detail"]),
    ]
