"""The tick: who looks after timers and leases, and why a pause of everything must not cost healthy work."""

from __future__ import annotations

from tests.makers import LEASE_MS, Rig


async def test_a_stand_in_stamps_only_when_nobody_else_has_lately(rig: Rig) -> None:
    await rig.transitions.stamp_tick(lease_ms=LEASE_MS)
    rig.transitions.now_ms = rig.now_ms + 2_000

    fresh = await rig.transitions.stamp_tick(lease_ms=LEASE_MS, only_if_older_than_ms=2_000)
    rig.transitions.now_ms = rig.now_ms + 1
    old = await rig.transitions.stamp_tick(lease_ms=LEASE_MS, only_if_older_than_ms=2_000)

    assert (fresh[2], old[2]) == (0, 1)


async def test_it_is_known_whether_an_orchestrator_or_a_stand_in_keeps_time(rig: Rig) -> None:
    orchestrated = rig.transitions.keys.shared("orchestrated")

    await rig.transitions.stamp_tick(lease_ms=LEASE_MS, is_stand_in=True)
    by_a_worker = await rig.redis.get(orchestrated)
    await rig.transitions.stamp_tick(lease_ms=LEASE_MS)
    rig.transitions.now_ms = rig.now_ms + 5_000
    by_itself = await rig.redis.get(orchestrated)
    await rig.transitions.stamp_tick(lease_ms=LEASE_MS, only_if_older_than_ms=2_000, is_stand_in=True)

    assert by_a_worker is None
    assert int(by_itself) == int(await rig.redis.get(orchestrated)) == rig.now_ms - 5_000


async def test_the_first_tick_of_all_holds_nothing(rig: Rig) -> None:
    now_ms, hold_ms, stamped = await rig.transitions.stamp_tick(lease_ms=LEASE_MS)

    assert (now_ms, hold_ms <= now_ms, stamped) == (rig.now_ms, True, 1)


async def test_after_a_pause_of_half_a_lease_no_lease_expires_for_one_lease(rig: Rig) -> None:
    await rig.transitions.stamp_tick(lease_ms=LEASE_MS)
    rig.transitions.now_ms = rig.now_ms + LEASE_MS // 2 + 1

    now_ms, hold_ms, _ = await rig.transitions.stamp_tick(lease_ms=LEASE_MS)
    _, still_ms, _ = await rig.transitions.stamp_tick(lease_ms=LEASE_MS)

    assert hold_ms == still_ms == now_ms + LEASE_MS


async def test_ticks_in_their_usual_rhythm_hold_nothing(rig: Rig) -> None:
    for _ in range(20):
        now_ms, hold_ms, _ = await rig.transitions.stamp_tick(lease_ms=LEASE_MS)
        assert hold_ms <= now_ms
        rig.transitions.now_ms = rig.now_ms + 250
