"""`/v1/workflows` over the real engine and a real Redis: registered, changed, listed, started and removed."""

import asyncio
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from orchestrator.store.replies import Claim
from tests.contract.samples import ORDER, YAML, node, workflow
from tests.contract.samples import put_workflow as put
from tests.makers import FakeWorker, held_by


async def register(client: httpx2.AsyncClient, title: str = "Order Pipeline", **fields: Any) -> Any:
    """Register a workflow of one node; gives its record."""
    body = {"definition": {**workflow(node("A")), "name": title}} | fields
    answer = await client.post("/v1/workflows", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_workflow_is_registered_changed_listed_and_started_by_name_and_by_id(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    order = await register(client, "Order Pipeline")
    check = await register(client, "Bestellung prüfen")
    first = await client.get("/v1/workflows/bestellung-prufen")
    changed = {**workflow(node("A"), node("B", after=["A"])), "name": "Bestellung prüfen"}

    again = await client.put(
        "/v1/workflows/bestellung-prufen",
        json={"definition": first.json()["definition"]},
        headers={"If-Match": first.headers["etag"]},
    )
    other = await client.put(
        "/v1/workflows/bestellung-prufen",
        json={"definition": changed},
        headers={"If-Match": first.headers["etag"]},
    )
    page = (await client.get("/v1/workflows?limit=1")).json()
    last = (await client.get(f"/v1/workflows?limit=1&cursor={page['next_cursor']}")).json()
    by_name = await client.post("/v1/workflows/order-pipeline/executions")
    by_id = await client.post(f"/v1/workflows/{check['workflow_id']}/executions", json={"version": 1})

    assert (order["name"], order["title"], order["version"]) == ("order-pipeline", "Order Pipeline", 1)
    assert (check["name"], check["title"]) == ("bestellung-prufen", "Bestellung prüfen")
    assert (again.status_code, again.json()["version"], again.json()["outcome"]) == (200, 1, "unchanged")
    assert again.headers["etag"] == first.headers["etag"]
    assert (other.status_code, other.json()["version"], other.json()["outcome"]) == (200, 2, "updated")
    assert [item["name"] for item in page["items"] + last["items"]] == ["bestellung-prufen", "order-pipeline"]
    assert last["next_cursor"] is None
    assert (by_name.status_code, by_id.status_code) == (202, 202)
    views = [(await client.get(made.headers["location"])).json() for made in (by_name, by_id)]
    assert [(view["workflow_id"], view["workflow_version"]) for view in views] == [
        (order["workflow_id"], 1),
        (check["workflow_id"], 1),
    ]
    for task in await worker.read():
        claim = await worker.claim(task)
        assert isinstance(claim, Claim)
        await worker.complete(held_by(claim))
    assert [(await client.get(made.headers["location"])).json()["status"] for made in (by_name, by_id)] == [
        "COMPLETED"
    ] * 2


async def test_a_workflow_says_whether_its_newest_version_declares_its_events(
    client: httpx2.AsyncClient,
) -> None:
    plain = {**workflow(node("A")), "name": "events"}

    async def shown() -> list[bool]:
        one = (await client.get("/v1/workflows/events")).json()
        (listed,) = (await client.get("/v1/workflows")).json()["items"]
        return [one["has_interface"], listed["has_interface"]]

    async def put(document: dict[str, Any]) -> None:
        await client.put("/v1/workflows/events", json=document, headers={"If-Match": "*"})

    await client.post("/v1/workflows", json=plain)
    first = await shown()
    await put(plain | {"interface": {}})
    second = await shown()
    await put(plain)

    assert (first, second) == ([False, False], [True, True])
    assert await shown() == [False, False]


async def test_one_key_makes_one_workflow_however_many_send_it(
    client: httpx2.AsyncClient, redis: Redis
) -> None:
    body = {"definition": {**workflow(node("A")), "name": "Order Pipeline"}}
    headers = {"Idempotency-Key": "order"}

    answers = await asyncio.gather(
        *(client.post("/v1/workflows", json=body, headers=headers) for _ in range(200))
    )
    other = await client.post("/v1/workflows", json=body | {"labels": {"a": "b"}}, headers=headers)

    assert {answer.status_code for answer in answers} == {201}
    assert len({(answer.text, answer.headers["etag"], answer.headers["location"]) for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await redis.zcard("idx:workflows:default") == 1
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")


async def test_the_same_title_again_gets_a_name_of_its_own(client: httpx2.AsyncClient) -> None:
    first = await register(client)

    second = await register(client)
    nameless = await register(client, "注文")

    assert first["name"] == "order-pipeline"
    assert second["name"] == f"order-pipeline-{second['workflow_id'][-6:]}"
    assert nameless["name"] == f"-{nameless['workflow_id'][-6:]}"
    assert (await client.get(f"/v1/workflows/{nameless['name']}")).status_code == 200


async def test_a_put_creates_without_if_match_and_changes_only_with_it(client: httpx2.AsyncClient) -> None:
    created = await put(client, "orders", ORDER)
    changed = ORDER.replace("paid", "asked")

    missing = await put(client, "orders", changed)
    old = await put(client, "orders", changed, **{"If-Match": '"wf_x.1"'})
    weak = await put(client, "orders", changed, **{"If-Match": f"W/{created.headers['etag']}"})
    right = await put(client, "orders", changed, **{"If-Match": f'"x", {created.headers["etag"]}'})
    late = await put(client, "orders", ORDER, **{"If-Match": created.headers["etag"]})
    anything = await put(client, "orders", ORDER, **{"If-Match": "*"})
    nothing = await put(client, "others", ORDER, **{"If-Match": "*"})

    assert (created.status_code, created.headers["location"]) == (201, "/v1/workflows/orders")
    assert created.json()["title"] == "Order Pipeline"
    assert [answer.status_code for answer in (missing, old, weak, right, late, anything, nothing)] == [
        428, 412, 412, 200, 412, 200, 412,
    ]  # fmt: skip
    assert (missing.json()["code"], late.json()["code"]) == ("PRECONDITION_REQUIRED", "WORKFLOW_CHANGED")
    assert [answer.json()["version"] for answer in (right, anything)] == [2, 3]


async def test_one_of_many_that_change_the_same_state_wins(client: httpx2.AsyncClient) -> None:
    tag = (await put(client, "orders", ORDER)).headers["etag"]

    answers = await asyncio.gather(
        *(put(client, "orders", ORDER.replace("paid", f"paid {n}"), **{"If-Match": tag}) for n in range(20))
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    assert (await client.get("/v1/workflows/orders")).json()["version"] == 2


async def test_the_source_is_returned_as_it_was_sent(client: httpx2.AsyncClient) -> None:
    await client.put(
        "/v1/workflows/yaml", content=ORDER, headers={"Content-Type": "text/yaml; charset=utf-8"}
    )
    json_text = '{ "name":"As JSON",\n "nodes": [{"id":"A","handler":"noop"}] }'
    await client.put("/v1/workflows/json", content=json_text, headers={"Content-Type": "application/json"})
    await client.put("/v1/workflows/text", json={"definition": ORDER})

    found = {name: await client.get(f"/v1/workflows/{name}/source") for name in ("yaml", "json", "text")}

    assert {name: (each.text, each.headers["content-type"]) for name, each in found.items()} == {
        "yaml": (ORDER, "text/yaml"),
        "json": (json_text, "application/json"),
        "text": (ORDER, "application/yaml"),
    }
    assert (await client.get("/v1/workflows/yaml")).json()["source"] == ORDER


async def test_another_text_of_the_same_definition_is_no_version(client: httpx2.AsyncClient) -> None:
    created = await put(client, "orders", ORDER)
    commented = "# For the night shift, too.\n" + ORDER

    changed = await put(client, "orders", commented, **{"If-Match": created.headers["etag"]})

    assert (changed.json()["version"], changed.json()["hash"]) == (1, created.json()["hash"])
    assert (await client.get("/v1/workflows/orders/source")).text == commented


async def test_versions_are_listed_and_read(client: httpx2.AsyncClient) -> None:
    for number in range(1, 6):
        await put(client, "orders", ORDER.replace("paid", f"paid {number}"), **(
            {"If-Match": "*"} if number > 1 else {}
        ))  # fmt: skip

    page = (await client.get("/v1/workflows/orders/versions?limit=3")).json()
    rest = (await client.get(f"/v1/workflows/orders/versions?cursor={page['next_cursor']}")).json()
    second = await client.get("/v1/workflows/orders/versions/2")
    sixth = await client.get("/v1/workflows/orders/versions/6")

    assert [item["version"] for item in page["items"] + rest["items"]] == [5, 4, 3, 2, 1]
    assert rest["next_cursor"] is None
    assert second.json()["definition"]["description"] == "Ships what was paid 2 for."
    assert (sixth.status_code, sixth.json()["code"]) == (404, "WORKFLOW_NOT_FOUND")
    assert sixth.json()["detail"] == "workflow 'orders' has no version 6; it has versions 1 to 5"


async def test_the_text_of_each_version_is_kept(client: httpx2.AsyncClient) -> None:
    await put(client, "orders", ORDER)
    await put(client, "orders", ORDER.replace("paid", "paid at once"), **{"If-Match": "*"})

    first = await client.get("/v1/workflows/orders/source?version=1")
    newest = await client.get("/v1/workflows/orders/source")
    third = await client.get("/v1/workflows/orders/source?version=3")

    assert first.text == ORDER != newest.text
    assert third.json()["detail"] == "workflow 'orders' has no version 3; it has versions 1 to 2"


async def test_what_a_client_has_is_not_sent_again(client: httpx2.AsyncClient) -> None:
    tag = (await put(client, "orders", ORDER)).headers["etag"]

    same = await client.get("/v1/workflows/orders", headers={"If-None-Match": f'"x", W/{tag}'})
    await client.post("/v1/workflows/orders/pause")
    other = await client.get("/v1/workflows/orders", headers={"If-None-Match": tag})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert other.status_code == 200


async def test_labels_and_texts_narrow_the_list(client: httpx2.AsyncClient) -> None:
    await register(client, "Order Pipeline", labels={"team": "shop", "tier": "1"})
    await register(client, "Refunds", labels={"team": "shop"})
    await put(client, "night", ORDER.replace("Ships", "LÄUFT").replace("Order", "Night"))

    async def names(query: str) -> list[str]:
        return [item["name"] for item in (await client.get(f"/v1/workflows?{query}")).json()["items"]]

    assert await names("label=team:shop") == ["refunds", "order-pipeline"]
    assert await names("label=team:shop&label=tier:1") == ["order-pipeline"]
    assert await names("text=PIPE") == ["night", "order-pipeline"]
    assert await names("text=läuft&limit=1") == ["night"]
    assert await names("text=nothing") == []
    assert (await client.get("/v1/workflows?label=team")).status_code == 422


async def test_labels_and_activity_stay_where_a_change_does_not_name_them(client: httpx2.AsyncClient) -> None:
    await put(client, "orders", ORDER)
    await client.put(
        "/v1/workflows/orders",
        json={"definition": ORDER, "labels": {"team": "shop"}, "is_active": False},
        headers={"If-Match": "*"},
    )

    changed = await put(client, "orders", ORDER.replace("paid", "asked"), **{"If-Match": "*"})

    assert (changed.json()["labels"], changed.json()["is_active"]) == ({"team": "shop"}, False)


@pytest.mark.parametrize(
    ("content", "headers", "status", "place"),
    [
        ("name: x\nnodes:\n  - {id: A, handler: noop, dependencies: [B]}\n", YAML, 400, 3),
        ("name: x\nnodes: [\n", YAML, 422, 3),
        ("[1]", YAML, 422, 1),
        ('{"name": "x", "nodes": []}', {}, 422, None),
        ('{"definition": {"name": "x", "nodes": []}}', {}, 422, None),
        ('{"definition": "name: x", "colour": "red"}', {}, 422, None),
        ('{"definition": {"name": "x"}, "labels": {"": "x"}}', {}, 422, None),
        ('{"name": "x",\n "nodes": }', {}, 422, 2),
        ("[]", {}, 422, None),
        ("", {}, 422, 1),
        ("# " + 1024 * 1024 * "x" + "\nname: x\n", YAML, 413, None),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_what_is_wrong_is_refused_with_its_place_and_leaves_nothing(
    client: httpx2.AsyncClient,
    redis: Redis,
    method: str,
    content: str,
    headers: dict[str, str],
    status: int,
    place: int | None,
) -> None:
    path = "/v1/workflows" if method == "POST" else "/v1/workflows/orders"

    answer = await client.request(
        method, path, content=content, headers={"Content-Type": "application/json"} | headers
    )

    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0].get("line") == place
    assert not [key async for key in redis.scan_iter("*workflows:*") if b"tick" not in key]


@pytest.mark.parametrize("name", ["Orders", "a b", "wf_x", "x" * 65, "01900000-0000-7000-8000-000000000000"])
async def test_what_cannot_be_a_name_is_refused(client: httpx2.AsyncClient, name: str) -> None:
    answer = await put(client, name, ORDER)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["path"] == "path.workflow"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("GET", "/source"), ("GET", "/versions"), ("GET", "/versions/1"), ("DELETE", ""),
        ("POST", "/executions"), ("POST", "/pause"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("workflow_id", ["unknown", "wf_" + 26 * "a", "a:b", "Ü"])
async def test_an_unknown_workflow_is_404(
    client: httpx2.AsyncClient, method: str, path: str, workflow_id: str
) -> None:
    answer = await client.request(method, f"/v1/workflows/{workflow_id}{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "WORKFLOW_NOT_FOUND")


async def test_labels_are_changed_without_the_definition(client: httpx2.AsyncClient) -> None:
    made = await client.put("/v1/workflows/orders", json=workflow(node("A")))

    labelled = await client.patch("/v1/workflows/orders", json={"labels": {"team": "shop"}})
    again = await client.patch("/v1/workflows/orders", json={"labels": {"team": "shop"}})
    late = await client.patch(
        "/v1/workflows/orders", json={"is_active": False}, headers={"If-Match": made.headers["etag"]}
    )
    wrong = await client.patch("/v1/workflows/orders", json={"labels": {"a:b": "c"}})

    assert (labelled.json()["outcome"], labelled.json()["labels"]) == ("updated", {"team": "shop"})
    assert (labelled.json()["version"], again.json()["outcome"]) == (1, "unchanged")
    assert (late.status_code, wrong.status_code) == (412, 422)
