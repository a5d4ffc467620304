"""What is kept of deliveries that are refused: counts by reason, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.definitions.webhooks import Counts
from orchestrator.documents.signatures import Refusal
from orchestrator.errors import SignatureInvalid
from tests.integration.webhooks_at_work import deliver, delivery, hooked
from tests.makers import Rig


async def test_a_record_grows_by_a_field_for_each_reason_however_many_are_refused(rig: Rig) -> None:
    hook = await hooked(rig, scheme="standard")
    now_s = rig.now_ms / 1000
    refused = (
        delivery(hook, now_s=now_s, secret="whsec_wrong"),
        delivery(hook, now_s=now_s - 301),
        delivery(hook, now_s=now_s + 301),
        replace(delivery(hook, now_s=now_s), headers={}),
        delivery(hook, now_s=now_s, webhook_timestamp="soon"),
    )
    sizes = []
    for number in range(30):
        for each in refused:
            with pytest.raises(SignatureInvalid):
                await rig.engine.incoming.receive(replace(each, query={f"q{number}": "x"}))
        sizes.append(await rig.redis.hlen("workflows:hook:webhook:orders"))

    counts = (await rig.engine.webhooks.get("orders")).record.counts
    assert len(set(sizes)) == 1
    assert counts.rejected_for == dict.fromkeys(set(Refusal) - {Refusal.NO_SECRET}, 30)
    assert (counts.last_reason, counts.last_rejected_ms) == (Refusal.MALFORMED, rig.now_ms)
    assert counts.last_accepted_ms is None


async def test_refusals_of_a_removed_webhook_are_not_those_of_the_next_one(rig: Rig) -> None:
    hook = await hooked(rig)
    with pytest.raises(SignatureInvalid):
        await deliver(rig, hook, secret="wrong")
    await rig.engine.webhooks.remove("orders")

    await hooked(rig)

    assert (await rig.engine.webhooks.get("orders")).record.counts == Counts()
