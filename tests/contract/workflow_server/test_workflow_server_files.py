"""Workflows that run as one durable node: events are its letters, and it says itself what its steps do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from headrace import Parked, Terminal, handler
from orchestrator.definitions.registry import Source, brought
from orchestrator.documents import exact_json
from tests.contract.workflow_server.served import OUT_SCHEMA, REQUEST_SCHEMA, RESPONSE_SCHEMA, Served
from tests.fake_handlers import Stage
from tests.makers import node, workflow
from tests.patience import PATIENCE_S
from workers.context import HandlerContext

GRAPH: dict[str, Any] = {
    "name": "EchoFlow",
    "nodes": [
        {"id": "ask", "label": "ask", "node_type": "step", "description": None},
        {"id": "greet", "label": "greet", "node_type": "step", "description": None},
        {"id": "model", "label": "a model", "node_type": "resource", "getter_name": "get_model"},
        {"id": "answer", "label": "an answer", "node_type": "event", "event_type": "HumanResponseEvent"},
    ],
    "edges": [
        {"source": "ask", "target": "model", "label": "model"},
        {"source": "answer", "target": "greet", "label": None},
    ],
    "description": None,
}
FLOW = workflow(
    node("run", handler="echo_flow", config={"event": "{{ inputs }}"}),
    name="echo_flow",
    interface={
        "start": {"name": "StartEvent"},
        "stop": {"name": "OutEvent", "schema": OUT_SCHEMA, "types": ["StopEvent"], "qualified_name": "f.Out"},
        "events": {
            "RequestEvent": {"schema": REQUEST_SCHEMA, "types": ["InputRequiredEvent"]},
            "ResponseEvent": {"schema": RESPONSE_SCHEMA, "types": ["HumanResponseEvent"]},
        },
        "inbox": "run",
        "graph": GRAPH,
    },
    output="{{ run }}",
)
CHANGE = {"name": "ask", "step_state": "running"}
TIMED_OUT = {
    "type": "WorkflowTimedOutEvent",
    "value": {"timeout": 3.0, "active_steps": ["ask"]},
    "types": ["StopEvent"],
    "qualified_name": "workflows.events.WorkflowTimedOutEvent",
}
ANSWER = {"event": {"type": "ResponseEvent", "value": {"response": "Ada"}}}


async def echo_flow(config: Mapping[str, Any], context: HandlerContext) -> Any:
    """Ask for a name, wait for it without a slot, and greet."""
    sent = config["event"]
    if "fails" in sent:
        raise Terminal("it took too long", type="WorkflowTimeoutError", details={"event": sent["fails"]})
    if not (await context.journal.read()).entries:
        said = [
            ("StepStateChanged", CHANGE, ["InternalDispatchEvent"], True),
            ("RequestEvent", {"prompt": "What is your name?"}),
        ]
        await context.journal.append({"asked": True}, events=said)
    try:
        letter = await context.inbox.receive(timeout_s=0)
    except TimeoutError:
        return Parked(waits_for=["ResponseEvent"])
    await context.journal.append(letter.payload, takes=letter)
    step, value = letter.payload["step"], letter.payload["value"]
    return {"output": f"Hello, {value['response']}" + (f" ({step})" if step else "")}


@pytest.fixture
async def flow(placed: Served, stage: Stage) -> Served:
    """A server of a workflow that a handler has brought."""
    handler("echo_flow", durable=True)(echo_flow)
    source = Source(exact_json.dumps(FLOW), "application/json")
    await placed.rig.engine.workflows.put("echo-flow", FLOW, source, file=brought("echo_flow", "1"))
    return placed


async def asked(flow: Served, **body: Any) -> str:
    """Start a run and wait until it waits for an answer."""
    handler_id = await flow.start("echo_flow", **body)
    await flow.waits(handler_id)
    return handler_id


async def ended(flow: Served, handler_id: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await flow.watch(handler_id).task


async def test_it_is_known_by_the_name_that_its_code_gives_it(flow: Served) -> None:
    names = (await flow.get("/workflows")).json()["workflows"]

    assert names[-1] == "echo_flow"
    assert (await flow.get("/workflows/echo_flow/schema")).json()["stop"] == OUT_SCHEMA
    assert (await flow.get("/workflows/echo_flw/schema")).status_code == 404
    assert (await flow.get("/workflows/hu_man/schema")).status_code == 404
    handler_id = await asked(flow)
    shown = (await flow.get("/handlers", params={"workflow_name": "echo_flow"})).json()["handlers"]
    assert [(each["handler_id"], each["workflow_name"]) for each in shown] == [(handler_id, "echo_flow")]


async def test_its_graph_is_the_one_it_brings(flow: Served) -> None:
    assert (await flow.get("/workflows/echo_flow/representation")).json() == {"graph": GRAPH}


async def test_an_event_is_a_letter_and_the_run_goes_on_with_it(flow: Served) -> None:
    handler_id = await asked(flow)

    answer = await flow.post(f"/events/{handler_id}", ANSWER)

    assert (answer.status_code, answer.json()) == (200, {"status": "sent"})
    await ended(flow, handler_id)
    assert (await flow.get(f"/results/{handler_id}")).json()["result"] == {"output": "Hello, Ada"}
    assert (await flow.get(f"/handlers/{handler_id}")).json()["result"] == {
        "value": {"output": "Hello, Ada"},
        "qualified_name": "f.Out",
        "type": "OutEvent",
        "types": ["StopEvent"],
    }


async def test_an_event_that_names_a_step_says_so_in_its_letter(flow: Served) -> None:
    handler_id = await asked(flow)

    await flow.post(f"/events/{handler_id}", {**ANSWER, "step": "greet"})

    await ended(flow, handler_id)
    assert (await flow.get(f"/results/{handler_id}")).json()["result"] == {"output": "Hello, Ada (greet)"}


async def test_one_idempotency_key_posts_one_letter(flow: Served) -> None:
    handler_id = await flow.start("echo_flow", start_event={})
    await flow.waits(handler_id)
    await flow.client.post(f"/v1/executions/{handler_id}/pause")
    key = {"Idempotency-Key": "k-1"}

    first, again = [await flow.post(f"/events/{handler_id}", ANSWER, headers=key) for _ in range(2)]

    assert first.status_code == again.status_code == 200
    assert again.headers["idempotency-replayed"] == "true"
    letters = (await flow.client.get(f"/v1/executions/{handler_id}/nodes/run/inbox")).json()["items"]
    assert [each["payload"] for each in letters] == [
        {"type": "ResponseEvent", "value": {"response": "Ada"}, "step": None}
    ]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Event data is required"),
        (
            {"event": {"type": "Nope", "value": {}}},
            "Invalid event type: Nope. Expected one of RequestEvent, ResponseEvent, StartEvent, OutEvent",
        ),
        (
            {"event": {"type": "ResponseEvent", "value": {"response": 3}}},
            "'event.value.response' must be text, found 3",
        ),
        ({"event": {"type": "OutEvent", "value": {}}}, "'event.value': 'output' is missing"),
        ({**ANSWER, "step": "run"}, "Step 'run' does not exist. Expected one of ask, greet"),
        ({**ANSWER, "step": "model"}, "Step 'model' does not exist. Expected one of ask, greet"),
        (
            {"event": {"type": "RequestEvent", "value": {"prompt": "?"}}, "step": "greet"},
            "Step 'greet' does not accept RequestEvent. Expected one of HumanResponseEvent",
        ),
    ],
)
async def test_an_event_that_cannot_be_is_refused_and_no_letter_is_posted(
    flow: Served, body: dict[str, Any], detail: str
) -> None:
    handler_id = await asked(flow)

    answer = await flow.post(f"/events/{handler_id}", body)

    assert (answer.status_code, answer.json()["detail"].startswith(detail)) == (400, True), answer.text
    inbox = (await flow.client.get(f"/v1/executions/{handler_id}/nodes/run/inbox")).json()
    assert inbox == {"last": 0, "taken": 0, "items": []}


async def test_a_run_that_has_ended_takes_no_event_and_a_full_inbox_none_either(flow: Served) -> None:
    handler_id = await asked(flow)
    await flow.rig.redis.hset(f"workflow:{handler_id}:inbox", mapping={"run|last": 1_000})
    full = await flow.post(f"/events/{handler_id}", ANSWER)
    await flow.post(f"/handlers/{handler_id}/cancel")
    wrong = {"event": {"type": "ResponseEvent", "value": {}}}

    late = [await flow.post(f"/events/{handler_id}", body) for body in (ANSWER, wrong)]

    assert full.status_code == 429
    assert [(each.status_code, each.json()) for each in late] == [
        (409, {"detail": "Workflow already completed"})
    ] * 2


async def test_what_it_says_is_the_stream_and_steps_change_when_it_says_so(flow: Served) -> None:
    handler_id = await asked(flow)
    await flow.post(f"/events/{handler_id}", ANSWER)
    await ended(flow, handler_id)

    visible = await flow.lines(handler_id)
    whole = await flow.lines(handler_id, include_internal="true")

    assert [each["type"] for each in visible] == ["RequestEvent", "OutEvent"]
    assert whole[0] == {
        "value": CHANGE,
        "qualified_name": None,
        "type": "StepStateChanged",
        "types": ["InternalDispatchEvent"],
    }
    assert whole[1:] == visible
    assert visible[0]["types"] == ["InputRequiredEvent"]


async def test_a_failure_is_shown_by_the_event_of_its_code(flow: Served) -> None:
    answer = await flow.post("/workflows/echo_flow/run", {"start_event": {"fails": TIMED_OUT}})

    found = answer.json()
    assert answer.status_code == 500
    assert (found["status"], found["error"], found["result"]) == ("failed", "it took too long", None)
    assert await flow.lines(found["handler_id"]) == [
        {name: TIMED_OUT[name] for name in ("value", "qualified_name", "type", "types")}
    ]


async def test_a_failure_whose_event_cannot_be_shown_is_one_of_its_node(flow: Served) -> None:
    wrong = {"type": "Broken", "value": "no object"}
    handler_id = await flow.finished("echo_flow", start_event={"fails": wrong})

    (last,) = await flow.lines(handler_id)

    assert (last["type"], last["value"]["step_name"]) == ("WorkflowFailedEvent", "run")


async def test_a_run_that_waits_is_cancelled_and_removed_without_a_worker(flow: Served) -> None:
    handler_id = await asked(flow)

    cancelled = await flow.post(f"/handlers/{handler_id}/cancel")

    assert cancelled.json() == {"status": "cancelled"}
    assert [each["type"] for each in await flow.lines(handler_id)] == [
        "RequestEvent",
        "WorkflowCancelledEvent",
    ]
    assert (await flow.post(f"/handlers/{handler_id}/cancel?purge=true")).json() == {"status": "deleted"}
    assert (await flow.get(f"/handlers/{handler_id}")).status_code == 404
