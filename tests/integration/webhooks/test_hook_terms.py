"""What comes beside a document for its webhooks: a secret, a door, the length of a path."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from orchestrator.definitions.registry import Source, hash_of
from orchestrator.definitions.webhooks import HookTerms, WebhookRecord
from orchestrator.errors import SignatureInvalid, WebhookInvalid, WorkflowChanged
from orchestrator.operations.results import WorkflowChange
from tests.integration.webhooks_at_work import deliver
from tests.makers import Rig, node, workflow


async def put(
    rig: Rig, scheme: str | None = "hub256", *, if_match: list[str] | None = None, **terms: Any
) -> WorkflowChange:
    """Register a workflow whose document names one webhook without a path. scheme: None for no webhook."""
    hooks = [] if scheme is None else [{"scheme": scheme}]
    document = workflow(node("A"), name="orders", triggers={"webhooks": hooks})
    source = Source(orjson.dumps(document), "application/json")
    is_new = await rig.store.workflows.id_of("acme", "orders") is None
    return await rig.engine.of("acme").workflows.put(
        "orders", document, source, hooks=HookTerms(**terms), if_match=if_match or (None if is_new else ["*"])
    )


async def hook_of(rig: Rig) -> WebhookRecord:
    (name,) = (await rig.engine.of("acme").workflows.get("orders")).hooks
    record = await rig.store.webhooks.record("webhook", name.removeprefix("webhook:"))
    assert record is not None
    return record


@pytest.fixture(autouse=True)
async def _acme(rig: Rig) -> None:
    await rig.engine.tenants.create("acme")


async def test_a_secret_and_a_length_come_with_the_registration(rig: Rig) -> None:
    await put(rig, door="x", secret="one", digits=24)
    hook = await hook_of(rig)

    assert len(hook.path) == len("wh_") + 24
    assert (hook.owner, [each.kept for each in hook.secrets]) == ("x", ["one"])
    assert (await deliver(rig, hook, secret="one")).execution_id
    with pytest.raises(SignatureInvalid):
        await deliver(rig, hook, secret="two")


async def test_another_scheme_takes_its_secret_along_or_away(rig: Rig) -> None:
    await put(rig, door="x", secret="one")

    await put(rig, "none", door="x")
    bare = await hook_of(rig)
    assert (await deliver(rig, bare, delivery_id="")).execution_id
    await put(rig, door="x", secret="two")
    again = await hook_of(rig)

    assert bare.secrets == ()
    assert [each.kept for each in again.secrets] == ["two"]
    assert bare.path == again.path


async def test_without_a_secret_the_one_there_is_stays(rig: Rig) -> None:
    await put(rig, secret="one")

    await put(rig)

    assert [each.kept for each in (await hook_of(rig)).secrets] == ["one"]


async def test_a_new_secret_alone_takes_effect_with_the_change_that_brings_it(rig: Rig) -> None:
    await put(rig, door="x", secret="one")
    before = await hook_of(rig)

    change = await put(rig, door="x", secret="two")
    hook = await hook_of(rig)

    assert (change.outcome, change.record.version, change.record.revision) == ("updated", 1, 2)
    assert (hook.path, hook.hook_id, [each.kept for each in hook.secrets]) == (
        before.path,
        before.hook_id,
        ["two"],
    )
    assert (await put(rig, door="x")).outcome == "unchanged"


async def test_a_secret_comes_with_a_change_of_the_revision_it_is_meant_for_only(rig: Rig) -> None:
    first = await put(rig, door="x", secret="one")
    await put(rig, door="x", secret="two")

    with pytest.raises(WorkflowChanged):
        await put(rig, door="x", secret="three", if_match=[first.record.tag])

    assert [each.kept for each in (await hook_of(rig)).secrets] == ["two"]


async def test_natively_a_webhook_has_no_door_and_32_digits(rig: Rig) -> None:
    await put(rig)
    hook = await hook_of(rig)

    assert (hook.owner, hook.secrets, len(hook.path)) == ("", (), 35)


async def test_a_path_that_is_made_does_not_follow_from_the_workflow_and_can_be_replaced(rig: Rig) -> None:
    record = (await put(rig, secret="one")).record
    first = await hook_of(rig)
    await put(rig, "standard")
    kept = await hook_of(rig)

    await put(rig, None)
    without = (await rig.engine.of("acme").workflows.get("orders")).hooks
    await put(rig, "standard")
    other = await hook_of(rig)

    assert first.path.removeprefix("wh_") != hash_of(record.workflow_id, "webhook")[:32]
    assert (kept.path, without) == (first.path, ())
    assert other.path.startswith("wh_")
    assert other.path != first.path


async def test_a_path_keeps_its_length_when_a_door_that_makes_others_writes_the_document(rig: Rig) -> None:
    await put(rig, digits=24)
    first = await hook_of(rig)

    await put(rig, "standard", digits=32)

    assert (await hook_of(rig)).path == first.path


async def test_a_webhook_that_was_made_by_hand_is_not_taken_for_that_of_the_document(rig: Rig) -> None:
    acme = rig.engine.of("acme")
    await put(rig, None)
    by_hand = (await acme.webhooks.create("orders", {"scheme": "hub256"}, secrets=["by hand"])).view.record

    await put(rig, "standard")
    names = (await acme.workflows.get("orders")).hooks
    kept = await rig.store.webhooks.record("webhook", by_hand.path)

    assert len(names) == 2
    assert kept == by_hand


async def test_registrations_at_the_same_time_make_one_path(rig: Rig) -> None:
    await put(rig, None)

    done = await asyncio.gather(
        *(put(rig, scheme) for scheme in ("hub256", "standard", "hub256", "standard"))
    )

    (name,) = (await rig.engine.of("acme").workflows.get("orders")).hooks
    assert {each.record.hooks for each in done} == {(name,)}


@pytest.mark.parametrize("secret", [" blank", "x" * 257, "ü"])
async def test_what_can_be_no_secret_is_refused_and_nothing_registered(rig: Rig, secret: str) -> None:
    with pytest.raises(WebhookInvalid):
        await put(rig, secret=secret)

    assert await rig.store.workflows.id_of("acme", "orders") is None
