"""Runs of workflow servers: started in every form, waited for, looked at."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from orchestrator.store.reader import Store
from tests.contract.samples import CAUGHT
from tests.contract.workflow_server.served import Served, stop_event
from tests.fake_handlers import Stage
from tests.patience import PATIENCE_S

#: What is said of ids that cannot be.
NO_ID = "'handler_id' must be a text of 1 to 248 characters without control characters"


def moments(found: dict[str, Any]) -> list[datetime]:
    return [datetime.fromisoformat(found[name]) for name in ("started_at", "updated_at", "completed_at")]


async def test_health_is_that_of_this_contract_below_its_prefix_and_the_native_one_at_the_root(
    served: Served,
) -> None:
    assert (await served.client.get("/llama/health")).json() == {"status": "healthy"}
    assert (await served.client.get("/health")).json() == {"status": "ok"}


async def test_workflows_with_an_interface_are_listed_in_the_order_they_were_registered(
    placed: Served,
) -> None:
    assert (await placed.get("/workflows")).json() == {
        "workflows": ["quick", "fail", "slow", "greet", "human"]
    }


async def test_a_run_is_answered_at_its_end_with_all_of_its_handler(placed: Served) -> None:
    answer = await placed.post("/workflows/quick/run", {"start_event": {"name": "John"}})

    found = answer.json()
    started, updated, completed = moments(found)
    assert answer.status_code == 200
    assert started <= updated == completed
    assert found["started_at"].endswith("+00:00") and len(found["started_at"]) == 32
    assert found == {
        "handler_id": found["run_id"],
        "workflow_name": "quick",
        "run_id": found["run_id"],
        "error": None,
        "result": stop_event("Hello, John!"),
        "result_unreadable": False,
        "status": "completed",
        "started_at": found["started_at"],
        "updated_at": found["updated_at"],
        "completed_at": found["completed_at"],
    }


async def test_the_answer_of_a_run_is_told_with_its_end(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Opens the subscription of this process.
    first = await served.post("/workflows/quick/run", {"start_event": {}})

    monkeypatch.delattr(Store, "execution_and_output")
    second = await served.post("/workflows/quick/run", {"start_event": {}})

    assert second.status_code == 200
    assert second.json()["result"] == first.json()["result"] == stop_event("Hello, World!")


@pytest.mark.parametrize(
    "body",
    [
        {"start_event": {"name": "Ada"}},
        {"start_event": {"_data": {"name": "Ada"}}, "context": {}},
        {"start_event": {"type": "StartEvent", "value": {"name": "Ada"}}},
        {"start_event": {"type": "StartEvent", "data": {"name": "Ada"}}},
        {"start_event": {"value": {"_data": {"name": "Ada"}}, "type": "StartEvent", "qualified_name": None}},
        {
            "start_event": {
                "__is_pydantic": True,
                "value": {"_data": {"name": "Ada"}},
                "qualified_name": "workflows.events.StartEvent",
            }
        },
        {"start_event": json.dumps({"name": "Ada"})},
        {"start_event": json.dumps({"type": "StartEvent", "value": {"name": "Ada"}})},
        {"kwargs": {"name": "Ada"}, "start_event": ""},
        {"kwargs": {"name": "Bob"}, "start_event": {"name": "Ada"}},
    ],
)
async def test_a_start_event_is_taken_in_every_form(served: Served, body: dict[str, Any]) -> None:
    found = (await served.post("/workflows/quick/run", body)).json()

    assert found["result"] == stop_event("Hello, Ada!")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"start_event": {}, "context": {}, "handler_id": ""},
        {"start_event": "", "context": {}},
        {"start_event": None, "context": None, "handler_id": None},
        {"start_event": {"value": {}, "type": "StartEvent", "qualified_name": None}, "context": {}},
        {"start_event": {"_data": {}}},
    ],
)
async def test_nothing_is_a_start_event_without_fields(served: Served, body: dict[str, Any]) -> None:
    found = (await served.post("/workflows/quick/run", body)).json()

    assert found["result"] == stop_event("Hello, World!")


@pytest.mark.parametrize("call", ["run", "run-nowait"])
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "Invalid JSON body: Expecting value: line 1 column 1 (char 0)"),
        (b"not json", "Invalid JSON body: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "Invalid JSON body: must be an object; found a list"),
        (
            b'{"start_event": {"type": "Other", "value": {}}}',
            "Invalid event type: Other. Expected one of StartEvent",
        ),
        (
            b'{"start_event": "nonsense"}',
            "'start_event' is a text that is not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        (
            b'{"start_event": [1]}',
            "'start_event' must be an object, or a text of JSON; found a list",
        ),
        (
            b'{"start_event": {"name": 7}}',
            "'start_event.name' must be text, found 7",
        ),
        (b'{"kwargs": 7}', "'kwargs' must be an object; found a number"),
        (
            b'{"handler_id": "a\\nb"}',
            "'handler_id' must be a text of 1 to 248 characters without control characters; found 'a\\nb'",
        ),
        (
            b'{"handler_id": 7}',
            "'handler_id' must be a text of 1 to 248 characters without control characters; found 7",
        ),
        (
            b'{"handler_id": "' + b"x" * 300 + b'"}',
            f"{NO_ID}; found 300 characters",
        ),
        (
            b'{"handler_id": "a/b"}',
            "'handler_id' must be without '/', and neither '.' nor '..', for it stands in paths; found 'a/b'",
        ),
        (
            b'{"start_event": {"name": "x"}, "context": {"a": 1}}',
            "Context API is disabled. Set accept_context_api=True on WorkflowServer to enable it.",
        ),
    ],
)
async def test_a_start_that_cannot_be_is_refused_with_the_reason(
    served: Served, call: str, body: bytes, detail: str
) -> None:
    answer = await served.client.post(
        f"/workflows/quick/{call}", content=body, headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()) == (400, {"detail": detail})
    assert (await served.get("/handlers")).json() == {"handlers": []}


@pytest.mark.parametrize("name", ["nope", "plain", "No-Name!", "wf_" + "a" * 26])
@pytest.mark.parametrize("call", ["run", "run-nowait", "schema", "events", "representation"])
async def test_what_is_no_workflow_with_an_interface_is_not_found(
    placed: Served, name: str, call: str
) -> None:
    path = f"/workflows/{name}/{call}"
    answer = await (placed.post(path, {}) if call.startswith("run") else placed.get(path))

    assert (answer.status_code, answer.json()) == (404, {"detail": "Workflow not found"})


async def test_a_run_that_is_not_waited_for_is_running_and_looked_at_later(
    placed: Served, stage: Stage
) -> None:
    answer = await placed.post("/workflows/slow/run-nowait", {})
    handler_id = answer.json()["handler_id"]
    looks = [await placed.get(f"/{kind}/{handler_id}") for kind in ("results", "handlers")]
    stage.may_go_on.set()
    async with asyncio.timeout(PATIENCE_S):
        await placed.watch(handler_id).task
    later = [await placed.get(f"/{kind}/{handler_id}") for kind in ("results", "handlers")]

    started = answer.json()
    assert (answer.status_code, started["status"]) == (200, "running")
    assert (started["result"], started["error"], started["completed_at"]) == (None, None, None)
    assert [look.status_code for look in looks] == [202, 202]
    assert [look.json()["status"] for look in looks] == ["running", "running"]
    assert [look.status_code for look in later] == [200, 200]
    assert [look.json()["result"] for look in later] == [None, stop_event(None)]


async def test_a_result_is_plain_where_the_last_event_is_plain_and_its_value_otherwise(
    placed: Served,
) -> None:
    quick = await placed.finished("quick")
    human = await placed.start("human")
    await placed.post(f"/events/{human}", {"event": {"type": "ResponseEvent", "value": {"response": "Ada"}}})
    async with asyncio.timeout(PATIENCE_S):
        await placed.watch(human).task

    assert (await placed.get(f"/results/{quick}")).json()["result"] == "Hello, World!"
    assert (await placed.get(f"/results/{human}")).json()["result"] == {"output": "Hello, Ada"}
    assert (await placed.get(f"/handlers/{human}")).json()["result"] == {
        "value": {"output": "Hello, Ada"},
        "qualified_name": "my_server.OutEvent",
        "type": "OutEvent",
        "types": ["StopEvent"],
    }
    # As often as one likes.
    assert (await placed.get(f"/results/{quick}")).json()["result"] == "Hello, World!"


async def test_a_run_that_fails_is_answered_with_500_and_its_handler(placed: Served) -> None:
    answer = await placed.post("/workflows/fail/run", {})
    handler_id = answer.json()["handler_id"]
    looks = [await placed.get(f"/{kind}/{handler_id}") for kind in ("results", "handlers")]

    found = answer.json()
    assert [each.status_code for each in (answer, *looks)] == [500, 500, 500]
    assert [each.json() for each in looks] == [found, found]
    assert (found["status"], found["error"], found["result"]) == ("failed", "ValueError: no such value", None)
    assert found["completed_at"] is not None


async def test_a_run_that_was_cancelled_is_answered_with_500_and_its_handler(placed: Served) -> None:
    waiting = asyncio.create_task(placed.post("/workflows/human/run", {"handler_id": "mine"}))
    while (await placed.get("/handlers/mine")).status_code != 202:
        await asyncio.sleep(0)
    cancelled = await placed.post("/handlers/mine/cancel")
    answer = await waiting

    found = answer.json()
    assert (cancelled.status_code, cancelled.json()) == (200, {"status": "cancelled"})
    assert (answer.status_code, found["status"], found["error"], found["result"]) == (
        500,
        "cancelled",
        None,
        None,
    )
    assert (await placed.get("/results/mine")).status_code == 500


async def test_a_failure_that_was_caught_is_not_why_a_run_failed(served: Served) -> None:
    await served.client.put("/v1/workflows/caught", json=CAUGHT | {"name": "caught", "interface": {}})
    handler_id = await served.finished("caught")

    found = (await served.get(f"/handlers/{handler_id}")).json()
    last = (await served.lines(handler_id))[-1]

    assert "decisive" in found["error"]
    assert last["value"]["step_name"] == "C"
    assert last["value"]["exception"]["exception_message"] == found["error"]
