"""Deliveries to webhooks: what is started, once for each id, and what a workflow sees of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from orchestrator.documents import exact_json
from orchestrator.documents.signatures import Refusal
from orchestrator.errors import (
    InputsInvalid,
    PayloadTooLarge,
    SignatureInvalid,
    WebhookNotFound,
)
from orchestrator.operations.incoming import Incoming
from tests.integration.registered_workflows import register
from tests.integration.webhooks_at_work import ORDER, deliver, delivery, hooked
from tests.makers import Rig, WorkerFleet, node, until

WITH_INPUTS = {
    "type": "object",
    "properties": {"order": {"type": "integer"}, "rush": {"type": "boolean", "default": False}},
    "required": ["order"],
}


async def trigger_of(rig: Rig, execution_id: str) -> dict[str, Any]:
    view = await rig.engine.all_tenants.executions.get(execution_id)
    assert view.trigger is not None
    found: dict[str, Any] = exact_json.loads(view.trigger)
    return found


async def test_equal_deliveries_at_once_are_one_execution(rig: Rig) -> None:
    hook = await hooked(rig)

    done = await asyncio.gather(*(deliver(rig, hook, delivery_id="d1") for _ in range(50)))

    assert len({each.execution_id for each in done}) == 1
    assert [each.replayed for each in done].count(False) == 1
    assert await rig.redis.zcard("idx:executions:default") == 1


async def test_equal_bodies_without_an_id_are_as_many_executions(rig: Rig) -> None:
    hook = await hooked(rig)

    done = await asyncio.gather(*(deliver(rig, hook) for _ in range(10)))

    assert len({each.execution_id for each in done}) == 10


async def test_an_id_is_the_delivery_whatever_its_body(rig: Rig) -> None:
    hook = await hooked(rig)
    first = await deliver(rig, hook, delivery_id="d1")

    other = await deliver(rig, hook, {"order": 8}, delivery_id="d1")

    assert (other.execution_id, other.replayed) == (first.execution_id, True)


@pytest.mark.parametrize("header", ["webhook_id", "x_github_delivery", "idempotency_key"])
async def test_a_delivery_is_named_by_any_of_three_headers(rig: Rig, header: str) -> None:
    hook = await hooked(rig)

    first = await deliver(rig, hook, **{header: "d1"})
    again = await deliver(rig, hook, **{header: " d1 "})
    unnamed = await deliver(rig, hook, **{header: " "})

    assert again.execution_id == first.execution_id != unnamed.execution_id


async def test_the_same_id_is_answered_for_a_day_even_when_what_it_made_is_gone(rig: Rig) -> None:
    hook = await hooked(rig)
    first = await deliver(rig, hook, delivery_id="d1")
    await rig.worker.run_all()
    await rig.engine.executions.purge(first.execution_id)

    again = await deliver(rig, hook, delivery_id="d1")

    assert again.execution_id == first.execution_id
    (ledger,) = await rig.redis.keys("workflows:ledger:*")
    assert 86_390_000 < await rig.redis.pttl(ledger) <= 86_400_000


async def test_an_id_means_nothing_to_another_hook(rig: Rig) -> None:
    hook = await hooked(rig)
    first = await deliver(rig, hook, delivery_id="d1")
    await rig.engine.webhooks.remove("orders")

    again = await deliver(rig, await hooked(rig), delivery_id="d1")
    elsewhere = await deliver(rig, await hooked(rig, "elsewhere"), delivery_id="d1")

    assert len({first.execution_id, again.execution_id, elsewhere.execution_id}) == 3


async def test_a_workflow_sees_the_delivery_and_none_of_its_proof(rig: Rig) -> None:
    hook = await hooked(rig)
    given = delivery(
        hook,
        delivery_id="d1",
        x_github_event="push",
        authorization="Bearer x",
        cookie="a=b",
        x_api_key="k",
        x_gitlab_token="t",
        x_hub_signature="sha1=1",
        user_agent="curl",
    )

    done = await rig.engine.incoming.receive(replace(given, query={"shop": "3"}))

    assert await trigger_of(rig, done.execution_id) == {
        "source": "webhook",
        "path": "orders",
        "payload": ORDER,
        "headers": {"x-github-event": "push", "user-agent": "curl", "x-github-delivery": "d1"},
        "delivery_id": "d1",
        "query": {"shop": "3"},
    }
    view = await rig.engine.executions.get(done.execution_id)
    assert view.execution.workflow_id == hook.workflow_id


@pytest.mark.parametrize("header", ["x-shop", "authorization"])
async def test_the_token_of_a_hook_is_never_part_of_the_document(rig: Rig, header: str) -> None:
    hook = await hooked(rig, scheme="header_token", header=header)

    done = await deliver(rig, hook)

    assert (await trigger_of(rig, done.execution_id))["headers"] == {}


async def test_templates_read_the_body_under_each_of_its_names(rig: Rig, fleet: WorkerFleet) -> None:
    text = (
        "{{ trigger.payload.order }} {{ trigger.data.order }} {{ trigger.body.order }} {{ trigger.source }}"
    )
    hook = await hooked(rig, nodes=(node("A", handler="transform", config={"expression": text}),))
    rig.transitions.now_ms = None
    await fleet.start()
    done = await rig.engine.incoming.receive(delivery(hook))

    async def has_ended() -> bool:
        return (await rig.status(done.execution_id)).is_terminal

    await until(has_ended)

    view = await rig.engine.executions.get(done.execution_id)
    assert orjson.loads(view.outputs["A"] or b"") == {"result": "7 7 7 webhook"}


@pytest.mark.parametrize(
    ("raw", "payload", "body"),
    [
        (b"", {}, None),
        (b"order=7&rush=1", {}, "order=7&rush=1"),
        (b"{", {}, "{"),
        (b"\xff\xfe\x00", {}, None),
        (b"[" * 400 + b"]" * 400, {}, "[" * 400 + "]" * 400),
        (b"[1, 2]", [1, 2], None),
        (b"7", 7, None),
        (b'\xef\xbb\xbf{"n": 123456789012345678901234567890}', {"n": 123456789012345678901234567890}, None),
    ],
)
async def test_a_body_that_is_no_json_counts_as_an_empty_object(
    rig: Rig, raw: bytes, payload: Any, body: str | None
) -> None:
    hook = await hooked(rig)

    trigger = await trigger_of(rig, (await deliver(rig, hook, raw)).execution_id)

    assert (trigger["payload"], trigger.get("body")) == (payload, body)


async def test_the_body_may_become_the_inputs(rig: Rig) -> None:
    hook = await hooked(rig, inputs="payload", extras={"inputs": WITH_INPUTS})

    done = await deliver(rig, hook, {"order": 7})

    view = await rig.engine.executions.get(done.execution_id)
    assert view.execution.inputs == {"order": 7, "rush": False}


@pytest.mark.parametrize("payload", [{"order": "seven"}, {}, [7], b"order=7"])
async def test_inputs_that_are_wrong_are_refused_counted_and_may_come_again(rig: Rig, payload: Any) -> None:
    hook = await hooked(rig, inputs="payload", extras={"inputs": WITH_INPUTS})
    before = set(await rig.dump())

    with pytest.raises(InputsInvalid):
        await deliver(rig, hook, payload, delivery_id="d1")

    assert {each for each in await rig.dump() if "statistics" not in each} == before
    assert (await rig.engine.webhooks.get("orders")).record.counts.error == 1
    assert not (await deliver(rig, hook, {"order": 7}, delivery_id="d1")).replayed


async def test_a_document_that_is_too_large_is_refused_and_counted(rig: Rig) -> None:
    hook = await hooked(rig)

    with pytest.raises(PayloadTooLarge):
        await deliver(rig, hook, {"text": "x" * 256 * 1024})
    done = await deliver(rig, hook, {"text": "x" * 200 * 1024})

    assert not done.replayed
    assert (await rig.engine.webhooks.get("orders")).record.counts.error == 1


async def test_what_is_refused_writes_no_key_and_is_counted(rig: Rig) -> None:
    hook = await hooked(rig)
    before = await rig.dump()

    for secret in ("wrong", "whsec_wrong"):
        with pytest.raises(SignatureInvalid):
            await deliver(rig, hook, delivery_id="d1", secret=secret)

    after = await rig.dump()
    assert {each.partition(":")[2].partition(":")[0] for each in after.keys() - before.keys()} == {
        "statistics"
    }
    changed = {each for each in before if before[each] != after[each]}
    assert changed == {"workflows:hook:webhook:orders"}
    counts = (await rig.engine.webhooks.get("orders")).record.counts
    assert (counts.rejected, counts.rejected_for) == (2, {Refusal.MISMATCH: 2})


async def test_a_late_delivery_is_refused_by_the_time_of_redis(rig: Rig) -> None:
    hook = await hooked(rig, scheme="standard")
    late = delivery(hook, delivery_id="d1", now_s=rig.now_ms / 1000)
    rig.transitions.now_ms = rig.now_ms + 301_000

    with pytest.raises(SignatureInvalid):
        await rig.engine.incoming.receive(late)
    assert not (await deliver(rig, hook, delivery_id="d1")).replayed


async def test_an_old_delivery_that_is_sent_again_in_time_is_the_same(rig: Rig) -> None:
    hook = await hooked(rig, scheme="standard")
    sent = delivery(hook, delivery_id="d1", now_s=rig.now_ms / 1000)
    first = await rig.engine.incoming.receive(sent)
    rig.transitions.now_ms = rig.now_ms + 299_000

    assert (await rig.engine.incoming.receive(sent)).execution_id == first.execution_id


async def test_what_is_inactive_is_unknown_whatever_the_signature(rig: Rig) -> None:
    hook = await hooked(rig)
    await deliver(rig, hook, delivery_id="d1")
    await rig.engine.webhooks.change("orders", {}, is_active=False, if_match=["*"])

    for secret in (hook.secrets[0].kept, "wrong"):
        with pytest.raises(WebhookNotFound):
            await deliver(rig, hook, delivery_id="d1", secret=secret)
    await rig.engine.webhooks.change("orders", {}, is_active=True, if_match=["*"])
    await rig.engine.workflows.change("orders", is_active=False)
    with pytest.raises(WebhookNotFound):
        await deliver(rig, hook)
    await rig.engine.workflows.change("orders", is_active=True)

    assert (await deliver(rig, hook, delivery_id="d1")).replayed


@pytest.mark.parametrize("path", ["other", "", ".", "a/b", "wh_" + 32 * "0", "x" * 300, "a b", "*", "\x00"])
async def test_a_path_without_a_hook_is_unknown(rig: Rig, path: str) -> None:
    before = await rig.dump()

    with pytest.raises(WebhookNotFound):
        await rig.engine.incoming.receive(Incoming("webhook", path, {}, b"{}"))

    assert await rig.dump() == before


async def test_what_is_unknown_costs_as_many_calls_as_what_is_refused(rig: Rig) -> None:
    hook = await hooked(rig)
    refused, unknown = delivery(hook, secret="wrong"), Incoming("webhook", "none", {}, b"{}")
    counts = []
    for each in (refused, unknown, refused, unknown):
        await rig.redis.config_resetstat()
        with pytest.raises((SignatureInvalid, WebhookNotFound)):
            await rig.engine.incoming.receive(each)
        stats = await rig.redis.info("commandstats")
        sent = {"fcall", "hgetall", "get", "time"}
        counts.append({name: row["calls"] for name, row in stats.items() if name[8:] in sent})

    assert counts[2] == counts[3]


async def test_a_disabled_tenant_has_no_paths(rig: Rig) -> None:
    await rig.engine.tenants.create("acme")
    hook = await hooked(rig, None, tenant="acme")
    first = await deliver(rig, hook, delivery_id="d1")
    await rig.engine.tenants.change("acme", is_active=False)

    with pytest.raises(WebhookNotFound):
        await deliver(rig, hook, delivery_id="d1")
    await rig.engine.tenants.change("acme", is_active=True)

    assert (await deliver(rig, hook, delivery_id="d1")).execution_id == first.execution_id
    assert await rig.store.tenant(first.execution_id) == "acme"


async def test_the_newest_version_of_the_workflow_is_started(rig: Rig) -> None:
    hook = await hooked(rig)
    await deliver(rig, hook)
    await register(rig, "orders", node("A"), node("B"))

    done = await deliver(rig, hook)

    assert (await rig.engine.executions.get(done.execution_id)).execution.workflow_version == 2


async def test_a_large_workflow_is_started_whole_and_once(rig: Rig) -> None:
    hook = await hooked(rig, nodes=tuple(node(f"n{number}") for number in range(700)))

    done = await asyncio.gather(*(deliver(rig, hook, delivery_id="d1") for _ in range(5)))

    (execution_id,) = {each.execution_id for each in done}
    assert len(await rig.nodes(execution_id)) == 700


async def test_a_path_trigger_is_a_hook_of_its_own_name_space(rig: Rig) -> None:
    await hooked(rig, extras={"triggers": {"paths": [{"path": "shop/orders"}]}})

    done = await rig.engine.webhooks.trigger("shop/orders", b'{"order": 7}', headers={})

    trigger = await trigger_of(rig, done.submitted.execution_id)
    assert (trigger["source"], trigger["payload"]) == ("path", ORDER)
    with pytest.raises(WebhookNotFound):
        await rig.engine.incoming.receive(Incoming("path", "orders", {}, b""))
    assert [view.record.path for view in (await rig.engine.webhooks.list()).items] == ["orders"]
