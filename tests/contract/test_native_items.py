"""The items of a mapped node over HTTP: the real engine, each attempt a single step."""

from typing import Any

import httpx2
import pytest

from tests.contract.samples import UNKNOWN, node, workflow
from tests.integration.handler_steps import act
from tests.makers import Rig


async def begin(client: httpx2.AsyncClient, count: int, **fields: Any) -> str:
    """Start an execution with a mapped node and one that is not."""
    mapped = node("M", handler="transform", map={"items": list(range(count)), **fields})
    plain = node("P")
    body = {
        "definition": workflow(mapped | {"config": {"expression": "{{ 10 // item }}"}}, plain),
        "trigger": True,
    }
    answer = await client.post("/v1/executions", json=body)
    assert answer.status_code == 202, answer.text
    execution_id: str = answer.json()["execution_id"]
    return execution_id


async def test_items_are_paged_in_order(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await begin(client, 7, tolerated_failure_count=1)
    await act(rig)
    path, seen, cursor = f"/v1/executions/{execution_id}/nodes/M/items", [], None

    while True:
        page = (await client.get(path, params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert [(item["index"], item["value"]) for item in seen] == [(i, i) for i in range(7)]
    assert [item["status"] for item in seen] == ["FAILED"] + ["COMPLETED"] * 6
    assert [item["output"]["result"] for item in seen[1:]] == [10, 5, 3, 2, 2, 1]
    assert seen[0]["output"] is None
    assert seen[0]["error"]["type"] == "TemplateError"
    assert (seen[0]["attempt"], seen[0]["try"]) == (1, 1)


async def test_items_that_have_not_begun_are_shown_as_such(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await begin(client, 3, max_concurrency=1)
    path = f"/v1/executions/{execution_id}/nodes/M/items"
    before = (await client.get(path)).json()
    held = await rig.worker.start()
    await rig.transitions.map_node(held["M"], [b"1", b"2", b"3"], tolerated=0, stops=False)

    after = (await client.get(path)).json()["items"]
    detail = (await client.get(f"/v1/executions/{execution_id}")).json()

    assert before == {"items": [], "next_cursor": None}
    words = [(item["status"], item["value"]) for item in after]
    assert words == [("QUEUED", 1), ("PENDING", 2), ("PENDING", 3)]
    assert after[1]["started_at"] is None
    assert (after[0]["queued_at"] is None, after[1]["queued_at"] is None) == (False, True)
    (mapped,) = [each for each in detail["nodes"] if each["node_id"] == "M"]
    assert mapped["status"] == "WAITING"
    assert mapped["waiting_on"] == "map"


async def test_an_item_that_waits_says_what_for(client: httpx2.AsyncClient, rig: Rig) -> None:
    asked = node("M", handler="approval", map={"items": [1]}) | {"config": {"prompt": "{{ item }}?"}}
    answer = await client.post("/v1/executions", json={"definition": workflow(asked), "trigger": True})
    path = f"/v1/executions/{answer.json()['execution_id']}/nodes/M/items"
    await act(rig)

    [item] = (await client.get(path)).json()["items"]

    assert (item["status"], item["waiting_on"], item["reason"]) == ("WAITING", "approval", None)


async def test_a_node_without_items_has_an_empty_page(client: httpx2.AsyncClient) -> None:
    execution_id = await begin(client, 1)

    answer = await client.get(f"/v1/executions/{execution_id}/nodes/P/items")

    assert (answer.status_code, answer.json()) == (200, {"items": [], "next_cursor": None})


async def test_items_of_what_is_unknown_are_not_found(client: httpx2.AsyncClient) -> None:
    execution_id = await begin(client, 1)

    node_answer = await client.get(f"/v1/executions/{execution_id}/nodes/Q/items")
    item_answer = await client.get(f"/v1/executions/{execution_id}/nodes/M[0]/items")
    unknown = await client.get(f"/v1/executions/{UNKNOWN}/nodes/M/items")

    assert (node_answer.status_code, node_answer.json()["code"]) == (404, "NODE_NOT_FOUND")
    assert (item_answer.status_code, item_answer.json()["code"]) == (404, "NODE_NOT_FOUND")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "EXECUTION_NOT_FOUND")


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"cursor": "-1"}, {"limit": "0"}, {"limit": "501"}])
async def test_a_page_nobody_can_turn_to_is_422(client: httpx2.AsyncClient, query: dict[str, str]) -> None:
    execution_id = await begin(client, 1)

    answer = await client.get(f"/v1/executions/{execution_id}/nodes/M/items", params=query)

    assert answer.status_code == 422
