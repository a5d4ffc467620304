"""Events of workflow servers: streamed from any point in two forms, and sent to what waits for them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.contract.workflow_server.served import (
    Served,
    emitting,
    frames_of,
    interface,
    stop_event,
    stream_event,
)
from tests.fake_handlers import Stage
from tests.makers import node, workflow
from tests.patience import PATIENCE_S
from tests.unit.api.streaming.watching import until as seen

REQUEST = {
    "value": {"prompt": "What is your name?"},
    "qualified_name": "my_server.RequestEvent",
    "type": "RequestEvent",
    "types": ["InputRequiredEvent"],
}
CANCELLED = {
    "value": {},
    "qualified_name": "workflows.events.WorkflowCancelledEvent",
    "type": "WorkflowCancelledEvent",
    "types": ["StopEvent"],
}
QUICK_EVENTS = [stream_event(0), stream_event(1), stream_event(2), stop_event("Hello, World!")]


async def test_events_are_frames_with_ids_or_lines_from_the_beginning(placed: Served) -> None:
    handler_id = await placed.finished("quick")
    frames = await placed.get(f"/events/{handler_id}")
    lines = await placed.get(f"/events/{handler_id}?sse=false&acquire_timeout=1")
    found = frames_of(frames.text)

    assert frames.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert frames.headers["cache-control"] == "no-cache, no-transform"
    assert [event for _, event in found] == QUICK_EVENTS
    assert frames.text == "".join(
        f"id: {number}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n" for number, event in found
    )
    assert [number for number, _ in found] == sorted({number for number, _ in found})
    assert [json.loads(line) for line in lines.text.splitlines()] == QUICK_EVENTS


async def test_events_go_on_behind_any_id(placed: Served) -> None:
    handler_id = await placed.finished("quick")
    found = await placed.frames(handler_id, after_sequence="-1")
    last = found[-1][0]

    for place, (number, _) in enumerate(found[:-1]):
        following = found[place + 1 :]
        assert await placed.frames(handler_id, after_sequence=str(number)) == following
        assert await placed.frames(handler_id, {"Last-Event-ID": str(number)}) == following
        assert await placed.lines(handler_id, after_sequence=str(number)) == [each for _, each in following]
    # The header wins, among frames only; one that is no number is not there.
    number = found[1][0]
    assert await placed.frames(handler_id, {"Last-Event-ID": str(number)}, after_sequence="-1") == found[2:]
    assert await placed.frames(handler_id, {"Last-Event-ID": "x"}, after_sequence=str(number)) == found[2:]
    ignored = await placed.get(f"/events/{handler_id}?sse=false", headers={"Last-Event-ID": str(number)})
    assert len(ignored.text.splitlines()) == len(found)
    for query in (f"after_sequence={last}", "after_sequence=now", f"after_sequence={last + 1000}"):
        for form in ("true", "false"):
            over = await placed.get(f"/events/{handler_id}?sse={form}&{query}")
            assert (over.status_code, over.content) == (204, b"")


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("after_sequence=abc", "Invalid after_sequence: 'abc'"),
        ("after_sequence=1.5", "Invalid after_sequence: '1.5'"),
    ],
)
async def test_a_place_that_is_none_is_refused(placed: Served, query: str, detail: str) -> None:
    answer = await placed.get(f"/events/{await placed.finished('quick')}?{query}")

    assert (answer.status_code, answer.json()) == (400, {"detail": detail})


@pytest.mark.parametrize("query", ["sse=maybe", "include_internal=7x", "acquire_timeout=soon"])
async def test_a_parameter_of_another_type_is_refused(served: Served, query: str) -> None:
    answer = await served.get(f"/events/{await served.finished('quick')}?{query}")

    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["detail"]


async def test_names_of_classes_are_left_out_on_demand(placed: Served) -> None:
    handler_id = await placed.finished("quick")

    found = await placed.lines(handler_id, include_qualified_name="false")

    assert found == [event | {"qualified_name": None} for event in QUICK_EVENTS]


async def test_internal_events_are_shown_on_demand_and_count_in_either_case(served: Served) -> None:
    document = workflow(
        emitting(0), emitting(1, internal=True), name="quiet", interface=interface(), output=1
    )
    await served.client.put("/v1/workflows/quiet", json=document)
    handler_id = await served.finished("quiet")
    visible = await served.frames(handler_id)
    found = await served.frames(handler_id, include_internal="true")

    def step(name: str, taken: str, given: str | None) -> dict[str, Any]:
        return {
            "value": {
                "name": name,
                "step_state": "running" if given is None else "not_running",
                "worker_id": "0",
                "input_event_name": taken,
                "output_event_name": given,
            },
            "qualified_name": "workflows.events.StepStateChanged",
            "type": "StepStateChanged",
            "types": ["InternalDispatchEvent"],
        }

    assert [event for _, event in visible] == [stream_event(0), stop_event(1)]
    assert [event for _, event in found] == [
        step("e0", "StartEvent", None),
        stream_event(0),
        step("e0", "StartEvent", "StreamEvent"),
        step("e1", "Event", None),
        stream_event(1),
        step("e1", "Event", "StreamEvent"),
        stop_event(1),
    ]
    assert set(map(str, visible)) < set(map(str, found))


async def test_a_running_stream_gets_events_as_they_come_for_any_number_of_readers(
    placed: Served, stage: Stage
) -> None:
    handler_id = await placed.start("slow")
    readers = [placed.watch(handler_id, query) for query in ("", "sse=false", "after_sequence=-1")]
    await seen(lambda: all(b"StreamEvent" in reader.body for reader in readers))
    late = placed.watch(handler_id, "after_sequence=now")
    await seen(lambda: late.status == 200)
    was_over = any(reader.is_over for reader in (*readers, late))

    stage.may_go_on.set()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(reader.task for reader in (*readers, late)))

    first, second, third = (reader.body.decode() for reader in readers)
    assert not was_over
    assert [event for _, event in frames_of(first)] == [stream_event(0), stop_event(None)]
    assert third == first
    assert [json.loads(line) for line in second.splitlines()] == [stream_event(0), stop_event(None)]
    assert frames_of(late.body.decode()) == frames_of(first)[1:]


async def test_an_idle_stream_of_frames_beats(
    served: Served, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.streaming.listener.PING_AFTER_S", 0.2)
    handler_id = await served.start("slow")
    reader = served.watch(handler_id)
    lines = served.watch(handler_id, "sse=false")

    await seen(lambda: b": heartbeat\n\n" in reader.body)
    stage.may_go_on.set()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(reader.task, lines.task)

    assert b"heartbeat" not in lines.body
    assert [event for _, event in frames_of(reader.body.decode())] == [stream_event(0), stop_event(None)]


async def test_a_failed_run_ends_with_what_failed(placed: Served) -> None:
    handler_id = await placed.finished("fail")

    (found,) = await placed.lines(handler_id)

    elapsed_s = found["value"].pop("elapsed_seconds")
    assert isinstance(elapsed_s, float) and elapsed_s >= 0
    assert found == {
        "value": {
            "step_name": "boom",
            "exception": {"exception_type": "HandlerError", "exception_message": "ValueError: no such value"},
            "attempts": 1,
        },
        "qualified_name": "workflows.events.WorkflowFailedEvent",
        "type": "WorkflowFailedEvent",
        "types": ["StopEvent"],
    }


async def test_a_run_whose_time_is_over_ends_with_that(served: Served) -> None:
    document = workflow(
        node("W", handler="wait_for_signal", config={"name": "go"}),
        name="short",
        interface={},
        execution_timeout="50ms",
    )
    await served.client.put("/v1/workflows/short", json=document)
    handler_id = await served.finished("short")

    (found,) = await served.lines(handler_id)
    look = (await served.get(f"/handlers/{handler_id}")).json()

    assert found["type"] == "WorkflowTimedOutEvent"
    assert found["value"]["timeout"] >= 0.05
    assert found["value"]["active_steps"] == []
    assert look["status"] == "failed"
    assert look["error"] == "the execution passed its deadline; not ended: W (WAITING on signal)"


async def test_a_cancelled_run_ends_with_that_for_those_who_read_already_too(placed: Served) -> None:
    handler_id, other = await placed.start("human"), await placed.start("human")
    readers = [placed.watch(handler_id), placed.watch(other)]
    await seen(lambda: all(b"RequestEvent" in reader.body for reader in readers))
    await placed.post(f"/handlers/{handler_id}/cancel")
    await placed.post(f"/handlers/{other}/cancel?purge=true")
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(reader.task for reader in readers))

    assert await placed.lines(handler_id) == [REQUEST, CANCELLED]
    assert [event for _, event in frames_of(readers[0].body.decode())] == [REQUEST, CANCELLED]
    # Removed while they read: they see its end, or that it is cut.
    assert [event for _, event in frames_of(readers[1].body.decode())] in (
        [REQUEST, CANCELLED],
        [REQUEST],
    )


async def test_an_end_that_a_retry_made_none_is_not_shown(served: Served, stage: Stage) -> None:
    document = workflow(
        emitting(0),
        node("held", handler="test_wait", after=["e0"], config={"when_told": "stop"}),
        name="again",
        interface=interface(),
    )
    await served.client.put("/v1/workflows/again", json=document)
    handler_id = await served.start("again")
    async with asyncio.timeout(PATIENCE_S):
        await stage.started.wait()
    await served.post(f"/handlers/{handler_id}/cancel")
    first = await served.lines(handler_id)
    stage.may_go_on.set()
    await served.client.post(f"/v1/executions/{handler_id}/retry")
    async with asyncio.timeout(PATIENCE_S):
        await served.watch(handler_id).task

    assert first == [stream_event(0), CANCELLED]
    assert await served.lines(handler_id) == [stream_event(0), stop_event(None)]


async def test_what_clients_take_for_ends_of_lines_is_none(served: Served) -> None:
    value = {"text": "a\u2028b\u2029c\x85d\ne"}
    document = workflow(
        node("e", handler="emit", config={"type": "Odd", "value": value}),
        name="odd",
        interface={},
        output=value,
    )
    await served.client.put("/v1/workflows/odd", json=document)
    handler_id = await served.finished("odd")

    answer = await served.get(f"/events/{handler_id}?sse=false")

    # As clients split lines: at every character that anyone takes for the end of one.
    odd, stop = (json.loads(line) for line in answer.text.splitlines())
    assert odd == {"value": value, "qualified_name": None, "type": "Odd", "types": None}
    assert stop == stop_event(value)
