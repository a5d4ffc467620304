"""What a handler had reached travels with the renewal of its lease, and is there for the next attempt."""

from __future__ import annotations

from orchestrator.store.replies import Claim
from tests.makers import LEASE_MS, Rig, node


async def claim_again(rig: Rig) -> Claim:
    (task,) = await rig.worker.read()
    claim = await rig.worker.claim(task)
    assert isinstance(claim, Claim)
    return claim


async def test_a_lost_worker_leaves_what_it_had_reached(rig: Rig) -> None:
    await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await rig.transitions.renew_leases(
        list(held.values()), lease_ms=LEASE_MS, beats=[b'{"page":7}' if each == "A" else b"" for each in held]
    )

    await rig.advance(LEASE_MS + 1)

    claims = {}
    for task in await rig.worker.read():
        claim = await rig.worker.claim(task)
        assert isinstance(claim, Claim)
        claims[claim.node_id] = claim
    assert (claims["A"].beat, claims["B"].beat) == (b'{"page":7}', b"")
    assert claims["A"].references == ()


async def test_a_fenced_attempt_reports_nothing(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.release_node(held)

    words = await rig.transitions.renew_leases([held], lease_ms=LEASE_MS, beats=[b'{"page":7}'])

    assert words == ["lost"]
    assert (await claim_again(rig)).beat == b""


async def test_a_retry_in_place_begins_at_the_beginning(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.renew_leases([held], lease_ms=LEASE_MS, beats=[b'{"page":7}'])
    await rig.worker.fail(held)

    await rig.engine.executions.retry(execution_id)

    assert (await claim_again(rig)).beat == b""


async def test_no_news_leaves_what_was_reached(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.renew_leases([held], lease_ms=LEASE_MS, beats=[b'{"page":7}'])
    await rig.transitions.renew_leases([held], lease_ms=LEASE_MS)

    await rig.transitions.release_node(held)

    assert (await claim_again(rig)).beat == b'{"page":7}'
