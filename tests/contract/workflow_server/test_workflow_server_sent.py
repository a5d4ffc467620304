"""Events that are sent to runs of workflow servers: taken in every form, refused with a reason, kept."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.contract.workflow_server.served import STREAM_EVENT, Served, stop_event
from tests.fake_handlers import Stage
from tests.makers import node, until, workflow
from tests.patience import PATIENCE_S


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ResponseEvent", "value": {"response": "Ada"}},
        {"type": "ResponseEvent", "data": {"response": "Ada"}},
        {"type": "ResponseEvent", "value": {"response": "Ada"}, "qualified_name": None},
        {"type": "ResponseEvent", "value": {"response": "Ada"}, "qualified_name": "other.Thing"},
        {"__is_pydantic": True, "value": {"response": "Ada"}, "qualified_name": "my_server.ResponseEvent"},
        {"__is_pydantic": True, "value": {"response": "Ada"}, "qualified_name": "__main__.ResponseEvent"},
        {"value": {"_data": {"response": "Ada"}}, "type": "ResponseEvent"},
        json.dumps({"type": "ResponseEvent", "value": {"response": "Ada"}}),
        json.dumps(
            {"__is_pydantic": True, "value": {"response": "Ada"}, "qualified_name": "m.ResponseEvent"}
        ),
    ],
)
async def test_an_event_is_taken_in_every_form(served: Served, event: Any) -> None:
    handler_id = await served.start("human")

    answer = await served.post(f"/events/{handler_id}", {"event": event})

    async with asyncio.timeout(PATIENCE_S):
        await served.watch(handler_id).task
    assert (answer.status_code, answer.json()) == (200, {"status": "sent"})
    assert (await served.get(f"/results/{handler_id}")).json()["result"] == {"output": "Hello, Ada"}


@pytest.mark.parametrize("step", ["greet_human", None])
async def test_an_event_may_name_its_step(served: Served, step: str | None) -> None:
    handler_id = await served.start("human")
    event = {"type": "ResponseEvent", "value": {"response": "Ada"}}

    answer = await served.post(f"/events/{handler_id}", {"event": event, "step": step})

    assert (answer.status_code, answer.json()) == (200, {"status": "sent"})


EXPECTED = "Expected one of RequestEvent, ResponseEvent, StartEvent, OutEvent"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Event data is required"),
        ({"event": None}, "Event data is required"),
        ({"event": ""}, "Event data is required"),
        ({"event": {"type": "Nope", "value": {}}}, f"Invalid event type: Nope. {EXPECTED}"),
        (
            {"event": {"__is_pydantic": True, "value": {}, "qualified_name": "a.Nope"}},
            f"Invalid event type: Nope. {EXPECTED}",
        ),
        (
            {"event": {"response": "Ada"}},
            "Event type is required: the event has neither 'type' nor 'qualified_name'",
        ),
        (
            {"event": {"type": "ResponseEvent", "value": {"response": 3}}},
            "'event.value.response' must be text, found 3",
        ),
        ({"event": {"type": "ResponseEvent", "value": {}}}, "'event.value': 'response' is missing"),
        (
            {"event": {"type": "ResponseEvent", "value": {"response": "Ada"}}, "step": "nope"},
            "Step 'nope' does not exist. Expected one of prompt_human, greet_human",
        ),
        ({"event": 7}, "'event' must be an object, or a text of JSON; found a number"),
        (
            {"event": "nonsense"},
            "'event' is a text that is not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
    ],
)
async def test_an_event_that_cannot_be_is_refused_and_the_run_waits_on(
    served: Served, body: dict[str, Any], detail: str
) -> None:
    handler_id = await served.start("human")

    answer = await served.post(f"/events/{handler_id}", body)

    assert (answer.status_code, answer.json()["detail"].startswith(detail)) == (400, True), answer.text
    assert (await served.get(f"/handlers/{handler_id}")).json()["status"] == "running"


async def test_an_event_for_an_unknown_run_is_404_and_for_one_that_has_ended_409(placed: Served) -> None:
    ended, cancelled = await placed.finished("quick"), await placed.start("human")
    await placed.post(f"/handlers/{cancelled}/cancel")
    event = {"event": {"type": "ResponseEvent", "value": {"response": "late"}}}

    unknown = await placed.post("/events/unknown", {"event": {"type": "X", "value": {}}})
    late = [await placed.post(f"/events/{each}", event) for each in (ended, cancelled)]
    no_json = await placed.client.post(f"{placed.prefix}/events/{ended}", content=b"{")

    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Handler not found"})
    assert [(each.status_code, each.json()) for each in late] == [
        (409, {"detail": "Workflow already completed"})
    ] * 2
    assert no_json.status_code == 400
    assert no_json.json()["detail"].startswith("Invalid JSON body: ")


async def test_an_event_that_comes_before_its_wait_is_kept(served: Served, stage: Stage) -> None:
    document = workflow(
        node("held", handler="test_wait", config={}),
        node("W", handler="wait_for_signal", after=["held"], config={"name": "StreamEvent"}),
        name="early",
        interface={"events": {"StreamEvent": STREAM_EVENT}},
        output="{{ W.sequence }}",
    )
    await served.client.put("/v1/workflows/early", json=document)
    handler_id = await served.start("early")
    async with asyncio.timeout(PATIENCE_S):
        await stage.started.wait()

    sent = await served.post(
        f"/events/{handler_id}", {"event": {"type": "StreamEvent", "value": {"sequence": 7}}}
    )
    stage.may_go_on.set()
    async with asyncio.timeout(PATIENCE_S):
        await served.watch(handler_id).task

    assert sent.status_code == 200
    assert await served.lines(handler_id) == [stop_event(7)]


async def test_one_idempotency_key_sends_one_event(served: Served) -> None:
    document = workflow(
        node("first", handler="wait_for_signal", config={"name": "StreamEvent"}),
        node("next", handler="wait_for_signal", after=["first"], config={"name": "StreamEvent"}),
        name="twice",
        interface={"events": {"StreamEvent": STREAM_EVENT}},
        output="{{ first.sequence }}, {{ next.sequence }}",
    )
    await served.client.put("/v1/workflows/twice", json=document)
    handler_id = await served.start("twice")

    answers = []
    for sequence, key in ((1, "once"), (1, "once"), (2, "another")):
        event = {"event": {"type": "StreamEvent", "value": {"sequence": sequence}}}
        headers = {"Idempotency-Key": key}
        answers.append(await served.post(f"/events/{handler_id}", event, headers=headers))
    async with asyncio.timeout(PATIENCE_S):
        await served.watch(handler_id).task

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", None]
    assert (await served.get(f"/results/{handler_id}")).json()["result"] == "1, 2"
    history = await served.client.get(f"/v1/executions/{handler_id}/events")
    assert history.text.count('"signal.received"') == 2


async def test_a_native_execution_takes_events_of_any_name(served: Served) -> None:
    document = workflow(
        node("W", handler="wait_for_signal", config={"name": "go"}), name="bare", output="{{ W.n }}"
    )
    made = await served.client.post("/v1/executions", json={"definition": document, "trigger": True})
    handler_id = made.json()["execution_id"]

    odd = await served.post(f"/events/{handler_id}", {"event": {"type": "no name", "value": {}}})
    sent = await served.post(f"/events/{handler_id}", {"event": {"type": "go", "value": {"n": 1}}})

    async def has_ended() -> bool:
        return (await served.get(f"/handlers/{handler_id}")).status_code == 200

    await until(has_ended)
    assert (odd.status_code, sent.status_code) == (400, 200)
    assert (await served.get(f"/results/{handler_id}")).json()["result"] == 1
