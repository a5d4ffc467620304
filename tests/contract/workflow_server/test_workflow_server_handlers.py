"""Handlers of workflow servers: looked at, continued under their ids, listed, cancelled, removed."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.workflow_server.served import Served, stop_event
from tests.fake_handlers import Stage
from tests.patience import PATIENCE_S

UUID = "9b2d7d3c-0c0e-4f3e-8b1a-5f6f4d3c2b1a"


@pytest.mark.parametrize("path", ["/results/{}", "/handlers/{}", "/events/{}"])
@pytest.mark.parametrize("handler_id", ["unknown", UUID, "x" * 300, "a%0Ab"])
async def test_an_unknown_handler_is_not_found(placed: Served, path: str, handler_id: str) -> None:
    answer = await placed.get(path.format(handler_id))

    assert (answer.status_code, answer.json()) == (404, {"detail": "Handler not found"})


@pytest.mark.parametrize("handler_id", ["my-own-id", "order 17:7 ü", UUID])
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


async def test_removing_a_handler_removes_every_run_that_was_under_its_id(placed: Served) -> None:
    runs = [(await placed.post("/workflows/quick/run", {"handler_id": "dup"})).json() for _ in range(3)]
    other = (await placed.post("/workflows/quick/run", {"handler_id": "other"})).json()

    removed = await placed.post("/handlers/dup/cancel?purge=true")
    again = await placed.post("/handlers/dup/cancel?purge=true")
    listed = (await placed.get("/handlers")).json()["handlers"]
    left = [(await placed.client.get(f"/v1/executions/{each['run_id']}")).status_code for each in runs]

    assert len({each["run_id"] for each in runs}) == 3
    assert (removed.status_code, removed.json()) == (200, {"status": "deleted"})
    assert (again.status_code, again.json()) == (404, {"detail": "Handler not found"})
    assert [(each["handler_id"], each["run_id"]) for each in listed] == [("other", other["run_id"])]
    assert left == [404] * 3


async def test_an_id_whose_newest_run_was_removed_alone_is_not_listed(placed: Served) -> None:
    first = (await placed.post("/workflows/quick/run", {"handler_id": "dup"})).json()
    newest = (await placed.post("/workflows/quick/run", {"handler_id": "dup"})).json()

    await placed.client.delete(f"/v1/executions/{newest['run_id']}")
    gone = await placed.get("/handlers/dup")
    listed = (await placed.get("/handlers")).json()["handlers"]
    third = (await placed.post("/workflows/quick/run", {"handler_id": "dup"})).json()
    later = (await placed.get("/handlers")).json()["handlers"]

    assert (gone.status_code, listed) == (404, [])
    assert (await placed.get(f"/handlers/{first['run_id']}")).status_code == 200
    assert [(each["handler_id"], each["run_id"]) for each in later] == [("dup", third["run_id"])]


async def test_what_a_handler_runs_ends_when_it_is_cancelled(placed: Served, stage: Stage) -> None:
    handler_id = await placed.start("slow")
    async with asyncio.timeout(PATIENCE_S):
        await stage.started.wait()

    answer = await placed.post(f"/handlers/{handler_id}/cancel")

    assert answer.json() == {"status": "cancelled"}
    assert (await placed.get(f"/handlers/{handler_id}")).json()["status"] == "cancelled"
