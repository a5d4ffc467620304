"""Calls about tenants, keys and sessions that are ready to be sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.store.requests import Idempotency, NewApiKey
from orchestrator.store.script_client import Call
from tests.integration.transitions.prepared_calls import Prepare
from tests.makers import Rig

IDEMPOTENCY = Idempotency("ab", "cd", "call")
NEW_KEY = NewApiKey("abcdefgh", "0" * 64, "ci", "run", expires_ms=4_000_000_000_000)


async def registering(rig: Rig) -> Call[Any]:
    return rig.transitions.create_tenant("acme", "Acme", call_id="call", idempotency=IDEMPOTENCY)


async def registering_once(rig: Rig) -> Call[Any]:
    return rig.transitions.create_tenant("acme", "Acme", call_id="call")


async def changing(rig: Rig) -> Call[Any]:
    await (await registering(rig))
    return rig.transitions.change_tenant("acme", {"title": "Acme Ltd", "is_active": "0"}, call_id="call")


async def making_a_key(rig: Rig) -> Call[Any]:
    return rig.transitions.create_api_key("default", NEW_KEY, idempotency=IDEMPOTENCY)


async def rotating_a_key(rig: Rig) -> Call[Any]:
    await rig.transitions.create_api_key("default", NEW_KEY)
    newer = replace(NEW_KEY, key_id="ijklmnop", replaces="abcdefgh", overlap_ms=3_600_000)
    return rig.transitions.create_api_key("default", newer)


async def revoking_a_key(rig: Rig) -> Call[Any]:
    await rig.transitions.create_api_key("default", NEW_KEY)
    return rig.transitions.revoke_api_key("default", "abcdefgh")


async def using_a_key(rig: Rig) -> Call[Any]:
    await rig.transitions.create_api_key("default", NEW_KEY)
    return rig.transitions.use_api_key("abcdefgh", 60_000)


async def opening_a_session(rig: Rig) -> Call[Any]:
    return rig.transitions.open_session("0" * 64, "abcdefgh", lasts_ms=3_600_000)


async def closing_a_session(rig: Rig) -> Call[Any]:
    await (await opening_a_session(rig))
    return rig.transitions.close_session("0" * 64)


async def taking_of_a_rate(rig: Rig) -> Call[Any]:
    return rig.transitions.take_rate("starts", "tenant acme", most=2, window_ms=60_000, call_id="call")


#: Tenants, keys and sessions. What is asked to be gone is gone, whoever took it away.
ACCESS: dict[str, tuple[Prepare, str]] = {
    "create_tenant": (registering, ""),
    "create_tenant, without a key": (registering_once, ""),
    "change_tenant": (changing, ""),
    "create_api_key": (making_a_key, ""),
    "create_api_key, rotating": (rotating_a_key, ""),
    "revoke_api_key": (revoking_a_key, "unknown"),
    "use_api_key": (using_a_key, ""),
    "open_session": (opening_a_session, ""),
    "close_session": (closing_a_session, "unknown"),
    "take_rate": (taking_of_a_rate, ""),
}
