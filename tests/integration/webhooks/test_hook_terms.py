"""What comes beside a document for its webhooks: a secret, a door, the length of a path."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.definitions.registry import Source
from orchestrator.definitions.webhooks import HookTerms, WebhookRecord
from orchestrator.errors import SignatureInvalid, WebhookInvalid, WorkflowChanged
from orchestrator.operations.results import WorkflowChange
from tests.integration.webhooks_at_work import deliver
from tests.makers import Rig, node, workflow


async def put(
    rig: Rig, scheme: str = "hub256", *, if_match: list[str] | None = None, **terms: Any
) -> WorkflowChange:
    document = workflow(node("A"), name="orders", triggers={"webhooks": [{"scheme": scheme}]})
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


@pytest.mark.parametrize("secret", [" blank", "x" * 257, "ü"])
async def test_what_can_be_no_secret_is_refused_and_nothing_registered(rig: Rig, secret: str) -> None:
    with pytest.raises(WebhookInvalid):
        await put(rig, secret=secret)

    assert await rig.store.workflows.id_of("acme", "orders") is None
