"""Calls about deliveries that are ready to be sent."""

from __future__ import annotations

from typing import Any

from orchestrator.store.script_client import Call
from tests.integration.receivers import delivery_of, ended
from tests.integration.transitions.prepared_calls import Prepare
from tests.makers import Rig


async def claiming_a_delivery(rig: Rig) -> Call[Any]:
    delivery = await delivery_of(rig, await ended(rig))
    return rig.transitions.claim_delivery(
        delivery.delivery_id, claim_id="first", lease_ms=90_000, content=b"{}"
    )


def recording(state: str) -> Prepare:
    async def prepare(rig: Rig) -> Call[Any]:
        claim = await claiming_a_delivery(rig)
        await claim
        return rig.transitions.record_delivery(
            str(claim.arguments[1]),
            claim_id="first",
            state=state,
            delay_ms=90_000,
            attempt=b'{"at_ms":1,"duration_ms":1}',
        )

    return prepare


async def resending(rig: Rig) -> Call[Any]:
    recorded = await recording("failed")(rig)
    await recorded
    return rig.transitions.resend_delivery(str(recorded.arguments[1]), tenant="default", call_id="first")


DELIVERIES: dict[str, tuple[Prepare, str]] = {
    "claim_delivery": (claiming_a_delivery, ""),
    "record_delivery": (recording("pending"), ""),
    "record_delivery, ended": (recording("delivered"), ""),
    "resend_delivery": (resending, ""),
}
