"""Calls about tenants and keys that come once more, after others have changed the same."""

from __future__ import annotations

from tests.integration.transitions.access_calls import IDEMPOTENCY, NEW_KEY
from tests.makers import Rig


async def test_a_tenant_that_was_disabled_meanwhile_stays_so(rig: Rig) -> None:
    await rig.transitions.create_tenant("acme", "", call_id="made")
    enabling = rig.transitions.change_tenant("acme", {"is_active": "1"}, call_id="first")
    await enabling
    await rig.transitions.change_tenant("acme", {"is_active": "0"}, call_id="second")

    assert await enabling == "ok"

    tenant = await rig.store.access.tenant("acme")
    assert tenant is not None
    assert not tenant.is_active


async def test_a_key_that_was_revoked_meanwhile_does_not_come_back(rig: Rig) -> None:
    for request in (None, IDEMPOTENCY):
        making = rig.transitions.create_api_key("default", NEW_KEY, idempotency=request)
        await making
        await rig.transitions.revoke_api_key("default", NEW_KEY.key_id)

        word, *_ = await making

        assert word == "gone"
        assert await rig.store.access.api_keys([NEW_KEY.key_id]) == [None]
        assert await rig.store.access.api_key_ids("default") == []
        await rig.redis.flushdb()


async def test_a_use_brings_no_revoked_key_back(rig: Rig) -> None:
    await rig.transitions.create_api_key("default", NEW_KEY)
    await rig.transitions.revoke_api_key("default", NEW_KEY.key_id)

    assert await rig.transitions.use_api_key(NEW_KEY.key_id, 60_000) == "unknown"
    assert await rig.store.access.api_keys([NEW_KEY.key_id]) == [None]
