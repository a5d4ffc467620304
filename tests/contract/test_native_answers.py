"""Signals and approvals over HTTP: the real engine and real handlers, each attempt a single step."""

import asyncio
from typing import Any

import httpx2

from tests.contract.samples import UNKNOWN, node, workflow
from tests.integration.handler_steps import act
from tests.makers import Rig


async def begin(client: httpx2.AsyncClient, rig: Rig, handler: str, **config: Any) -> str:
    """Start an execution of one node that waits."""
    body = {"definition": workflow(node("W", handler=handler) | {"config": config}), "trigger": True}
    answer = await client.post("/v1/executions", json=body)
    assert answer.status_code == 202, answer.text
    await act(rig)
    execution_id: str = answer.json()["execution_id"]
    return execution_id


async def test_a_signal_is_answered_and_replayed(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await begin(client, rig, "wait_for_signal", name="go", timeout="1h")
    path, key = f"/v1/executions/{execution_id}/signals/go", {"Idempotency-Key": "k-1"}

    first = await client.post(path, json={"payload": {"n": 1}}, headers=key)
    again = await client.post(path, json={"payload": {"n": 1}}, headers=key)
    other = await client.post(path, json={"payload": {"n": 2}}, headers=key)
    late = await client.post(path, json={"payload": {"n": 2}})

    assert first.status_code == again.status_code == 202
    assert first.json() == again.json() == {
        "execution_id": execution_id, "status": "COMPLETED", "signal": "go", "nodes": 1, "kept": False,
    }  # fmt: skip
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    assert (late.status_code, late.json()["code"]) == (409, "INVALID_TRANSITION")
    assert "it is COMPLETED" in late.json()["detail"]


async def test_a_signal_that_is_not_taken_says_why(client: httpx2.AsyncClient, rig: Rig) -> None:
    schema = {"type": "integer"}
    execution_id = await begin(client, rig, "wait_for_signal", name="go", schema=schema, timeout=60)
    path = f"/v1/executions/{execution_id}/signals"

    unfit = await client.post(f"{path}/go", json={"payload": "x"})
    empty = await client.post(f"{path}/go")
    large = await client.post(f"{path}/go", json={"payload": "x" * 70_000})
    odd = await client.post(f"{path}/two%20words", json={})
    shape = await client.post(f"{path}/go", json={"paylod": 1})
    unknown = await client.post(f"/v1/executions/{UNKNOWN}/signals/go", json={})
    kept = [await client.post(f"{path}/other", json={"payload": n}) for n in range(101)]

    assert (unfit.status_code, unfit.json()["code"]) == (422, "PAYLOAD_INVALID")
    assert unfit.json()["errors"][0]["path"] == "payload"
    assert empty.status_code == 422
    assert (large.status_code, large.json()["limit_bytes"]) == (413, 65_536)
    assert (odd.status_code, shape.status_code) == (422, 422)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "EXECUTION_NOT_FOUND")
    assert [each.status_code for each in kept] == [202] * 100 + [429]
    assert kept[0].json()["kept"] is True
    assert kept[-1].json()["code"] == "SIGNALS_FULL"


async def test_an_approval_is_listed_shown_and_decided(client: httpx2.AsyncClient, rig: Rig) -> None:
    form = {"type": "object", "required": ["n"]}
    execution_id = await begin(
        client, rig, "approval", prompt="Ship?", form=form, assignees=["ann"], timeout=60, on_timeout="deny"
    )

    listed = (await client.get("/v1/approvals")).json()
    shown = (await client.get(f"/v1/approvals/{execution_id}/W")).json()
    path = f"/v1/executions/{execution_id}/approvals/W"
    body = {"decision": "approve", "by": "ann", "shown": shown["shown"], "form": {"n": 1}}
    stranger = await client.post(path, json=body | {"by": "eve"})
    unfit = await client.post(path, json=body | {"form": {}})
    void = await client.post(path, json=body | {"shown": "f" * 64})
    done = await client.post(path, json=body)
    second = await client.post(path, json=body | {"decision": "deny"})
    after = (await client.get(f"/v1/approvals/{execution_id}/W")).json()

    assert listed == {"items": [shown], "next_cursor": None}
    assert (shown["prompt"], shown["form"], shown["pending"], shown["output"]) == ("Ship?", form, True, None)
    assert shown["name"] == (await client.get(f"/v1/executions/{execution_id}")).json()["name"]
    assert (stranger.status_code, stranger.json()["code"]) == (403, "NOT_ASSIGNED")
    assert (unfit.status_code, unfit.json()["code"]) == (422, "PAYLOAD_INVALID")
    assert (void.status_code, void.json()["code"], void.json()["shown"]) == (
        409, "SHOWN_CHANGED", shown["shown"],
    )  # fmt: skip
    assert (done.status_code, done.json()["output"]["decision"]) == (200, "approve")
    assert (second.status_code, second.json()["code"]) == (409, "ALREADY_DECIDED")
    assert second.json()["recorded"] == done.json()["output"] == after["output"]
    assert (after["pending"], after["votes"]) == (False, [done.json()["output"]])
    assert (await client.get("/v1/approvals")).json()["items"] == []


async def test_two_answers_at_once_give_one_decision(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await begin(client, rig, "approval", prompt="Ship?", timeout=60)
    shown = (await client.get(f"/v1/approvals/{execution_id}/W")).json()["shown"]
    path = f"/v1/executions/{execution_id}/approvals/W"

    answers = await asyncio.gather(
        *(
            client.post(path, json={"decision": decision, "by": by, "shown": shown})
            for decision, by in (("approve", "ann"), ("deny", "bob"), ("approve", "cem"))
        )
    )

    won = [answer.json()["output"] for answer in answers if answer.status_code == 200]
    lost = [answer.json()["recorded"] for answer in answers if answer.status_code == 409]
    assert (len(won), len(lost)) == (1, 2)
    assert lost == won * 2


async def test_what_is_no_approval_is_not_found(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await begin(client, rig, "wait_for_signal", name="go", timeout=60)

    codes = [
        (await client.get(f"/v1/approvals/{path}")).json()["code"]
        for path in (f"{UNKNOWN}/W", f"{execution_id}/none", f"{execution_id}/W", f"{execution_id}/a%20b")
    ]

    assert codes == ["EXECUTION_NOT_FOUND", "NODE_NOT_FOUND", "APPROVAL_NOT_FOUND", "NODE_NOT_FOUND"]
    assert (await client.get("/v1/approvals?cursor=nonsense")).status_code == 422
