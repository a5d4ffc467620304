"""Large answers in JSON come compressed to those who take that, whatever route and door gives them."""

from __future__ import annotations

import gzip

import httpx2
import pytest

from api.compression import LEAST_BYTES, accepts_gzip
from tests.contract.samples import node, start, submit, workflow
from tests.makers import Rig

#: Its view is far above the bound; that of a single node is far below it.
LARGE = workflow(*(node(f"n{index:03}") for index in range(100)))
#: Large enough to be compressed in a thread.
LARGEST = workflow(*(node(f"n{index:03}") for index in range(600)))
TAKES = {"Accept-Encoding": "gzip"}
TAKES_NONE = {"Accept-Encoding": "identity"}


async def raw(client: httpx2.AsyncClient, path: str, **headers: str) -> tuple[httpx2.Headers, bytes]:
    """The head of an answer, and its body as it was sent."""
    async with client.stream("GET", path, headers=headers) as answer:
        return answer.headers, b"".join([part async for part in answer.aiter_raw()])


@pytest.mark.parametrize("document", [LARGE, LARGEST])
async def test_a_large_answer_is_the_same_compressed(client: httpx2.AsyncClient, document: object) -> None:
    path = f"/v1/executions/{await submit(client, document)}"  # type: ignore[arg-type]

    plain, body = await raw(client, path, **TAKES_NONE)
    head, packed = await raw(client, path, **TAKES)

    assert "content-encoding" not in plain
    assert head["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == body
    assert int(head["content-length"]) == len(packed) < len(body) / 5
    assert head["vary"] == plain["vary"] == "Accept-Encoding"
    assert head["content-type"] == plain["content-type"]


async def test_a_small_answer_is_sent_as_it_is(client: httpx2.AsyncClient) -> None:
    execution_id = await submit(client, LARGE)

    head, body = await raw(client, f"/v1/executions/{execution_id}/nodes/n001", **TAKES)

    assert "content-encoding" not in head
    assert "vary" not in head
    assert len(body) < LEAST_BYTES


async def test_a_head_is_that_of_the_answer(client: httpx2.AsyncClient) -> None:
    path = f"/v1/executions/{await submit(client, LARGE)}"

    head = (await client.head(path, headers=TAKES)).headers
    get, _ = await raw(client, path, **TAKES)

    for name in ("content-length", "content-encoding", "vary"):
        assert head[name] == get[name]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP, br", True),
        ("x-gzip", True),
        ("br", False),
        ("*", True),
        ("gzip;q=0, *", False),
        ("gzip; q=0.0", False),
        ("gzip;q=0.1", True),
        ("gzip;q=0.5, identity", False),
        ("identity;q=0.5, gzip;q=0.8", True),
        ("*;q=0", False),
        ("gzip;q=x", False),
    ],
)
def test_weights_are_respected(header: str, expected: bool) -> None:
    assert accepts_gzip(header.encode()) is expected


async def test_streams_are_passed_on_as_they_come(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await start(client, LARGE)
    await rig.worker.run_all()
    path = f"/v1/executions/{execution_id}/events"

    for kind in ("text/event-stream", "application/x-ndjson"):
        head, body = await raw(client, path, **TAKES, Accept=kind)

        assert "content-encoding" not in head
        assert len(body) > LEAST_BYTES
        assert b"execution.completed" in body


async def test_a_tag_names_the_same_state_compressed_and_not(client: httpx2.AsyncClient) -> None:
    await client.put("/v1/workflows/large", json=LARGE | {"name": "large"})
    path = "/v1/workflows/large"
    plain, body = await raw(client, path, **TAKES_NONE)
    head, _ = await raw(client, path, **TAKES)
    assert len(body) > LEAST_BYTES
    assert head["content-encoding"] == "gzip"

    assert head["etag"] == plain["etag"][:-1] + '-gzip"'
    for tag in (plain["etag"], head["etag"]):
        known = await client.get(path, headers={"If-None-Match": tag, **TAKES})
        assert (known.status_code, known.headers["etag"]) == (304, tag)
    changed = await client.patch(path, json={"labels": {"size": "L"}}, headers={"If-Match": head["etag"]})
    assert changed.status_code == 200, changed.text
    late = await client.patch(path, json={"labels": {"size": "XL"}}, headers={"If-Match": head["etag"]})
    assert late.status_code == 412


async def test_a_large_problem_document_is_compressed_too(client: httpx2.AsyncClient) -> None:
    wrong = workflow(*(node(f"n{index}", after=["nowhere"]) for index in range(200)))

    answer = await client.post("/v1/executions", json={"definition": wrong}, headers=TAKES)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["code"] == "DEFINITION_INVALID"


@pytest.mark.parametrize("path", ["/openapi.json", "/api/v1/runs/{id}"])
async def test_other_doors_compress_as_well(client: httpx2.AsyncClient, path: str) -> None:
    head, _ = await raw(client, path.format(id=await start(client, LARGE)), **TAKES)

    assert head["content-type"].startswith("application/json")
    assert head["content-encoding"] == "gzip"
