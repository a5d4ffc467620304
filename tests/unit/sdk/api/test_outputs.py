"""Outputs that a view leaves out are read where we know them to be, never where an output says."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from headrace.api.outputs import left_out_bytes
from headrace.client import AsyncClient

HREF = "/v1/executions/e1/nodes/A/output"


def stands_for(href: str) -> dict[str, Any]:
    return {"truncated": True, "bytes": 5_000, "href": href}


def answering(output: Any, seen: list[str]) -> AsyncClient:
    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.url.path)
        if request.url.path.endswith("/output"):
            return httpx2.Response(200, json=["whole"])
        return httpx2.Response(200, json={"node_id": "A", "status": "COMPLETED", "output": output})

    return AsyncClient("http://server", transport=httpx2.MockTransport(answer))


async def test_a_large_output_is_read_whole() -> None:
    seen: list[str] = []
    async with answering(stands_for(HREF), seen) as client:
        node = await client.nodes.get("e1", "A")

    assert node.output == ["whole"]
    assert seen == ["/v1/executions/e1/nodes/A", HREF]


@pytest.mark.parametrize(
    "output",
    [
        stands_for("http://evil.example/"),
        stands_for("/v1/executions/e2/nodes/A/output"),
        stands_for(HREF) | {"more": 1},
        stands_for(HREF) | {"truncated": 1.5},
        {"truncated": True},
        ["whole"],
        None,
    ],
)
async def test_an_output_that_looks_like_it_leads_nowhere(output: Any) -> None:
    seen: list[str] = []
    async with answering(output, seen) as client:
        node = await client.nodes.get("e1", "A")

    assert node.output == output
    assert seen == ["/v1/executions/e1/nodes/A"]


def test_what_stands_for_an_output_is_known_by_its_three_fields() -> None:
    assert left_out_bytes(stands_for(HREF)) == 5_000
    assert left_out_bytes({"truncated": False, "bytes": 1, "href": ""}) is None
    assert left_out_bytes("truncated") is None
