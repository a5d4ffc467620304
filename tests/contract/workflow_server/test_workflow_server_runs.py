"""Runs of workflow servers: started in every form, waited for, looked at, continued."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from tests.contract.workflow_server.served import PREFIXES, Served, stop_event
from tests.fake_handlers import Stage
from tests.patience import PATIENCE_S

UUID = "9b2d7d3c-0c0e-4f3e-8b1a-5f6f4d3c2b1a"


@pytest.fixture(params=PREFIXES, ids=["root", "llama"])
def placed(served: Served, request: pytest.FixtureRequest) -> Served:
    """The same server at both of its places."""
    return Served(served.client, served.rig, request.param)


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
            "'inputs.name' must be text, found 7",
        ),
        (b'{"kwargs": 7}', "'kwargs' must be an object; found a number"),
        (
            b'{"handler_id": "a\\nb"}',
            "'handler_id' must be a text of 1 to 248 characters without control characters",
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


@pytest.mark.parametrize("path", ["/results/{}", "/handlers/{}", "/events/{}"])
@pytest.mark.parametrize("handler_id", ["unknown", UUID, "x" * 300, "a%0Ab"])
async def test_an_unknown_handler_is_not_found(placed: Served, path: str, handler_id: str) -> None:
    answer = await placed.get(path.format(handler_id))

    assert (answer.status_code, answer.json()) == (404, {"detail": "Handler not found"})


@pytest.mark.parametrize("handler_id", ["my-own-id", "order 17/7 ü", UUID])
async def test_a_handler_has_an_id_of_the_client_s_own_which_later_runs_take_over(
    placed: Served, stage: Stage, handler_id: str
) -> None:
    first = (await placed.post("/workflows/slow/run-nowait", {"handler_id": handler_id})).json()
    taken = [
        await placed.post(f"/workflows/quick/{call}", {"handler_id": handler_id})
        for call in ("run", "run-nowait")
    ]
    stage.may_go_on.set()
    while not (await placed.client.get(f"/v1/executions/{first['run_id']}?wait=60")).json()["ended_at"]:
        pass
    second = (await placed.post("/workflows/quick/run", {"handler_id": handler_id})).json()
    look = (await placed.get("/handlers")).json()["handlers"]

    assert first["handler_id"] == second["handler_id"] == handler_id
    assert first["run_id"] != second["run_id"]
    assert [(answer.status_code, answer.json()) for answer in taken] == [
        (409, {"detail": f"Handler '{handler_id}' is already running"})
    ] * 2
    # Listed once, with its newest run.
    assert [(each["handler_id"], each["run_id"]) for each in look] == [(handler_id, second["run_id"])]
    # The run before it is still there, under its own id.
    old = (await placed.get(f"/handlers/{first['run_id']}")).json()
    assert (old["handler_id"], old["workflow_name"]) == (first["run_id"], "slow")


async def test_a_handler_that_the_server_named_goes_on_under_its_id(placed: Served, stage: Stage) -> None:
    first = await placed.start("slow")
    running = await placed.post("/workflows/quick/run", {"handler_id": first})
    stage.may_go_on.set()
    async with asyncio.timeout(PATIENCE_S):
        await placed.watch(first).task
    second = (await placed.post("/workflows/quick/run", {"handler_id": first})).json()
    third = (await placed.post("/workflows/quick/run", {"handler_id": first})).json()
    found = (await placed.get(f"/results/{first}")).json()
    listed = (await placed.get("/handlers")).json()["handlers"]
    removed = await placed.post(f"/handlers/{first}/cancel?purge=true")
    gone = await placed.get(f"/handlers/{first}")

    assert (running.status_code, running.json()) == (
        409,
        {"detail": f"Handler '{first}' is already running"},
    )
    assert second["handler_id"] == third["handler_id"] == first
    assert len({first, second["run_id"], third["run_id"]}) == 3
    assert (found["run_id"], found["result"]) == (third["run_id"], "Hello, World!")
    assert [each["handler_id"] for each in listed] == [first]
    assert (removed.json(), gone.status_code) == ({"status": "deleted"}, 404)


async def test_one_idempotency_key_starts_one_run(placed: Served) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await placed.post("/workflows/quick/run-nowait", {}, headers=headers)
    again = await placed.post("/workflows/quick/run-nowait", {}, headers=headers)
    other = await placed.post("/workflows/quick/run-nowait", {"kwargs": {"name": "x"}}, headers=headers)

    assert first.json()["run_id"] == again.json()["run_id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 400
    assert "was used before with a different body" in other.json()["detail"]


async def test_a_paused_workflow_starts_nothing(placed: Served) -> None:
    await placed.client.post("/v1/workflows/quick/pause")

    answer = await placed.post("/workflows/quick/run", {})

    assert answer.status_code == 409
    assert set(answer.json()) == {"detail"}


async def test_any_execution_of_the_tenant_can_be_looked_at_and_lists_have_what_this_contract_started(
    placed: Served,
) -> None:
    document = {
        "name": "native",
        "nodes": [{"id": "A", "handler": "noop"}, {"id": "B", "handler": "noop", "dependencies": ["A"]}],
    }
    made = await placed.client.post(
        "/v1/executions", json={"definition": document, "trigger": True}, headers={"Prefer": "wait=60"}
    )
    native = made.json()["execution_id"]
    own = await placed.finished("quick")
    looked_at = (await placed.get(f"/handlers/{native}")).json()
    labels = (await placed.client.get(f"/v1/executions/{own}")).json()["labels"]

    assert (looked_at["workflow_name"], looked_at["status"]) == ("native", "completed")
    assert looked_at["result"] == stop_event(None)
    assert await placed.lines(native) == [stop_event(None)]
    assert labels == {"door": "workflow_server"}
    assert [each["handler_id"] for each in (await placed.get("/handlers")).json()["handlers"]] == [own]


async def test_handlers_are_narrowed_to_several_statuses_and_names(placed: Served) -> None:
    quick, failed = await placed.finished("quick"), await placed.finished("fail")
    human, cancelled = await placed.start("human"), await placed.start("human")
    await placed.post(f"/handlers/{cancelled}/cancel")

    async def ids(query: str) -> list[str]:
        answer = await placed.get(f"/handlers?{query}")
        assert answer.status_code == 200
        return [each["handler_id"] for each in answer.json()["handlers"]]

    assert await ids("") == await ids("status=&workflow_name=") == [cancelled, human, failed, quick]
    assert await ids("status=running") == [human]
    assert await ids("status=completed&status=failed") == [failed, quick]
    assert await ids("workflow_name=human") == [cancelled, human]
    assert await ids("workflow_name=quick&workflow_name=fail&status=failed") == [failed]
    assert await ids("workflow_name=nope") == []
    wrong = await placed.get("/handlers?status=started")
    assert (wrong.status_code, wrong.json()) == (
        400,
        {"detail": "Invalid status: started. Expected one of running, completed, failed, cancelled"},
    )


async def test_a_list_of_handlers_has_what_a_look_at_each_has(placed: Served) -> None:
    ids = [await placed.finished(name) for name in ("quick", "fail", "quick")]

    listed = (await placed.get("/handlers")).json()["handlers"]

    assert listed == [(await placed.get(f"/handlers/{each}")).json() for each in reversed(ids)]


async def test_a_handler_is_cancelled_once_and_removed_with_purge(placed: Served) -> None:
    running, ended = await placed.start("human"), await placed.finished("quick")
    unknown = await placed.post("/handlers/unknown/cancel")
    not_running = await placed.post(f"/handlers/{ended}/cancel")
    first = await placed.post(f"/handlers/{running}/cancel")
    again = await placed.post(f"/handlers/{running}/cancel")
    removed = [await placed.post(f"/handlers/{each}/cancel?purge=true") for each in (running, ended)]
    looks = [
        await placed.get(f"/{kind}/{each}")
        for each in (running, ended)
        for kind in ("handlers", "results", "events")
    ]
    at_once = await placed.post(f"/handlers/{await placed.start('human')}/cancel?purge=true")
    unclear = await placed.post(f"/handlers/{running}/cancel?purge=maybe")

    assert (first.status_code, first.json()) == (200, {"status": "cancelled"})
    for answer in (unknown, not_running, again):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Handler not found"})
    assert [(each.status_code, each.json()) for each in (*removed, at_once)] == [
        (200, {"status": "deleted"})
    ] * 3
    assert {look.status_code for look in looks} == {404}
    assert unclear.status_code == 400
    assert (await placed.get("/handlers")).json() == {"handlers": []}


async def test_what_a_handler_runs_ends_when_it_is_cancelled(placed: Served, stage: Stage) -> None:
    handler_id = await placed.start("slow")
    async with asyncio.timeout(PATIENCE_S):
        await stage.started.wait()

    answer = await placed.post(f"/handlers/{handler_id}/cancel")

    assert answer.json() == {"status": "cancelled"}
    assert (await placed.get(f"/handlers/{handler_id}")).json()["status"] == "cancelled"
