"""The list of executions: what it is narrowed to, what it counts, and how far each row has come."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from orchestrator.operations import execution_pages, pages
from tests.contract.children import KID, start_child
from tests.contract.samples import node, workflow
from tests.contract.two_tenants import two_tenants
from tests.makers import Rig

LIST = "/v1/executions"


async def started(client: httpx2.AsyncClient, name: str = "one", **more: Any) -> str:
    nodes = [node("A"), node("B", after=["A"]), node("C", after=["B"])]
    answer = await client.post(LIST, json={"definition": workflow(*nodes, name=name), "trigger": True} | more)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["execution_id"])


async def listed(client: httpx2.AsyncClient, **query: Any) -> list[str]:
    """Everything, by cursor."""
    found: list[str] = []
    while True:
        answer = await client.get(LIST, params=query)
        assert answer.status_code == 200, answer.text
        found += [row["execution_id"] for row in answer.json()["items"]]
        if not (following := answer.json()["next_cursor"]):
            return found
        query["cursor"] = following


async def test_several_statuses_are_any_of_them(client: httpx2.AsyncClient, rig: Rig) -> None:
    done = await started(client)
    await rig.worker.run_all()
    failed = await started(client)
    await rig.worker.run_all(failing=["A"])
    running = await started(client)

    assert await listed(client, status=["COMPLETED", "RUNNING"]) == [running, done]
    assert await listed(client, status="FAILED") == [failed]
    assert await listed(client, status=["COMPLETED", "RUNNING"], limit=1) == [running, done]


async def test_a_damaged_row_hides_no_other(client: httpx2.AsyncClient, rig: Rig) -> None:
    names = [await started(client) for _ in range(4)]
    await rig.redis.set(rig.store.keys.status(names[1]), "LOST")
    await rig.redis.hset(rig.store.keys.runtime(names[2]), "labels", "{")

    found = await client.get(LIST, params={"text": "one", "counts": True})

    assert found.status_code == 200, found.text
    assert [row["execution_id"] for row in found.json()["items"]] == [names[3], names[0]]
    assert found.json()["counted"] == 2
    assert await listed(client, status="RUNNING") == [names[3], names[0]]
    counted = await client.get(LIST, params={"counts": True})
    # Of a status alone nothing else is looked at.
    assert counted.json()["counts"]["RUNNING"] == counted.json()["counted"] == 3


async def test_text_is_looked_for_in_title_id_key_and_labels(client: httpx2.AsyncClient) -> None:
    titled = await started(client, "Nightly import")
    keyed = await started(client, execution_key="Order-4711")
    labelled = await started(client, labels={"team": "Blue"})

    assert await listed(client, text="IMPORT") == [titled]
    assert await listed(client, text="order-47") == [keyed]
    assert await listed(client, text="team:blue") == [labelled]
    assert await listed(client, text=keyed[5:].upper()) == [keyed]
    assert await listed(client, text="nothing like it") == []
    assert await listed(client, name_prefix="Nightly") == [titled]
    assert await listed(client, name_prefix="nightly") == []


async def test_roots_alone(client: httpx2.AsyncClient, rig: Rig) -> None:
    above = node("A", handler="sub_workflow", config={"workflow": KID})
    answer = await client.post(LIST, json={"definition": workflow(above), "trigger": True})
    root = answer.json()["execution_id"]
    await start_child(rig.worker, await rig.worker.start_one("A"))

    assert await listed(client, parent="none") == [root]
    assert len(await listed(client)) == 2


async def test_a_row_says_how_far_it_has_come(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await started(client)

    async def progress() -> Any:
        (row,) = (await client.get(LIST)).json()["items"]
        whole = (await client.get(f"{LIST}/{execution_id}")).json()
        assert row["progress"] == whole["progress"]
        return row["progress"]

    assert await progress() == {"total": 3, "ended": 0, "failed": 0}
    await rig.worker.complete(await rig.worker.start_one("A"))
    assert await progress() == {"total": 3, "ended": 1, "failed": 0}
    await rig.worker.fail(await rig.worker.start_one("B"))
    assert await progress() == {"total": 3, "ended": 3, "failed": 1}


async def test_what_a_version_that_did_not_count_has_made_has_no_progress(
    client: httpx2.AsyncClient, rig: Rig
) -> None:
    execution_id = await started(client)
    await rig.redis.hdel(rig.store.keys.runtime(execution_id), "nodes")

    (row,) = (await client.get(LIST)).json()["items"]
    assert row["progress"] is None


async def test_counts_are_of_all_that_match_the_other_filters(client: httpx2.AsyncClient, rig: Rig) -> None:
    for _ in range(3):
        await started(client, labels={"team": "blue"})
        await rig.worker.run_all()
    await started(client, "other", labels={"team": "red"})
    await started(client, labels={"team": "blue"}, execution_key="order 1")

    async def counts(**query: Any) -> dict[str, int]:
        answer = (await client.get(LIST, params={"counts": True, "limit": 1, **query})).json()
        assert answer["counts_complete"]
        assert answer["counted"] == sum(answer["counts"].values())
        return {status: number for status, number in answer["counts"].items() if number}

    assert await counts() == {"COMPLETED": 3, "RUNNING": 2}
    assert await counts(status="FAILED") == {"COMPLETED": 3, "RUNNING": 2}
    assert await counts(label="team:blue") == {"COMPLETED": 3, "RUNNING": 1}
    assert await counts(label=["team:blue", "team:red"]) == {}
    assert await counts(text="other", status=["RUNNING"]) == {"RUNNING": 1}
    assert await counts(execution_key="order 1", status="FAILED") == {"RUNNING": 1}
    assert "counts" not in (await client.get(LIST)).json()


async def test_a_count_has_a_bound_and_says_so(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution_pages, "SLICE", 2)
    monkeypatch.setattr(execution_pages, "MOST_STATUSES", 4)
    monkeypatch.setattr(execution_pages, "MOST_ROWS", 2)
    for _ in range(5):
        await started(client)

    by_status = (await client.get(LIST, params={"counts": True})).json()
    by_text = (await client.get(LIST, params={"counts": True, "text": "one"})).json()

    assert (by_status["counted"], by_status["counts_complete"]) == (4, False)
    assert (by_text["counted"], by_text["counts_complete"]) == (2, False)


async def test_a_filter_that_lets_little_through_gives_an_empty_page_and_a_way_on(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "BATCH", 2)
    monkeypatch.setattr(pages, "MOST_ROWS", 4)
    wanted = await started(client, "rare")
    for _ in range(5):
        await started(client)

    first = (await client.get(LIST, params={"text": "rare"})).json()

    assert first["items"] == []
    assert first["next_cursor"]
    assert await listed(client, text="rare") == [wanted]


@pytest.mark.parametrize(
    ("query", "field", "allowed"),
    [
        ({"status": ["RUNNING", "DONE"]}, "status", "'PENDING', 'RUNNING', 'PAUSED', 'COMPLETED'"),
        ({"parent": "all"}, "parent", "'none'"),
        ({"counts": "maybe"}, "counts", "true or false"),
        ({"txt": "a"}, "txt", "text"),
    ],
)
async def test_a_wrong_value_is_refused_with_the_allowed_ones(
    client: httpx2.AsyncClient, query: dict[str, Any], field: str, allowed: str
) -> None:
    answer = await client.get(LIST, params=query)

    assert answer.status_code == 422
    (problem,) = answer.json()["errors"]
    assert field in problem["path"]
    assert allowed in problem["message"]


async def test_counts_and_text_find_nothing_of_another_tenant(redis_url: str) -> None:
    async with two_tenants(redis_url) as world:
        body = {"definition": workflow(node("A")), "labels": {"team": "blue"}, "trigger": True}
        assert (await world.post(LIST, "acme", body)).status_code == 202

        mine = (await world.get(f"{LIST}?counts=true&text=team:blue", "acme")).json()
        theirs = (await world.get(f"{LIST}?counts=true&text=team:blue", "bolt")).json()

    assert (len(mine["items"]), mine["counted"]) == (1, 1)
    assert (theirs["items"], theirs["counted"]) == ([], 0)
