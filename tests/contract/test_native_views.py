"""An execution as a page reads it: where to go on with events, what it comes to, and the lean view."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from redis.asyncio import Redis

from tests.contract.samples import RACE, node, start, submit, workflow
from tests.makers import Rig

#: A fails after L; B, C and D never run, the failure of N does not count, and E waits for ever.
FAILING = workflow(
    node("A"),
    node("B", after=["A"]),
    node("C", after=["A"]),
    node("D", after=["B", "C"]),
    node("N", critical=False),
    node("E"),
)
#: What a lean view leaves out.
OF_NODES = {"output", "usage", "cost_usd"}
OF_EXECUTIONS = {"inputs", "trigger", "output"}


async def failed(client: httpx2.AsyncClient, rig: Rig) -> str:
    """Start an execution in which A and N have failed, and E is queued."""
    execution_id = await start(client, FAILING)
    held = await rig.worker.start()
    for node_id in ("N", "A"):
        await rig.worker.fail(held[node_id])
    return execution_id


async def view_of(client: httpx2.AsyncClient, execution_id: str, **query: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/executions/{execution_id}", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def events_after(client: httpx2.AsyncClient, execution_id: str, seq: int) -> list[dict[str, Any]]:
    """What follows, of an execution that has ended."""
    path = f"/v1/executions/{execution_id}/events"
    answer = await client.get(path, params={"after": seq}, headers={"Accept": "application/x-ndjson"})
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_failed_execution_shows_causes_and_numbers(client: httpx2.AsyncClient, rig: Rig) -> None:
    found = await view_of(client, await failed(client, rig))

    assert found["counts"] == {"FAILED": 2, "SKIPPED": 3, "RUNNING": 1}
    assert found["reasons"] == {"upstream_failed": 3}
    assert found["waiting"] == {}
    (cause,) = found["root_causes"]
    assert cause.keys() == {"node_id", "error", "attempt", "ended_at", "kept"}
    assert (cause["node_id"], cause["attempt"], cause["kept"]) == ("A", 1, 3)
    assert cause["error"]["message"] and cause["ended_at"].endswith("Z")
    by_id = {each["node_id"]: each for each in found["nodes"]}
    assert by_id["D"]["because_of"] == ["A"]
    assert "because_of" not in by_id["N"]


async def test_waits_are_counted_by_what_is_waited_for(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await start(client, RACE)
    held = await rig.worker.start()
    await rig.worker.delay(held["B"])
    await rig.worker.retry(held["C"])

    found = await view_of(client, execution_id, view="lean")

    assert found["waiting"] == {"delay": 1, "back_off": 1}
    assert found["counts"] == {"WAITING": 2, "PENDING": 1}


async def test_events_behind_the_view_are_all_that_it_lacks(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await start(client, RACE)
    begun = await view_of(client, execution_id)
    await rig.worker.run_all()
    ended = await view_of(client, execution_id)

    whole = await events_after(client, execution_id, 0)
    following = await events_after(client, execution_id, begun["seq"])

    assert 0 < begun["seq"] < ended["seq"] == whole[-1]["seq"]
    assert following == whole[begun["seq"] :]


async def test_the_number_is_read_before_what_it_stands_for(
    client: httpx2.AsyncClient, rig: Rig, redis: Redis
) -> None:
    execution_id = await start(client, RACE)
    asked = [words for words in await _asked(client, redis, execution_id) if execution_id in words]

    assert "HGET" in asked[0].upper() and "seq" in asked[0]


async def test_the_lean_view_leaves_out_what_handlers_and_clients_gave(
    client: httpx2.AsyncClient, rig: Rig
) -> None:
    execution_id = await submit(client, RACE)
    await client.post(f"/workflow/trigger/{execution_id}", json={"inputs": {"n": 1}})
    await rig.worker.run_all()

    whole = await view_of(client, execution_id)
    lean = await view_of(client, execution_id, view="lean")

    assert lean.keys() == whole.keys() - OF_EXECUTIONS
    for is_lean, is_whole in zip(lean.pop("nodes"), whole.pop("nodes"), strict=True):
        assert is_lean == {name: value for name, value in is_whole.items() if name not in OF_NODES}
        assert is_whole["output"] is not None
    assert lean == {name: value for name, value in whole.items() if name not in OF_EXECUTIONS}


async def test_the_lean_view_reads_no_output(client: httpx2.AsyncClient, rig: Rig, redis: Redis) -> None:
    execution_id = await start(client, RACE)
    await rig.worker.run_all()

    whole = " ".join(await _asked(client, redis, execution_id))
    lean = " ".join(await _asked(client, redis, execution_id, view="lean"))

    key = rig.store.keys.output(execution_id, "B")
    assert key in whole
    assert key not in lean


async def test_another_view_is_refused(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, RACE)

    answer = await client.get(f"/v1/executions/{execution_id}?view=slim")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "query.view"
    assert "lean" in answer.json()["detail"]


async def _asked(client: httpx2.AsyncClient, redis: Redis, execution_id: str, **query: str) -> list[str]:
    """The commands that Redis is asked for one view, each as a text."""
    async with redis.monitor() as monitor:
        await view_of(client, execution_id, **query)
        await redis.echo("the end")
        found = []
        while "the end" not in (command := str((await monitor.next_command())["command"])):
            found.append(command)
    return found
