"""Workflows as clients of workflow servers see them: schemas, events, graphs; and the shipped ones."""

from __future__ import annotations

import asyncio
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

from config import ROOT
from orchestrator.documents.limits import Limits
from orchestrator.operations.workflow_files import register_files
from tests.contract.workflow_server.served import (
    OUT_SCHEMA,
    REQUEST_SCHEMA,
    RESPONSE_SCHEMA,
    Served,
    stop_event,
    stream_event,
)
from tests.patience import PATIENCE_S

START_SCHEMA: dict[str, Any] = {"properties": {}, "title": "StartEvent", "type": "object"}


async def test_what_starts_and_what_ends_a_workflow_have_schemas(placed: Served) -> None:
    assert (await placed.get("/workflows/greet/schema")).json() == {
        "start": {
            "properties": {"name": {"type": "string", "default": "World"}},
            "title": "StartEvent",
            "type": "object",
        },
        "stop": {"properties": {}, "title": "StopEvent", "type": "object"},
    }
    assert (await placed.get("/workflows/human/schema")).json() == {"start": START_SCHEMA, "stop": OUT_SCHEMA}


async def test_the_events_of_a_workflow_have_schemas(placed: Served) -> None:
    assert (await placed.get("/workflows/human/events")).json() == {
        "events": [REQUEST_SCHEMA, RESPONSE_SCHEMA, START_SCHEMA, OUT_SCHEMA]
    }


async def test_a_workflow_is_shown_as_a_graph_of_steps_and_events(placed: Served) -> None:
    def step(name: str) -> dict[str, Any]:
        return {"id": name, "label": name, "node_type": "step", "description": None}

    def event(schema: dict[str, Any], *parents: str, by: list[str]) -> dict[str, Any]:
        name = schema["title"]
        return {
            "id": name,
            "label": name,
            "node_type": "event",
            "event_type": name,
            "event_types": [name, *parents],
            "event_schema": schema,
            "produced_by": by,
        }

    def edge(source: str, target: str) -> dict[str, Any]:
        return {"source": source, "target": target, "label": None}

    found = (await placed.get("/workflows/human/representation")).json()["graph"]

    edges = found.pop("edges")
    assert found == {
        "name": "human",
        "nodes": [
            step("prompt_human"),
            step("greet_human"),
            event(REQUEST_SCHEMA, "InputRequiredEvent", by=["prompt_human"]),
            event(RESPONSE_SCHEMA, "HumanResponseEvent", by=[]),
            event(START_SCHEMA, by=[]),
            event(OUT_SCHEMA, "StopEvent", by=["greet_human"]),
            {"id": "external_step", "label": "external_step", "node_type": "external"},
        ],
        "description": "Asks a person for a name, and greets them.",
    }
    assert sorted(map(str, edges)) == sorted(
        map(
            str,
            [
                edge("StartEvent", "prompt_human"),
                edge("prompt_human", "RequestEvent"),
                edge("RequestEvent", "external_step"),
                edge("external_step", "ResponseEvent"),
                edge("ResponseEvent", "greet_human"),
                edge("greet_human", "OutEvent"),
                # Where steps follow one another without an event.
                edge("prompt_human", "greet_human"),
            ],
        )
    )


async def test_the_shipped_files_are_registered_and_run_as_they_say(served: Served, tmp_path: Path) -> None:
    for name in ("greet", "human"):
        await served.client.delete(f"/v1/workflows/{name}")
        shutil.copy(ROOT / "workflows" / f"{name}.yaml", tmp_path)
    counts = await register_files(tmp_path, served.rig.engine.workflows, limits=Limits())
    listed = (await served.get("/workflows")).json()["workflows"]
    running = await served.start("greet", start_event={"name": "Ada"})
    async with asyncio.timeout(PATIENCE_S):
        await served.watch(running).task

    assert counts == {"created": 2}
    assert set(listed) == {"quick", "fail", "slow", "greet", "human"}
    assert await served.lines(running) == [*map(stream_event, range(3)), stop_event("Hello, Ada!")]
    history = await served.rig.store.events(running, after=0, limit=1_000)
    emitted_ms = [event.ts_ms for event in history if event.type in ("node.event", "execution.completed")]
    assert all(later - earlier >= 300 for earlier, later in pairwise(emitted_ms))


async def test_a_workflow_is_listed_as_soon_as_it_has_an_interface_and_no_longer(served: Served) -> None:
    async def listed() -> list[str]:
        found: list[str] = (await served.get("/workflows")).json()["workflows"]
        return found

    nodes = [{"id": "A", "handler": "noop"}]
    before = await listed()
    await served.client.put(
        "/v1/workflows/plain",
        json={"name": "plain", "nodes": nodes, "interface": {}},
        headers={"If-Match": "*"},
    )
    shown = (await served.client.get("/v1/workflows/plain")).json()["has_interface"]
    within = await listed()
    await served.client.put(
        "/v1/workflows/plain", json={"name": "plain", "nodes": nodes}, headers={"If-Match": "*"}
    )

    assert "plain" not in before
    assert "plain" in within and shown is True
    assert await listed() == before


async def test_many_workflows_are_all_listed(served: Served) -> None:
    names = [f"w{number:03}" for number in range(120)]
    for name in names:
        answer = await served.client.put(
            f"/v1/workflows/{name}",
            json={"name": name, "nodes": [{"id": "A", "handler": "noop"}], "interface": {}},
        )
        assert answer.status_code == 201

    found = (await served.get("/workflows")).json()["workflows"]

    assert found == ["quick", "fail", "slow", "greet", "human", *names]
