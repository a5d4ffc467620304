"""Child executions over HTTP: who started whom, from either side."""

from typing import Any

import httpx2

from tests.contract.children import KID, start_child
from tests.contract.samples import UNKNOWN, node, workflow
from tests.makers import FakeWorker


async def test_parent_and_child_are_found_from_either_side(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    nodes = [node(name, handler="sub_workflow", config={"workflow": KID}) for name in ("A", "B")]
    nodes.append(node("M", handler="sub_workflow", config={"workflow": KID}, map={"items": [1]}))
    body = {"definition": workflow(*nodes), "trigger": True}
    execution_id = (await client.post("/v1/executions", json=body)).json()["execution_id"]
    path = f"/v1/executions/{execution_id}"
    held = await worker.start()
    await worker.transitions.map_node(held["M"], [b"1"], tolerated=0, stops=False)
    held |= await worker.start()
    for unit in ("A", "B", "M[0]"):
        await start_child(worker, held[unit])

    found: dict[str, Any] = (await client.get(path)).json()
    first = (await client.get(f"{path}/children", params={"limit": 2})).json()
    rest = (await client.get(f"{path}/children", params={"cursor": first["next_cursor"]})).json()

    assert (found["parent"], found["children"]) == (None, 3)
    children = [*first["items"], *rest["items"]]
    assert rest["next_cursor"] is None
    assert [(each["name"], each["parent"]) for each in children] == [
        ("kid", {"execution_id": execution_id, "node_id": "A", "item": None}),
        ("kid", {"execution_id": execution_id, "node_id": "B", "item": None}),
        ("kid", {"execution_id": execution_id, "node_id": "M", "item": 0}),
    ]
    ids = [each["execution_id"] for each in children]
    assert [each["child"] for each in found["nodes"]] == [*ids[:2], None]
    (item,) = (await client.get(f"{path}/nodes/M/items")).json()["items"]
    assert item["child"] == ids[2]
    child = (await client.get(f"/v1/executions/{ids[0]}")).json()
    assert (child["parent"]["execution_id"], child["children"]) == (execution_id, 0)


async def test_children_of_what_is_unknown_or_at_a_bad_place(client: httpx2.AsyncClient) -> None:
    unknown = await client.get(f"/v1/executions/{UNKNOWN}/children")
    bad = await client.get(f"/v1/executions/{UNKNOWN}/children", params={"cursor": "-1"})

    assert (unknown.status_code, unknown.json()["code"]) == (404, "EXECUTION_NOT_FOUND")
    assert bad.status_code == 422
