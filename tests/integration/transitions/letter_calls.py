"""Calls of durable handlers, and letters to them, all ready to be sent."""

from __future__ import annotations

from typing import Any

from orchestrator.store.requests import Idempotency
from orchestrator.store.script_client import Call
from tests.integration.durable_units import append, parked, parking, post, posting
from tests.integration.transitions.prepared_calls import Prepare, running
from tests.makers import Rig

REQUEST = Idempotency("key", "hash", "call")


async def parking_until(rig: Rig) -> Call[Any]:
    return parking(rig, await running(rig), rig.now_ms + 90_000, claiming=rig.worker.claiming())


async def parking_with_a_letter(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await post(rig, held.execution_id)
    return parking(rig, held, claiming=rig.worker.claiming())


async def posting_to_one_that_waits(rig: Rig) -> Call[Any]:
    return posting(rig, await parked(rig), request=REQUEST)


async def posting_to_one_that_runs(rig: Rig) -> Call[Any]:
    return posting(rig, (await running(rig)).execution_id, request=REQUEST)


async def waking_a_parked_one(rig: Rig) -> Call[Any]:
    execution_id = await parked(rig, rig.now_ms + 1_000)
    rig.transitions.now_ms = rig.now_ms + 1_000
    return rig.transitions.wake_node(execution_id, "A", 1, "inbox")


async def appending(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await post(rig, held.execution_id)
    return rig.transitions.append_journal(held, 1, b"{}", takes=1, events=[b"{}"])


async def making_a_snapshot(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await append(rig, held, 1)
    return rig.transitions.snapshot_journal(held, 1, b"{}")


#: By the name of the script and what is special, with the word of an answer to a late copy.
LETTERS: dict[str, tuple[Prepare, str]] = {
    "await_letter": (parking_until, "dup"),
    # As with a signal that was kept, the same call has claimed the unit again.
    "await_letter, at once": (parking_with_a_letter, "fenced"),
    "post_letter": (posting_to_one_that_waits, ""),
    "post_letter, to one that runs": (posting_to_one_that_runs, ""),
    "wake_node, parked": (waking_a_parked_one, "stale"),
    "append_journal": (appending, ""),
    "snapshot_journal": (making_a_snapshot, ""),
}
