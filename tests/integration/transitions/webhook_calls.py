"""Calls about webhooks that are ready to be sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.documents.signatures import Refusal
from orchestrator.store.requests import Idempotency
from orchestrator.store.script_client import Call
from tests.integration.registered_workflows import register
from tests.integration.transitions.prepared_calls import Prepare
from tests.integration.webhooks_at_work import hook_change, hooked, start_of
from tests.makers import Rig


async def making(rig: Rig) -> Call[Any]:
    change = hook_change(await register(rig, "orders"))
    return rig.transitions.register_webhook(replace(change, idempotency=Idempotency("ab", "cd", "call")))


async def changing(rig: Rig) -> Call[Any]:
    hook = await hooked(rig)
    change = hook_change(await register(rig, "orders"), is_active="0", hook_id=hook.hook_id)
    return rig.transitions.register_webhook(replace(change, tag=hook.tag))


async def removing(rig: Rig) -> Call[Any]:
    hook = await hooked(rig)
    return rig.transitions.remove_webhook("webhook", hook.path, "default", tag=hook.tag)


async def counting(rig: Rig) -> Call[Any]:
    hook = await hooked(rig)
    return rig.transitions.count_delivery(
        "webhook", hook.path, "rejected", call_id="call", reason=Refusal.MISMATCH
    )


async def delivering(rig: Rig) -> Call[Any]:
    hook = await hooked(rig)
    return start_of(rig, hook, await rig.engine.workflows.get("orders"))


async def delivering_without_an_id(rig: Rig) -> Call[Any]:
    hook = await hooked(rig)
    return start_of(rig, hook, await rig.engine.workflows.get("orders"), delivery_id="")


async def delivering_again(rig: Rig) -> Call[Any]:
    hook = await hooked(rig)
    of = await rig.engine.workflows.get("orders")
    await start_of(rig, hook, of, execution_id="x0")
    return start_of(rig, hook, of)


WEBHOOKS: dict[str, tuple[Prepare, str]] = {
    "register_webhook": (making, ""),
    "register_webhook, changed": (changing, ""),
    "remove_webhook": (removing, ""),
    "count_delivery": (counting, ""),
    "deliver_webhook": (delivering, ""),
    "deliver_webhook, without an id": (delivering_without_an_id, ""),
    "deliver_webhook, again": (delivering_again, ""),
}
