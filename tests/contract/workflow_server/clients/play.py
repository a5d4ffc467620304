"""Plays the real client of workflow servers, in its own environment, which has nothing of ours.

    play.py BASE_URL CHAPTER [HANDLER_ID]

Prints what the client gave, as JSON. The clients of all generations have these methods under these names; the
newest ones have moved, and give objects where the oldest gives dictionaries.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from typing import Any

try:
    WorkflowClient: Any = import_module("llama_agents.client").WorkflowClient
except ImportError:
    WorkflowClient = import_module("workflows.client").WorkflowClient
_events = import_module("workflows.events")
StartEvent: Any = _events.StartEvent
HumanResponseEvent: Any = _events.HumanResponseEvent


class ResponseEvent(HumanResponseEvent):  # type: ignore[misc]
    """As the documentation of the contract declares it."""

    response: str


def plain(found: Any) -> Any:
    """Whatever a client gives, as JSON has it."""
    if isinstance(found, list):
        return [plain(each) for each in found]
    return found.model_dump() if hasattr(found, "model_dump") else found


def field(found: Any, name: str) -> Any:
    return found[name] if isinstance(found, dict) else getattr(found, name)


async def events_of(client: Any, handler_id: str, **options: Any) -> list[Any]:
    return [plain(each) async for each in client.get_workflow_events(handler_id, **options)]


async def refusal(call: Any) -> str:
    """What a call raises, which must raise."""
    try:
        found = await call
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError(f"nothing was raised; found {found!r}")


async def greet(client: Any, _: str) -> dict[str, Any]:
    """List, run, stream, get results, continue a handler."""
    ran = await client.run_workflow("greet", start_event=StartEvent(name="John"))
    bare = await client.run_workflow("quick")
    started = await client.run_workflow_nowait("greet", start_event=StartEvent(name="Ada"))
    handler_id = field(started, "handler_id")
    streamed = await events_of(client, handler_id)
    result = await client.get_result(handler_id)
    again = await client.run_workflow("quick", handler_id=handler_id, start_event={"name": "Bob"})
    own = await client.run_workflow("quick", handler_id="my-own-id")
    return {
        "healthy": field(await client.is_healthy(), "status"),
        "workflows": field(await client.list_workflows(), "workflows"),
        "ran": plain(ran),
        "bare": plain(bare),
        "started": plain(started),
        "streamed": streamed,
        "result": plain(result),
        "again": plain(again),
        "own": plain(own),
        "handlers": [field(each, "handler_id") for each in field(await client.get_handlers(), "handlers")],
        "unknown": await refusal(events_of(client, "unknown")),
        "no_workflow": await refusal(client.run_workflow("nope")),
    }


async def human(client: Any, _: str) -> dict[str, Any]:
    """Answer what is asked while its events are streamed."""
    handler_id = field(await client.run_workflow_nowait("human"), "handler_id")
    asked, seen = None, []
    async for event in client.get_workflow_events(handler_id=handler_id):
        seen.append(field(event, "type"))
        if seen[-1] == "RequestEvent":
            asked = field(event, "value").get("prompt")
            sent = await client.send_event(handler_id=handler_id, event=ResponseEvent(response="Ada"))
    late = await refusal(client.send_event(handler_id, ResponseEvent(response="late")))
    return {
        "asked": asked,
        "seen": seen,
        "sent": plain(sent),
        "result": plain(await client.get_result(handler_id)),
        "late": late,
        "unknown_type": await refusal(
            client.send_event(
                field(await client.run_workflow_nowait("human"), "handler_id"), {"type": "Nope", "value": {}}
            )
        ),
    }


async def ask(client: Any, _: str) -> dict[str, Any]:
    """Start a run that waits for a person, and read what it asks."""
    handler_id = field(await client.run_workflow_nowait("human"), "handler_id")
    async for event in client.get_workflow_events(handler_id):
        if field(event, "type") == "RequestEvent":
            break
    return {"handler_id": handler_id, "asked": field(event, "value")["prompt"]}


async def answer(client: Any, handler_id: str) -> dict[str, Any]:
    """Answer it."""
    return {"sent": plain(await client.send_event(handler_id, ResponseEvent(response="Ada")))}


async def finish(client: Any, handler_id: str) -> dict[str, Any]:
    """Read it to its end."""
    streamed = await events_of(client, handler_id)
    return {"streamed": streamed, "result": plain(await client.get_result(handler_id))}


async def fail(client: Any, _: str) -> dict[str, Any]:
    """See a run fail: waited for, streamed, asked for its result."""
    raised = await refusal(client.run_workflow("fail"))
    handler_id = field(await client.run_workflow_nowait("fail"), "handler_id")
    streamed = await events_of(client, handler_id)
    return {"raised": raised, "streamed": streamed, "result": await refusal(client.get_result(handler_id))}


async def cancel(client: Any, _: str) -> dict[str, Any]:
    """Cancel a run, and remove it. The oldest client knows nothing of that."""
    handler_id = field(await client.run_workflow_nowait("human"), "handler_id")
    cancelled = await client.cancel_handler(handler_id)
    streamed = await events_of(client, handler_id)
    looked_at = await refusal(client.get_handler(handler_id))
    listed = await client.get_handlers(status=["cancelled", "failed"], workflow_name=["human"])
    removed = await client.cancel_handler(handler_id, purge=True)
    return {
        "cancelled": plain(cancelled),
        "streamed": [field(each, "type") for each in streamed],
        "looked_at": looked_at,
        "listed": [field(each, "handler_id") == handler_id for each in field(listed, "handlers")],
        "removed": plain(removed),
        "gone": await refusal(client.get_handler(handler_id)),
    }


async def newest(client: Any, _: str) -> dict[str, Any]:
    """What the newest client has alone: places in streams, schemas, graphs, events of classes, waiting."""
    handler_id = (await client.run_workflow_nowait("quick")).handler_id
    places, stream = [], client.get_workflow_events(handler_id)
    async for _event in stream:
        places.append(stream.last_sequence)
    behind = [await events_of(client, handler_id, after_sequence=place) for place in places]
    waited = (await client.run_workflow_nowait("greet")).handler_id
    last = client.get_workflow_events(handler_id, after_sequence=places[-2])
    classes = [type(each.load_event()).__name__ async for each in last]
    return {
        "behind": [[each["type"] for each in found] for found in behind],
        "now": await events_of(client, handler_id, after_sequence="now"),
        "internal": [
            each["type"] for each in await events_of(client, handler_id, include_internal_events=True)
        ],
        "classes": classes,
        "waited": plain(await client.wait_for_handler(waited, poll_interval=0.05)),
        "schema": plain(await client.get_workflow_schema("greet")),
        "events": plain(await client.get_workflow_events_schema("human")),
        "graph": plain(await client.get_workflow_graph("human")),
    }


async def main(base_url: str, chapter: str, handler_id: str = "") -> None:
    client = WorkflowClient(base_url=base_url)
    print(json.dumps(await globals()[chapter](client, handler_id)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
