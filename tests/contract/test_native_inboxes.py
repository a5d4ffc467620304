"""Letters over HTTP: to nodes of every state, once for each request; and what handlers have written down."""

from __future__ import annotations

import httpx2

from tests.contract.samples import UNKNOWN
from tests.integration.durable_units import append, parked, post
from tests.makers import Rig, node
from tests.older_layouts import announce_worker


async def corresponding(rig: Rig) -> str:
    """An execution of A, a handler of which only the name is known, which waits for letters, and B."""
    await announce_worker(rig.redis, "far", handlers="agent")
    rig.worker.handlers += "agent "
    return await parked(rig, handler="agent")


async def test_a_letter_that_nobody_would_read_is_refused(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await corresponding(rig)

    refused = await client.post(f"/v1/executions/{execution_id}/nodes/B/inbox", json={"payload": 1})

    assert (refused.status_code, refused.json()["code"]) == (409, "NODE_STATE")
    assert "its handler 'noop' is not durable, and reads no letters" in refused.json()["detail"]
    assert (await client.get(f"/v1/executions/{execution_id}/nodes/B/inbox")).json()["last"] == 0


async def test_a_letter_is_posted_once_for_each_request(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await corresponding(rig)
    path, key = f"/v1/executions/{execution_id}/nodes/A/inbox", {"Idempotency-Key": "k-1"}

    first = await client.post(path, json={"payload": {"n": 1}}, headers=key)
    again = await client.post(path, json={"payload": {"n": 1}}, headers=key)
    other = await client.post(path, json={"payload": {"n": 2}}, headers=key)
    empty = await client.post(path)

    assert first.status_code == again.status_code == 202
    assert first.json() == again.json() == {
        "execution_id": execution_id, "node_id": "A", "status": "RUNNING", "letter": 1,
    }  # fmt: skip
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    assert (empty.status_code, empty.json()["letter"]) == (202, 2)
    assert (await client.get(path)).json() == {
        "last": 2, "taken": 0, "items": [{"letter": 1, "payload": {"n": 1}}, {"letter": 2, "payload": None}],
    }  # fmt: skip


async def test_a_letter_that_is_not_taken_says_why(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await corresponding(rig)
    nodes = f"/v1/executions/{execution_id}/nodes"

    large = await client.post(f"{nodes}/A/inbox", json={"payload": "x" * 262_144})
    shape = await client.post(f"{nodes}/A/inbox", json={"paylod": 1})
    nobody = [await client.post(f"{nodes}/{name}/inbox") for name in ("C", "A[0]", "two words")]
    unknown = await client.post(f"/v1/executions/{UNKNOWN}/nodes/A/inbox")
    await rig.redis.hset(f"workflow:{execution_id}:inbox", mapping={"A|last": 1_000})
    full = await client.post(f"{nodes}/A/inbox")
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="c")
    late = await client.post(f"{nodes}/A/inbox")

    assert (large.status_code, large.json()["limit_bytes"]) == (413, 262_144)
    assert shape.status_code == 422
    assert [(each.status_code, each.json()["code"]) for each in nobody] == [(404, "NODE_NOT_FOUND")] * 3
    assert (unknown.status_code, unknown.json()["code"]) == (404, "EXECUTION_NOT_FOUND")
    assert (full.status_code, full.json()["code"]) == (429, "INBOX_FULL")
    assert (late.status_code, late.json()["code"]) == (409, "INVALID_TRANSITION")
    assert "it is CANCELLED" in late.json()["detail"]


async def test_a_journal_is_read_in_parts(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    path = f"/v1/executions/{execution_id}/nodes/A/journal"
    empty = (await client.get(path)).json()
    for number in range(1, 6):
        await append(rig, held, number, b'{"n":%d}' % number)
    await rig.transitions.snapshot_journal(held, 1, b'"so far"')

    first = (await client.get(path, params={"limit": 3})).json()
    rest = (await client.get(path, params={"after": first["next_after"]})).json()

    assert empty == {
        "last": 0, "through": 0, "snapshot": None, "bytes": 0, "items": [], "next_after": None,
    }  # fmt: skip
    assert (first["snapshot"], first["through"], first["last"]) == ("so far", 1, 5)
    assert first["items"] == [{"number": n, "data": {"n": n}} for n in (2, 3, 4)]
    assert (rest["items"], rest["next_after"]) == ([{"number": 5, "data": {"n": 5}}], None)


async def test_explain_shows_what_a_parked_node_waits_for(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await parked(rig, 4_000_000_000_000)

    found = (await client.get(f"/v1/executions/{execution_id}/nodes/A/explain")).json()

    assert found["waiting_for"].startswith("a letter (for 'a reply') until ")
    assert found["wakes"] == "a letter to its inbox, or its timer"
    assert found["details"]["waits_for"] == ["a reply"]


async def test_answers_are_bounded_whatever_is_kept(client: httpx2.AsyncClient, rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    for number in range(1, 13):
        await append(rig, held, number, b'"%s"' % (b"x" * 1_000_000))
    for _ in range(30):
        await post(rig, execution_id, payload=b'"%s"' % (b"x" * 250_000))
    path = f"/v1/executions/{execution_id}/nodes/A"

    journal = (await client.get(f"{path}/journal", params={"limit": 500})).json()
    inbox = (await client.get(f"{path}/inbox")).json()

    numbers = [item["number"] for item in journal["items"]]
    assert 1 <= len(numbers) < 12 and journal["next_after"] == numbers[-1]
    assert len(inbox["items"]) == 20
    rest = (await client.get(f"{path}/journal", params={"after": numbers[-1], "limit": 500})).json()
    assert [*numbers, *(item["number"] for item in rest["items"])] == list(range(1, 13))
