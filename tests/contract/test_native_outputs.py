"""Large outputs over HTTP: left out of views, whole at their own address, in pages and in a stream."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from redis.asyncio import Redis

from headrace.client import AsyncClient
from tests.contract.samples import UNKNOWN, node, workflow
from tests.makers import FakeWorker, Rig

MIB = 1 << 20
#: A text is written with two quotes around it.
QUOTES = 2


async def started(client: httpx2.AsyncClient, *nodes: dict[str, Any], **extra: Any) -> str:
    body = {"definition": workflow(*nodes, **extra), "trigger": True}
    answer = await client.post("/v1/executions", json=body)
    assert answer.status_code == 202, answer.text
    execution_id: str = answer.json()["execution_id"]
    return execution_id


async def ended(client: httpx2.AsyncClient, worker: FakeWorker, **outputs: Any) -> str:
    """An execution whose nodes have these outputs; one with None is left queued."""
    execution_id = await started(client, *map(node, outputs))
    held = await worker.start(2_000)
    for node_id, output in outputs.items():
        if output is not None:
            await worker.complete(held[node_id], output)
    return execution_id


@pytest.mark.parametrize(("size_bytes", "is_whole"), [(4096, True), (4097, False), (1_000_000, False)])
async def test_views_show_outputs_up_to_4_kib(
    client: httpx2.AsyncClient, worker: FakeWorker, size_bytes: int, is_whole: bool
) -> None:
    text = "x" * (size_bytes - QUOTES)
    execution_id = await ended(client, worker, A=text, B=None)
    path = f"/v1/executions/{execution_id}/nodes/A"

    first, second = (await client.get(f"/v1/executions/{execution_id}")).json()["nodes"]
    alone = (await client.get(path)).json()

    shown = text if is_whole else {"truncated": True, "bytes": size_bytes, "href": f"{path}/output"}
    assert first["output"] == alone["output"] == shown
    assert second["output"] is None


async def test_an_output_is_whole_at_its_own_address(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    output = {"text": "x" * MIB, "n": 12345678901234567890123}
    execution_id = await ended(client, worker, A=output["text"])

    detail = (await client.get(f"/v1/executions/{execution_id}")).json()
    answer = await client.get(detail["nodes"][0]["output"]["href"])

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == output["text"]


@pytest.mark.parametrize(("size_bytes", "is_whole"), [(65_536, True), (65_537, False)])
async def test_the_output_of_the_whole_is_shown_up_to_64_kib(
    client: httpx2.AsyncClient, worker: FakeWorker, size_bytes: int, is_whole: bool
) -> None:
    execution_id = await started(client, node("A"), output="{{ A.text }}")
    await worker.complete(await worker.start_one("A"), {"text": "x"})
    text = "x" * (size_bytes - QUOTES)
    await worker.complete(await worker.start_one("$output"), text)

    shown = (await client.get(f"/v1/executions/{execution_id}")).json()["output"]
    whole = await client.get(f"/v1/executions/{execution_id}/output")

    href = f"/v1/executions/{execution_id}/output"
    assert shown == (text if is_whole else {"truncated": True, "bytes": size_bytes, "href": href})
    assert whole.json() == text


async def test_small_outputs_are_left_out_too_where_there_are_megabytes_of_them(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    names = [f"n{number}" for number in range(1_100)]
    execution_id = await ended(client, worker, **dict.fromkeys(names, "x" * 4_000))

    answer = await client.get(f"/v1/executions/{execution_id}")

    outputs = [found["output"] for found in answer.json()["nodes"]]
    assert outputs[0] == "x" * 4_000
    assert outputs[-1]["truncated"]
    assert len(answer.content) < 6 * MIB


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/executions/{}/nodes/B/output", "OUTPUT_NOT_FOUND"),
        ("/v1/executions/{}/output", "OUTPUT_NOT_FOUND"),
        ("/v1/executions/{}/nodes/Z/output", "NODE_NOT_FOUND"),
        ("/v1/executions/{}/nodes/A%5B0%5D/output", "NODE_NOT_FOUND"),
        ("/v1/executions/{}/nodes/$output/output", "NODE_NOT_FOUND"),
        (f"/v1/executions/{UNKNOWN}/nodes/A/output", "EXECUTION_NOT_FOUND"),
        (f"/v1/executions/{UNKNOWN}/output", "EXECUTION_NOT_FOUND"),
        (f"/v1/executions/{UNKNOWN}/results", "EXECUTION_NOT_FOUND"),
        (f"/workflows/{UNKNOWN}/results", "EXECUTION_NOT_FOUND"),
    ],
)
async def test_what_is_not_there_is_404(
    client: httpx2.AsyncClient, worker: FakeWorker, path: str, code: str
) -> None:
    execution_id = await ended(client, worker, A=1, B=None)

    answer = await client.get(path.format(execution_id))

    assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_results_come_in_pages_of_bytes(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    outputs = {f"n{number}": str(number) * 1_000_000 for number in range(9)} | {"last": None}
    execution_id = await ended(client, worker, **outputs)
    path, sizes, cursor = f"/v1/executions/{execution_id}/results", list[int](), None
    found: dict[str, Any] = {}

    while True:
        answer = await client.get(path, params={"cursor": cursor} if cursor else {})
        page = answer.json()
        found |= page["results"]
        sizes.append(len(answer.content))
        cursor = page["next_cursor"]
        assert (cursor is None) == ("link" not in answer.headers)
        if cursor is None:
            break

    assert found == {name: {} if output is None else output for name, output in outputs.items()}
    assert list(found) == list(outputs)
    assert len(sizes) > 1
    assert max(sizes) < 4 * MIB + 1_000


async def test_small_results_are_one_page(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    execution_id = await ended(client, worker, A={"n": 1}, B=None)

    answer = await client.get(f"/v1/executions/{execution_id}/results")

    assert answer.json() == {
        "execution_id": execution_id,
        "results": {"A": {"n": 1}, "B": {}},
        "next_cursor": None,
    }


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 16])
async def test_a_cursor_no_page_gave_is_refused(
    client: httpx2.AsyncClient, worker: FakeWorker, cursor: str
) -> None:
    execution_id = await ended(client, worker, A=1)

    answer = await client.get(f"/v1/executions/{execution_id}/results", params={"cursor": cursor})

    assert answer.status_code == 422


async def test_the_documented_results_are_one_object_of_any_size(
    client: httpx2.AsyncClient, worker: FakeWorker
) -> None:
    outputs = {f"n{number}": str(number) * 700_000 for number in range(7)} | {"small": {"n": 1}, "none": None}
    execution_id = await ended(client, worker, **outputs)

    answer = await client.get(f"/workflows/{execution_id}/results")

    wanted = {name: {} if output is None else output for name, output in outputs.items()}
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"execution_id": execution_id, "results": wanted}
    # Written as a small one is, without blanks.
    assert answer.text == json.dumps(answer.json(), separators=(",", ":"))


async def test_no_answer_reads_more_than_its_share_at_once(
    client: httpx2.AsyncClient, worker: FakeWorker, redis: Redis
) -> None:
    execution_id = await ended(client, worker, **{f"n{number}": "x" * MIB for number in range(8)})
    await redis.config_resetstat()
    before: dict[str, Any] = await redis.info("stats")

    await client.get(f"/v1/executions/{execution_id}")

    after: dict[str, Any] = await redis.info("stats")
    assert after["total_net_output_bytes"] - before["total_net_output_bytes"] < MIB


async def mapped(client: httpx2.AsyncClient, rig: Rig, outputs: list[Any]) -> str:
    """An execution with a mapped node M; items with the output None fail."""
    execution_id = await started(client, node("M", map={"items": [0], "tolerated_failure_count": 9}))
    held = await rig.worker.start()
    items = [b"%d" % index for index in range(len(outputs))]
    await rig.transitions.map_node(held["M"], items, tolerated=9, stops=False)
    held = await rig.worker.start()
    for index, output in enumerate(outputs):
        token = held[f"M[{index}]"]
        await (rig.worker.fail(token) if output is None else rig.worker.complete(token, output))
    return execution_id


async def test_items_show_outputs_up_to_4_kib_and_have_addresses_too(
    client: httpx2.AsyncClient, rig: Rig
) -> None:
    execution_id = await mapped(client, rig, ["small", "x" * 100_000, None])
    path = f"/v1/executions/{execution_id}/nodes/M/items"

    small, large, failed = (await client.get(path)).json()["items"]
    href = large["output"]["href"]

    assert (small["output"], failed["output"]) == ("small", None)
    assert large["output"] == {"truncated": True, "bytes": 100_000 + QUOTES, "href": href}
    assert (await client.get(href)).json() == "x" * 100_000
    assert (await client.get(href.replace("%5B1%5D", "[0]"))).json() == "small"
    assert (await client.get(href.replace("%5B1%5D", "[2]"))).json()["code"] == "OUTPUT_NOT_FOUND"
    assert (await client.get(href.replace("%5B1%5D", "[99]"))).json()["code"] == "OUTPUT_NOT_FOUND"


async def test_items_are_listed_by_status(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await mapped(client, rig, [1, None, 2, None, None, 3, None])
    path, seen, query = f"/v1/executions/{execution_id}/nodes/M/items", [], {"status": "FAILED", "limit": "3"}

    while True:
        page = (await client.get(path, params=query)).json()
        seen += [(item["index"], item["status"]) for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    completed = (await client.get(path, params={"status": "COMPLETED"})).json()["items"]

    assert seen == [(1, "FAILED"), (3, "FAILED"), (4, "FAILED"), (6, "FAILED")]
    assert [(item["index"], item["output"]) for item in completed] == [(0, 1), (2, 2), (5, 3)]


async def test_an_unknown_status_of_items_is_refused_with_those_there_are(
    client: httpx2.AsyncClient, rig: Rig
) -> None:
    execution_id = await mapped(client, rig, [1])

    answer = await client.get(f"/v1/executions/{execution_id}/nodes/M/items", params={"status": "failed"})

    assert answer.status_code == 422
    assert "FAILED" in answer.json()["detail"]


async def test_the_client_gives_large_outputs_whole(client: httpx2.AsyncClient, worker: FakeWorker) -> None:
    text = "x" * MIB
    execution_id = await ended(client, worker, **{f"n{number}": text for number in range(6)})
    ours = AsyncClient("http://headrace", transport=client._transport)

    assert await ours.executions.results(execution_id) == {f"n{number}": text for number in range(6)}
    assert (await ours.executions.get(execution_id, whole=True)).nodes[5].output == text
    assert (await ours.executions.get(execution_id)).nodes[5].output["truncated"]
    assert (await ours.nodes.get(execution_id, "n0")).output == text
    assert await ours.nodes.output(execution_id, "n0") == text
