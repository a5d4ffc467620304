"""The scripts of webhooks: ledger, execution and count are one step; a change knows what it changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.documents.signatures import Refusal
from orchestrator.errors import SignatureInvalid, StoreFull
from orchestrator.store.requests import Idempotency
from tests.integration.registered_workflows import register
from tests.integration.webhooks_at_work import deliver, hook_change, hooked, start_of
from tests.makers import Rig, node

DAY_MS = 86_400_000


async def statistics(rig: Rig, tenant: str = "default") -> dict[str, int]:
    key = rig.transitions.keys.key("statistics", tenant=tenant, day=str(rig.now_ms // DAY_MS))
    row = await rig.redis.hgetall(key)
    return {name.decode().removeprefix("delivery|"): int(value) for name, value in row.items()}


async def test_the_ledger_the_execution_and_the_count_are_one_step(rig: Rig) -> None:
    hook = await hooked(rig)
    of = await rig.engine.workflows.get("orders")

    first = await start_of(rig, hook, of, execution_id="x1")
    second = await start_of(rig, hook, of, execution_id="x2")
    other = await start_of(rig, hook, of, execution_id="x3", delivery_id="d2")
    unnamed = await start_of(rig, hook, of, execution_id="x4", delivery_id="")

    assert [first[:2], second[:2], other[:2], unnamed[:2]] == [
        ["ok", "x1"],
        ["replayed", "x1"],
        ["ok", "x3"],
        ["ok", "x4"],
    ]
    assert await rig.status("x1") == "RUNNING"
    assert await rig.store.status("x2") is None
    assert await rig.events("x1") == ["execution.created", "execution.started", "node.queued:A"]
    assert await statistics(rig) == {"received": 4, "accepted": 4, "duplicate": 1}
    record = (await rig.engine.webhooks.get("orders")).record
    assert (record.counts.accepted, record.counts.duplicate, record.counts.last_ms) == (4, 1, rig.now_ms)
    assert record.tag == hook.tag


async def test_what_was_verified_by_another_state_of_the_hook_is_not_started(rig: Rig) -> None:
    hook = await hooked(rig)
    of = await rig.engine.workflows.get("orders")
    await rig.engine.webhooks.rotate("orders")
    rotated = (await rig.engine.webhooks.get("orders")).record

    by_the_old = await start_of(rig, hook, of)
    await rig.engine.webhooks.remove("orders")
    of_none = await start_of(rig, rotated, of)
    again = await hooked(rig)
    of_another = await start_of(rig, replace(rotated, revision=again.revision), of)

    assert [by_the_old[0], of_none[0], of_another[0]] == ["moved", "moved", "moved"]
    assert await rig.store.status("x1") is None
    assert await statistics(rig) == {}


async def test_what_was_compiled_from_another_state_of_the_workflow_is_not_started(rig: Rig) -> None:
    hook = await hooked(rig)
    of = await rig.engine.workflows.get("orders")
    await rig.engine.workflows.change("orders", is_active=False)
    paused = await rig.engine.workflows.get("orders")

    await register(rig, "orders", node("B"))

    assert (await start_of(rig, hook, paused))[0] == "moved"
    await rig.engine.workflows.change("orders", is_active=True)
    assert (await start_of(rig, hook, of))[0] == "moved"
    assert await rig.store.status("x1") is None


async def test_a_paused_workflow_is_not_started(rig: Rig) -> None:
    hook = await hooked(rig)
    await rig.engine.workflows.change("orders", is_active=False)

    assert (await start_of(rig, hook, await rig.engine.workflows.get("orders")))[0] == "moved"


async def test_a_delivery_to_a_disabled_tenant_is_not_started(rig: Rig) -> None:
    await rig.engine.tenants.create("acme")
    hook = await hooked(rig, None, tenant="acme")
    of = await rig.engine.of("acme").workflows.get("orders")
    await rig.engine.tenants.change("acme", is_active=False)

    assert (await start_of(rig, hook, of))[0] == "moved"


async def test_a_removed_workflow_takes_its_hooks_along(rig: Rig) -> None:
    await hooked(rig, extras={"triggers": {"paths": [{"path": "shop/orders"}]}})
    await rig.engine.webhooks.create("orders", {"scheme": "hub256", "path": "more"})
    await register(rig, "others")
    await rig.engine.webhooks.create("others", {"scheme": "hub256", "path": "stays"})

    await rig.engine.workflows.remove("orders")

    left = await rig.redis.keys("workflows:hook:*")
    assert left == [b"workflows:hook:webhook:stays"]
    assert await rig.redis.zrange("idx:hooks:default", 0, -1) == [b"webhook:stays"]


async def test_a_removed_hook_leaves_nothing_but_its_counts(rig: Rig) -> None:
    await register(rig, "orders")
    before = await rig.dump()
    await rig.engine.webhooks.create("orders", {"scheme": "hub256", "path": "orders"})

    await rig.engine.webhooks.remove("orders")

    assert await rig.dump() == before


async def test_a_path_is_held_by_one_hook(rig: Rig) -> None:
    first = await register(rig, "orders")
    other = await register(rig, "others")
    change = hook_change(first)

    words = [
        (await rig.transitions.register_webhook(each))[0]
        for each in (
            change,
            replace(hook_change(other), call_id="second"),
            replace(change, call_id="third"),
            replace(change, name="path:orders", call_id="fourth"),
            replace(change, name="webhook:x", workflow_id="wf_none", call_id="fifth"),
        )
    ]

    assert words == ["ok", "taken", "taken", "ok", "unknown"]


async def test_a_key_makes_one_hook_and_a_removed_one_is_not_made_again(rig: Rig) -> None:
    change = hook_change(await register(rig, "orders"))
    request = Idempotency("key", "digest", "call")
    first = replace(change, idempotency=request)
    second = replace(first, name="webhook:other", call_id="second")

    made = await rig.transitions.register_webhook(first)
    again = await rig.transitions.register_webhook(second)
    other = await rig.transitions.register_webhook(
        replace(second, idempotency=replace(request, digest="another"))
    )
    await rig.transitions.remove_webhook("webhook", "orders", "default")
    gone = await rig.transitions.register_webhook(replace(second, call_id="third"))

    assert (made[0], again[0], other[0], gone[0]) == ("ok", "replayed", "conflict", "replayed")
    assert again[2] == made[2]
    assert gone[2] is None


async def test_a_workflow_has_a_bounded_number_of_hooks(rig: Rig) -> None:
    change = hook_change(await register(rig, "orders"))

    words = [
        (
            await rig.transitions.register_webhook(
                replace(change, name=f"webhook:h{number}", call_id=f"c{number}")
            )
        )[0]
        for number in range(34)
    ]

    assert words == ["ok"] * 32 + ["full"] * 2


async def test_a_hook_without_a_secret_takes_nothing_until_it_has_one(rig: Rig) -> None:
    change = hook_change(await register(rig, "orders"))
    bare = replace(change, fields={"hook_id": "h1", "scheme": "hub256"})
    word, _, hook = await rig.transitions.register_webhook(bare)
    assert word == "ok"
    assert hook is not None
    for secret in ("", "d"):
        with pytest.raises(SignatureInvalid):
            await deliver(rig, hook, secret=secret)

    made = await rig.engine.webhooks.rotate("orders")

    assert made.secret is not None
    assert not (await deliver(rig, hook, secret=made.secret)).replayed


async def test_a_hook_has_four_secrets_at_most(rig: Rig) -> None:
    hook = await hooked(rig)
    change = replace(hook_change(await register(rig, "orders")), tag=hook.tag)
    lines = [f"{number} - secret{number}" for number in range(5)]

    five = await rig.transitions.register_webhook(replace(change, fields={"secrets": "\n".join(lines)}))
    four = await rig.transitions.register_webhook(replace(change, fields={"secrets": "\n".join(lines[:4])}))

    assert (five[0], four[0]) == ("crowded", "ok")


async def test_a_change_of_another_state_is_stale(rig: Rig) -> None:
    hook = await hooked(rig)
    change = replace(hook_change(await register(rig, "orders"), hook_id=hook.hook_id), tag=hook.tag)
    await rig.engine.webhooks.rotate("orders")

    late = await rig.transitions.register_webhook(change)
    now = (await rig.engine.webhooks.get("orders")).record.tag
    foreign = await rig.transitions.register_webhook(replace(change, tenant="acme", tag=now, call_id="other"))
    removed = await rig.transitions.remove_webhook("webhook", "orders", "default", tag=hook.tag)
    theirs = await rig.transitions.remove_webhook("webhook", "orders", "acme")

    assert (late[0], late[2].revision if late[2] else None) == ("stale", 2)
    assert (foreign[0], foreign[2]) == ("stale", None)
    assert (removed, theirs) == ("stale", "ok")
    assert await rig.store.webhooks.record("webhook", "orders") is not None


async def test_a_refusal_that_is_sent_again_is_counted_once_with_its_reason(rig: Rig) -> None:
    hook = await hooked(rig)
    of = await rig.engine.workflows.get("orders")
    await start_of(rig, hook, of)
    began_ms = rig.now_ms

    for call_id, reason in (("c1", Refusal.MISMATCH), ("c2", Refusal.LATE), ("c1", Refusal.MISMATCH)):
        rig.transitions.now_ms = rig.now_ms + 1_000
        await rig.transitions.count_delivery("webhook", "orders", "rejected", call_id=call_id, reason=reason)

    counts = (await rig.engine.webhooks.get("orders")).record.counts
    assert (counts.rejected, counts.rejected_for) == (2, {Refusal.MISMATCH: 1, Refusal.LATE: 1})
    assert (counts.last_reason, counts.last_rejected_ms) == (Refusal.LATE, began_ms + 2_000)
    assert counts.last_accepted_ms == began_ms


async def test_a_full_store_takes_no_delivery_and_still_counts_what_it_refuses(rig: Rig) -> None:
    hook = await hooked(rig)
    of = await rig.engine.workflows.get("orders")
    await rig.redis.config_set("maxmemory", "1mb")

    with pytest.raises(StoreFull):
        await start_of(rig, hook, of)
    counted = await rig.transitions.count_delivery("webhook", "orders", "rejected", call_id="c1")

    await rig.redis.config_set("maxmemory", "0")
    assert counted == "ok"
    assert await statistics(rig) == {"received": 1, "rejected": 1}
    assert (await start_of(rig, hook, of))[0] == "ok"
