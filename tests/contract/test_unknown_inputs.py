"""A start that gives an input its workflow does not know is taken, and its answer says so."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.contract.samples import node

SCHEMA = {"type": "object", "properties": {"customer": {"type": "integer", "default": 1}}}
PARENT: dict[str, Any] = {
    "name": "Orders",
    "inputs": SCHEMA,
    "nodes": [node("A") | {"config": {"text": "{{ inputs.customer }}"}}],
}
SLIP, SAID = {"custmer": 3}, ["inputs.custmer"]


async def answered(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def places(answer: dict[str, Any]) -> list[str]:
    return [warning["path"] for warning in answer.get("warnings", [])]


async def test_every_way_to_start_says_which_input_nothing_reads(client: httpx2.AsyncClient) -> None:
    await answered(client, "/v1/workflows", PARENT)

    named = await answered(client, "/v1/workflows/orders/executions", {"inputs": SLIP})
    sent = await answered(client, "/v1/executions", {"definition": PARENT, "inputs": SLIP, "trigger": True})
    waiting = await answered(client, "/v1/executions", {"definition": PARENT})
    of = f"/v1/executions/{waiting['execution_id']}"
    triggered = await answered(client, f"{of}/trigger", {"inputs": SLIP})
    replayed = await answered(client, f"{of}/replay", {"inputs": {"customr": 4}})
    forked = await answered(client, f"{of}/fork", {"inputs": {"customr": 4}, "preview": True})

    assert [places(each) for each in (named, sent, triggered)] == [SAID, SAID, SAID]
    assert [places(each) for each in (replayed, forked)] == [["inputs.customr"], ["inputs.customr"]]
    assert named["warnings"][0]["hint"] == "did you mean 'customer'?"


async def test_a_start_whose_inputs_are_all_known_is_answered_as_ever(client: httpx2.AsyncClient) -> None:
    await answered(client, "/v1/workflows", PARENT)

    found = await answered(client, "/v1/workflows/orders/executions", {"inputs": {"customer": 3}})
    none = await answered(client, "/v1/workflows/orders/executions", {})

    assert (set(found), set(none)) == ({"execution_id", "status"}, {"execution_id", "status"})


async def test_the_same_request_again_is_answered_with_the_same_warnings(client: httpx2.AsyncClient) -> None:
    await answered(client, "/v1/workflows", PARENT)
    path, key = "/v1/workflows/orders/executions", {"Idempotency-Key": "one"}

    first = await client.post(path, json={"inputs": SLIP}, headers=key)
    again = await client.post(path, json={"inputs": SLIP}, headers=key)

    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
