"""Keys in the form that a door promises, and tenants that only have a title."""

from __future__ import annotations

import re

import pytest

from orchestrator.errors import ApiKeyInvalid
from orchestrator.execution.access import Scope
from orchestrator.store.requests import Idempotency
from tests.makers import Rig


async def test_a_door_s_key_has_its_prefix_and_32_hex_digits(rig: Rig) -> None:
    keys, other = rig.engine.api_keys, Idempotency.named("k", route="POST /x", body=b"{}")

    made = await keys.create("ci", [Scope.RUN], prefix="abc_live", form="hex", idempotency=other)
    again = await keys.create("ci", [Scope.RUN], prefix="abc_live", form="hex", idempotency=other)

    assert re.fullmatch(r"abc_live_[0-9a-f]{32}", made.text)
    assert re.fullmatch(r"[a-z2-7]{8}", made.key.key_id)
    assert (again.text, again.replayed) == (made.text, True)
    assert (await rig.engine.authentication.of_key(made.text)).key_id == made.key.key_id
    # Nothing of the key is kept but its digest, and an id that is made of that.
    stored = str(await rig.redis.hgetall(f"workflows:api_key:{made.key.key_id}"))
    assert made.text.rpartition("_")[2] not in stored
    await keys.revoke(made.key.key_id)
    with pytest.raises(ApiKeyInvalid):
        await rig.engine.authentication.of_key(made.text, is_fresh=True)


@pytest.mark.parametrize(
    "wrong", ["abc_live_" + "0" * 31, "abc_live_" + "0" * 33, "abc_live_" + "G" * 32, "0" * 32]
)
async def test_what_is_nearly_a_key_in_hex_opens_nothing(rig: Rig, wrong: str) -> None:
    with pytest.raises(ApiKeyInvalid):
        await rig.engine.authentication.of_key(wrong)


@pytest.mark.parametrize(
    ("title", "stem"),
    [("My Project", "my-project"), ("Größe & Co", "groe-co"), ("日本", "tenant"), ("the secret", "tenant")],
)
async def test_a_tenant_may_be_named_after_its_title(rig: Rig, title: str, stem: str) -> None:
    first, _ = await rig.engine.tenants.register(title)
    second, _ = await rig.engine.tenants.register(title)

    assert first.title == second.title == title
    assert first.name != second.name
    assert re.fullmatch(rf"{stem}-[a-z2-9]{{8}}", first.name)


async def test_a_long_title_makes_a_name_that_can_be_one(rig: Rig) -> None:
    tenant, _ = await rig.engine.tenants.register("a" * 30 + " b" * 50)

    assert len(tenant.name) <= 40
    assert await rig.engine.tenants.get(tenant.name) == tenant
