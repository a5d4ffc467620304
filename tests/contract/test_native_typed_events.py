"""Typed events and interfaces over HTTP: streamed as any other event, checked, served as they were sent."""

import json
from typing import Any

import httpx2

from tests.contract.samples import node, submit, workflow
from tests.integration.handler_steps import act
from tests.makers import Rig

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
INTERFACE = {
    "start": {"type": "object", "title": "StartEvent"},
    "stop": {"name": "OutEvent", "types": ["StopEvent"], "schema": NUMBER, "qualified_name": "app.OutEvent"},
    "events": {"Step": {"schema": NUMBER, "types": ["Event"], "qualified_name": "app.Step"}, "Free": {}},
}
DOCUMENT = workflow(
    node("A", handler="emit", config={"type": "Step", "value": {"n": 1}}),
    node("B", after=["A"], handler="emit", config={"type": "Free", "value": "so\nfar", "internal": True}),
    interface=INTERFACE,
    output={"n": 2},
)


async def test_typed_events_are_streamed_as_any_other(client: httpx2.AsyncClient, rig: Rig) -> None:
    answer = await client.post("/v1/executions", json={"definition": DOCUMENT, "trigger": True})
    execution_id = answer.json()["execution_id"]
    await act(rig)

    path = f"/v1/executions/{execution_id}/events"
    lines = (await client.get(path, headers={"Accept": "application/x-ndjson"})).text.splitlines()
    sse = (await client.get(path)).text

    events = [event for event in map(json.loads, lines) if event["type"] == "node.event"]
    assert [(event["node_id"], event["attempt"], event["data"]) for event in events] == [
        (
            "A",
            1,
            {
                "value": {"n": 1},
                "types": ["Event"],
                "type": "Step",
                "qualified_name": "app.Step",
                "internal": False,
            },
        ),
        (
            "B",
            1,
            {"value": "so\nfar", "types": None, "type": "Free", "qualified_name": None, "internal": True},
        ),
    ]
    frames = [frame for frame in sse.split("\n\n") if "\nevent: node.event\n" in frame]
    assert [json.loads(frame.partition("data: ")[2]) for frame in frames] == events
    detail = (await client.get(f"/v1/executions/{execution_id}")).json()
    assert (detail["status"], detail["output"]) == ("COMPLETED", {"n": 2})


async def test_an_interface_is_served_as_it_was_sent(client: httpx2.AsyncClient) -> None:
    registered = await client.put("/v1/workflows/steps", json={"definition": DOCUMENT})
    execution_id = await submit(client, DOCUMENT)

    workflow_detail = (await client.get("/v1/workflows/steps")).json()
    version = (await client.get("/v1/workflows/steps/versions/1")).json()
    of_execution = (await client.get(f"/v1/executions/{execution_id}/definition")).json()

    assert registered.status_code == 201, registered.text
    for definition in (workflow_detail["definition"], version["definition"], of_execution):
        assert definition["interface"] == INTERFACE


async def test_a_wrong_interface_is_refused_with_every_problem(client: httpx2.AsyncClient) -> None:
    wrong: Any = {"strat": {}, "events": {"Step": {"schema": {"type": "objekt"}, "types": "Event"}}}

    answer = await client.post("/workflow", json={**DOCUMENT, "interface": wrong})

    assert answer.status_code == 422
    assert [each["path"] for each in answer.json()["errors"]] == [
        "interface.strat",
        "interface.events.Step.schema.type",
        "interface.events.Step.types",
    ]


async def test_a_signal_that_is_no_event_of_its_name_is_422(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, DOCUMENT)
    path = f"/v1/executions/{execution_id}/signals"

    refused = await client.post(f"{path}/Step", json={"payload": {"n": "one"}})
    taken = await client.post(f"{path}/Free", json={"payload": {"n": "one"}})

    assert (refused.status_code, refused.json()["code"]) == (422, "PAYLOAD_INVALID")
    assert [each["path"] for each in refused.json()["errors"]] == ["payload.n"]
    assert taken.status_code == 202


async def test_validation_warns_of_events_that_are_not_declared(client: httpx2.AsyncClient) -> None:
    document = {**DOCUMENT, "interface": {"events": {"Free": {}}}}

    answer = (await client.post("/v1/validate", json=document)).json()

    warned = [(each["path"], each["code"]) for each in answer["warnings"]]
    assert ("dag.nodes[0].config.type", "undeclared_event") in warned
