"""Who may register, run and look at workflows in YAML."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from api.dialects.yaml_runs import DIALECT
from tests.contract.house import operations
from tests.contract.two_tenants import TwoTenants, two_tenants
from tests.contract.yaml_runs.running_yaml import TWO

CREATE = {"yaml_content": TWO}
OPEN = {"no key": 401, "bad key": 401}
CALLS = operations(DIALECT.owners)
BODIES = {"yaml_runs_create": CREATE}
#: With a key that opens them these wait for the end of their run.
WAITING = {"yaml_runs_execute", "yaml_runs_trigger"}
#: What keys of the scopes `read` and `run` get of the others.
STATUSES = {
    "yaml_runs_create": (403, 403),
    "yaml_runs_workflows": (200, 200),
    "yaml_runs_workflow": (200, 200),
    "yaml_runs_delete": (403, 403),
    "yaml_runs_execute_async": (403, 202),
    "yaml_runs_list": (200, 200),
    "yaml_runs_get": (200, 200),
    "yaml_runs_stream": (200, 200),
    # There is no demonstration among the files of these tests.
    "yaml_runs_demo": (403, 404),
}


@pytest.fixture
async def house(redis_url: str) -> AsyncIterator[TwoTenants]:
    async with two_tenants(redis_url) as made:
        yield made


def test_every_call_is_played() -> None:
    assert STATUSES.keys() | WAITING == CALLS.keys() == DIALECT.owners.keys()


async def test_every_call_is_closed_to_all_but_its_tenant(house: TwoTenants) -> None:
    made = (await house.post("/api/v1/workflows", "acme", CREATE)).json()
    run_id = (await house.post(f"/api/v1/runs/{made['id']}/execute-async", "acme", {})).json()["id"]
    await house.post(f"/v1/executions/{run_id}/cancel", "acme", {"grace": 0})
    names = {
        "workflow_id": made["id"],
        "run_id": run_id,
        "path": made["trigger_path"].removeprefix("/triggers/"),
    }

    for operation, (method, path) in CALLS.items():
        url, body = path.format(**names), BODIES.get(operation, {} if method == "POST" else None)
        if operation in WAITING:
            for key, status in ((None, 401), ("nonsense", 401), ("read", 403)):
                assert (await house.call(method, url, key, body)).status_code == status, operation
        else:
            expected = OPEN | dict(zip(("read", "run"), STATUSES[operation], strict=True))
            assert await house.statuses(method, url, body) == expected, operation
        if "{" in path:
            answer = await house.call(method, url, "bolt", body)
            assert (answer.status_code, list(answer.json())) == (404, ["detail"]), operation
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
