"""Webhooks that many make and change at once: one wins, and no secret is lost."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.errors import (
    TooManySecrets,
    WebhookChanged,
    WebhookExists,
    WebhookInactive,
    WebhookInvalid,
    WebhookNotFound,
    WorkflowInactive,
)
from tests.integration.registered_workflows import register
from tests.integration.webhooks_at_work import deliver, hooked
from tests.makers import Rig

WANTED = {"scheme": "hub256", "path": "orders"}


async def test_one_of_many_that_choose_a_path_gets_it(rig: Rig) -> None:
    for name in ("orders", "others"):
        await register(rig, name)

    done = await asyncio.gather(
        *(rig.engine.webhooks.create(name, WANTED) for name in ("orders", "others") * 10),
        return_exceptions=True,
    )

    assert sum(not isinstance(each, BaseException) for each in done) == 1
    assert sum(isinstance(each, WebhookExists) for each in done) == 19


async def test_one_of_many_that_change_the_same_state_wins(rig: Rig) -> None:
    hook = await hooked(rig)

    done = await asyncio.gather(
        *(
            rig.engine.webhooks.change("orders", {"inputs": inputs}, is_active=is_active, if_match=[hook.tag])
            for inputs, is_active in (("payload", True), ("payload", False), ("none", False))
        ),
        return_exceptions=True,
    )

    assert sum(not isinstance(each, BaseException) for each in done) == 1
    assert sum(isinstance(each, WebhookChanged) for each in done) == 2


async def test_rotations_at_once_lose_no_secret(rig: Rig) -> None:
    hook = await hooked(rig)

    done = await asyncio.gather(*(rig.engine.webhooks.rotate("orders") for _ in range(3)))

    for secret in (hook.secrets[0].kept, *(each.secret or "" for each in done)):
        assert not (await deliver(rig, hook, secret=secret)).replayed


async def test_secrets_end_when_their_time_is_over_and_make_room(rig: Rig) -> None:
    hook = await hooked(rig)
    for _ in range(3):
        await rig.engine.webhooks.rotate("orders", keep_ms=60_000)
    with pytest.raises(TooManySecrets):
        await rig.engine.webhooks.rotate("orders")
    rig.transitions.now_ms = rig.now_ms + 60_000

    newest = await rig.engine.webhooks.rotate("orders", keep_ms=120_000)
    again = await rig.engine.webhooks.rotate("orders", keep_ms=600_000)

    assert len(newest.view.record.secrets) == 2
    # A later rotation makes none last longer.
    assert [each.expires_ms for each in again.view.record.secrets] == [
        rig.now_ms + 120_000,
        rig.now_ms + 600_000,
        None,
    ]
    assert not (await deliver(rig, hook, secret=again.secret or "")).replayed


async def test_a_secret_that_is_there_already_is_rotated_into_the_only_lasting_one(rig: Rig) -> None:
    hook = await hooked(rig)
    first = hook.secrets[0].kept
    await rig.engine.webhooks.rotate("orders")

    back = await rig.engine.webhooks.rotate("orders", secret=first)

    assert [each.kept for each in back.view.record.secrets].count(first) == 1
    assert back.view.record.secrets[-1].expires_ms is None


async def test_what_takes_no_delivery_is_not_tested(rig: Rig) -> None:
    await hooked(rig)
    await rig.engine.webhooks.change("orders", {}, is_active=False, if_match=["*"])
    with pytest.raises(WebhookInactive):
        await rig.engine.webhooks.test("orders")
    await rig.engine.webhooks.change("orders", {}, is_active=True, if_match=["*"])
    await rig.engine.workflows.change("orders", is_active=False)

    with pytest.raises(WorkflowInactive):
        await rig.engine.webhooks.test("orders")


async def test_a_webhook_without_a_scheme_has_nothing_to_rotate(rig: Rig) -> None:
    await register(rig, "orders")
    await rig.engine.webhooks.create("orders", WANTED | {"scheme": "none"}, allows_unsigned=True)

    with pytest.raises(WebhookInvalid, match="no secret"):
        await rig.engine.webhooks.rotate("orders")
    # It may stay as it is where no other may be made so.
    changed = await rig.engine.webhooks.change("orders", {"inputs": "payload"}, if_match=["*"])
    assert changed.view.record.inputs == "payload"


async def test_what_is_another_tenants_is_unknown(rig: Rig) -> None:
    hook = await hooked(rig, None, tenant="acme")
    for view in (rig.engine.webhooks, rig.engine.of("bolt").webhooks):
        for act in (view.get, view.rotate, view.test, view.remove):
            with pytest.raises(WebhookNotFound):
                await act(hook.path)
        with pytest.raises(WebhookNotFound):
            await view.change(hook.path, {}, if_match=["*"])
        assert (await view.list()).items == []

    assert (await rig.engine.of("acme").webhooks.get(hook.path)).record.tag == hook.tag
