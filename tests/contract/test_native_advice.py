"""What is likely a mistake in what is validated, registered, scheduled or hooked: it is taken, and said."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.contract.samples import node
from tests.contract.two_tenants import two_tenants
from tests.makers import WorkerFleet, until
from workers.context import Toolbox

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer"}, "note": {"default": ""}},
}
BILLING: dict[str, Any] = {"name": "Billing", "inputs": SCHEMA, "nodes": [node("A")]}


def parent(workflow: str = "billing", **inputs: Any) -> dict[str, Any]:
    return {
        "name": "Parent",
        "nodes": [node("A", handler="sub_workflow", config={"workflow": workflow, "inputs": inputs})],
    }


def codes(answer: httpx2.Response) -> list[tuple[str, str]]:
    assert answer.is_success, answer.text
    return [(each["path"], each["code"]) for each in answer.json().get("warnings", [])]


UNKNOWN = [("nodes[0].config.workflow", "unknown_workflow")]


async def test_validate_compares_a_child_with_the_registry(client: httpx2.AsyncClient) -> None:
    await client.post("/v1/workflows", json=BILLING)

    near = await client.post("/v1/validate", json=parent("biling", amount=1))
    good = await client.post("/v1/validate", json=parent(amount=1))
    unfit = await client.post("/v1/validate", json=parent(amount="x", nte=1))
    itself = await client.post("/v1/validate", json=parent("parent"))

    assert codes(near) == UNKNOWN
    assert near.json()["warnings"][0]["hint"] == "did you mean 'billing'?"
    assert near.json()["valid"]
    assert (codes(good), codes(itself)) == ([], [])
    assert codes(unfit) == [
        ("nodes[0].config.inputs.nte", "ignored_input"),
        ("nodes[0].config.inputs.amount", "child_inputs"),
    ]


async def test_a_definition_that_is_sent_beside_it_is_known_and_beats_the_registered_one(
    client: httpx2.AsyncClient,
) -> None:
    await client.post("/v1/workflows", json=BILLING | {"inputs": {"type": "object"}})
    beside: list[Any] = [BILLING, "name: Other\nnodes: []\n", "a: *broken"]

    both = await client.post("/v1/validate", json={"definition": parent(), "beside": beside})
    other = await client.post("/v1/validate", json={"definition": parent("other"), "beside": beside})

    assert codes(both) == [("nodes[0].config.inputs", "child_inputs")]
    assert codes(other) == []


async def test_the_workflows_of_another_tenant_are_not_there(redis_url: str) -> None:
    async with two_tenants(redis_url) as world:
        assert (await world.post("/v1/workflows", "acme", BILLING)).status_code == 201

        own = await world.post("/v1/validate", "acme", parent("biling", amount=1))
        foreign = await world.post("/v1/validate", "bolt", parent("billing", amount=1))
        near = await world.post("/v1/validate", "bolt", parent("biling", amount=1))

    assert own.json()["warnings"][0]["hint"] == "did you mean 'billing'?"
    assert (codes(foreign), codes(near)) == (UNKNOWN, UNKNOWN)
    assert near.json()["warnings"] == [
        {**own.json()["warnings"][0], "hint": "register it before this one starts it"}
    ]


async def test_validate_refuses_the_schedules_that_a_registration_refuses(client: httpx2.AsyncClient) -> None:
    document = BILLING | {"triggers": {"schedules": [{"cron": "@daily", "inputs": {"amount": "x"}}]}}

    judged = await client.post("/v1/validate", json=document)
    refused = await client.post("/v1/workflows", json=document)

    assert (judged.json()["valid"], refused.status_code) == (False, 422)
    assert judged.json()["errors"] == refused.json()["errors"]


async def test_a_registration_says_what_is_likely_a_mistake_and_registers(client: httpx2.AsyncClient) -> None:
    hooked = BILLING | {"triggers": {"webhooks": [{"path": "pay", "scheme": "hub256"}]}}

    made = await client.post("/v1/workflows", json=hooked)
    named = await client.put("/v1/workflows/p", json=parent("billin", amount=1))
    good = await client.put("/v1/workflows/q", json=parent(amount=1))

    assert (made.status_code, codes(made)) == (201, [("triggers.webhooks[0]", "starts_without_inputs")])
    assert (named.status_code, codes(named)) == (201, UNKNOWN)
    assert "warnings" not in good.json()


async def test_a_registration_names_the_secrets_that_no_worker_has(
    client: httpx2.AsyncClient, fleet: WorkerFleet
) -> None:
    await fleet.start(tools=Toolbox(webhook_secrets={"default": "whsec_x"}))
    document = BILLING | {"on_failure": {"url": "https://example.com", "secret": "pay"}}

    async def is_warned_of() -> bool:
        answer = await client.put("/v1/workflows/billing", json=document, headers={"If-Match": "*"})
        if answer.status_code == 412:
            answer = await client.put("/v1/workflows/billing", json=document)
        return codes(answer) == [("on_failure.secret", "name_not_set")]

    await until(is_warned_of)


async def test_a_schedule_says_what_of_it_is_odd(client: httpx2.AsyncClient) -> None:
    await client.post("/v1/workflows", json=BILLING)
    inputs = {"amount": 1, "amout": 2}

    made = await client.post(
        "/v1/schedules", json={"workflow": "billing", "cron": "*/70 * * * *", "inputs": inputs}
    )
    good = await client.put(
        "/v1/schedules/billing", json={"cron": "@daily", "inputs": {"amount": 1}}, headers={"If-Match": "*"}
    )

    assert codes(made) == [("cron", "cron_step"), ("inputs.amout", "ignored_input")]
    assert "warnings" not in good.json()


async def test_a_webhook_whose_every_call_would_be_refused_is_made_with_a_warning(
    client: httpx2.AsyncClient,
) -> None:
    await client.post("/v1/workflows", json=BILLING)
    body = {"workflow": "billing", "scheme": "hub256", "path": "pay"}

    made = await client.post("/v1/webhooks", json=body)
    changed = await client.patch("/v1/webhooks/pay", json={"inputs": "payload"}, headers={"If-Match": "*"})

    assert codes(made) == [("inputs", "starts_without_inputs")]
    assert "warnings" not in changed.json()
