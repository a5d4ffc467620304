"""The workflows that come along in `workflows/`, run without any key, and the demonstration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.dialects.yaml_runs.reader import StepsReader
from config import ROOT, Settings
from main import create_app
from orchestrator.documents.limits import Limits
from orchestrator.operations.workflow_files import READERS, register_files
from tests.contract.yaml_runs.running_yaml import Runs
from tests.makers import Rig, WorkerFleet
from tests.serving import serving_app
from workers.context import Toolbox

TYPES = {
    "document_summary": ["http", "llm", "notify"],
    "lead_qualification": ["llm", "condition", "notify", "notify"],
    "service_health_pipeline": ["trigger", "http", "condition", "notify", "notify", "notify"],
    "support_triage": ["llm", "condition", "notify", "notify"],
}
SIX = [
    "receive_event", "fetch_health", "route_on_status", "notify_healthy", "notify_degraded", "finalize_run",
]  # fmt: skip


@pytest.fixture
async def built_in(redis_url: str, fleet: WorkerFleet, tools: Toolbox) -> AsyncIterator[Runs]:
    """The API as it starts in a deployment, with its own workflow files."""
    await fleet.start(tools=tools)
    app = create_app(Settings(redis_url=redis_url, workflows_dir=ROOT / "workflows"))
    async with serving_app(app) as client:
        yield Runs(client)


async def registered(runs: Runs) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in (await runs.client.get("/api/v1/workflows")).json()}


async def test_four_workflows_are_there_with_their_paths(built_in: Runs) -> None:
    rows = await registered(built_in)

    assert rows.keys() == TYPES.keys()
    paths = {row["trigger_path"] for row in rows.values()}
    assert paths == {
        f"/triggers/{name}"
        for name in ("document-summary", "lead-qualification", "service-health", "support-triage")
    }
    for row in rows.values():
        shown = (await built_in.client.get(f"/api/v1/workflows/{row['id']}")).json()
        text = (ROOT / "workflows" / f"{row['name']}.yaml").read_text()
        assert shown["yaml_content"] == text
        assert [step["type"] for step in shown["steps"]] == TYPES[row["name"]]


@pytest.mark.parametrize(("status", "skipped"), [(200, "notify_degraded"), (503, "notify_healthy")])
async def test_the_health_pipeline_runs_six_of_six(
    runs: Runs, service: str, status: int, skipped: str
) -> None:
    text = (ROOT / "workflows" / "service_health_pipeline.yaml").read_text()
    address = "http://localhost:8000/health"
    assert text.count(address) == 1
    # What this machine serves on that port is none of this test.
    await runs.register(text.replace(address, f"{service}/{status}/health"))

    answer = await runs.client.post("/api/v1/runs/trigger/service-health", json={})

    found = answer.json()
    assert (found["status"], found["steps_completed"], found["total_steps"]) == ("completed", 6, 6)
    shown = await runs.detail(found["run_id"])
    assert list(shown["by_id"]) == SIX
    assert [step["node_type"] for step in shown["steps"]] == TYPES["service_health_pipeline"]
    assert shown["by_id"]["fetch_health"]["output_data"]["status_code"] == status
    assert [step["step_id"] for step in shown["steps"] if step["status"] == "skipped"] == [skipped]
    events = await runs.events(found["run_id"])
    progress = [event["progress"] for event in events if event["type"] == "step_completed"]
    assert progress == [16, 33, 50, 66, 83, 100]


@pytest.mark.parametrize(
    ("path", "data", "asked"),
    [
        (
            "document-summary",
            {"url": "{service}/200/doc", "email": "jane@example.com"},
            '"path":"/200/doc"',
        ),
        (
            "lead-qualification",
            {"name": "Jane", "company": "Acme", "message": "Seats, please"},
            "Seats, please",
        ),
        (
            "support-triage",
            {"from": "jane@example.com", "subject": "Down", "text": "Nothing works"},
            "Nothing works",
        ),
    ],
)
async def test_those_that_ask_a_model_run_by_the_echo_too(
    built_in: Runs, service: str, path: str, data: dict[str, str], asked: str
) -> None:
    data = {name: text.replace("{service}", service) for name, text in data.items()}

    answer = await built_in.client.post(f"/api/v1/runs/trigger/{path}", json=data)

    found = await built_in.detail(answer.json()["run_id"])
    assert (found["status"], found["steps_completed"]) == ("completed", found["total_steps"])
    model = next(step for step in found["steps"] if step["node_type"] == "llm")
    assert asked in model["output_data"]["content"]
    notices = [
        step for step in found["steps"] if step["node_type"] == "notify" and step["status"] == "completed"
    ]
    assert [notice["output_data"]["sent"] for notice in notices] == [True]


async def test_the_demonstration_starts_the_health_pipeline(built_in: Runs) -> None:
    rows = await registered(built_in)

    answer = await built_in.client.post("/demo")

    run_id = answer.json()["run_id"]
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "id": run_id,
            "run_id": run_id,
            "workflow_id": rows["service_health_pipeline"]["id"],
            "status": "queued",
            "stream_url": f"/api/v1/runs/{run_id}/stream",
        },
    )
    await built_in.ended(run_id)
    answer = await built_in.client.get(answer.json()["stream_url"])
    assert '"type":"run_completed"' in answer.text


async def test_mistakes_of_a_file_are_named_with_their_lines(
    rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = "name: x\ntrigger: {path: x}\nsteps:\n"
    (tmp_path / "a.yaml").write_text(head + "  - {id: a, type: htp}\n")
    (tmp_path / "b.yaml").write_text(
        head + "  - {id: a, type: trigger}\n  - {id: b, type: http, url: 'ftp://x'}\n"
    )

    counts = await register_files(
        tmp_path, rig.engine.workflows, limits=Limits(), readers=[*READERS, StepsReader()]
    )

    assert counts == {"refused": 2}
    errors = [record.error for record in caplog.records if hasattr(record, "error")]
    assert [
        ("steps[0].type" in errors[0], "line 4" in errors[0]),
        ("step 'b'" in errors[1], "line 5" in errors[1]),
    ] == [(True, True)] * 2


async def test_a_file_is_registered_once(built_in: Runs, redis_url: str) -> None:
    before = await registered(built_in)
    app = create_app(Settings(redis_url=redis_url, workflows_dir=ROOT / "workflows"))
    async with app.router.lifespan_context(app):
        assert await registered(built_in) == before
