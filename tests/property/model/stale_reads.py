"""An orchestrator that looked a while ago, or by a wrong clock, and acts now: nothing may come of it."""

from __future__ import annotations

from random import Random
from typing import Any

from orchestrator.loops import leases, timers
from orchestrator.redis_keys import lease_member, timer_member
from orchestrator.store.requests import AttemptToken
from tests.property.model.actions import ERROR, Action
from tests.property.model.world import World

#: What a timer of a waiting node may be called.
KINDS = ("back_off", "delay", "hold", "worker", "signal", "approval")


async def look_with_a_fast_clock(world: World, dice: Random) -> None:
    """What is not due by Redis time stays as it is."""
    before = await world.due_times()
    if world.is_faulty or any(due_ms <= world.now_ms for due_ms in before.values()):
        return
    fast_ms = world.now_ms + 60_000
    await timers.run_once(world.store, world.transitions, fast_ms)
    await leases.run_once(world.store, world.transitions, fast_ms)
    after = await world.due_times()
    # Where nothing has started, no grace is needed: that timer may go.
    pending = {case.execution_id.encode() for case in world.cases if case.now.status == "PENDING"}
    assert after == {
        member: due for member, due in before.items() if not pending & set(member.split(b"\x1f"))
    }


async def act_on_an_old_attempt(world: World, dice: Random) -> None:
    """Every verb of the loops, for the attempt before the current one."""
    found = [(case, node_id) for case in world.cases for node_id in case.now.units]
    found = [(case, node_id) for case, node_id in found if int(case.now.of("attempt", node_id) or 0) > 1]
    if not found:
        return
    case, node_id = dice.choice(found)
    old, does = int(case.now.of("attempt", node_id)) - 1, world.transitions
    unit = (case.execution_id, node_id, old)
    words = [
        (await does.reap_node(*unit, lost=ERROR, poison=ERROR))[0],
        (await does.wake_node(*unit, dice.choice(KINDS)))[0],
        (await does.time_out_node(*unit, "start_to_close", error=ERROR, delay_ms=None))[0],
        (await does.time_out_node(*unit, "schedule_to_start", error=ERROR, delay_ms=None))[0],
        await does.hand_back_node(*unit, message_id="", queue="default", is_offered=False, error=ERROR),
    ]
    assert set(words) == {"stale"}, (unit, words)
    token = AttemptToken(*unit, case.now.of("nonce", node_id))
    assert await does.report_events(token, [(1, "node.log", b"{}")]) == "fenced"


async def act_on_an_old_status(world: World, dice: Random) -> None:
    """Time limits of a state that the node has left meanwhile, and repairs of what has ended."""
    if not world.cases:
        return
    case, does = dice.choice(world.cases), world.transitions
    if case.now.has_ended:
        seq = int(case.now.runtime.get("seq", 0))
        word, _ = await does.repair_execution(case.execution_id, seq=seq, repairs=["finish"])
        assert word == "moved", word
    limits = {"QUEUED": "start_to_close", "RUNNING": "schedule_to_start"}
    for node_id, status in case.now.units.items():
        if status in limits:
            attempt = int(case.now.of("attempt", node_id))
            call = does.time_out_node(
                case.execution_id, node_id, attempt, limits[status], error=ERROR, delay_ms=None
            )
            word, _ = await call
            assert word == "stale", (node_id, status, word)


async def meet_stale_members(world: World, dice: Random) -> None:
    """Timers and leases of what is over are taken away by the loop that meets them."""
    if not world.cases:
        return
    case = dice.choice(world.cases)
    node_id, redis = dice.choice(list(case.now.units)), world.redis
    attempt = int(case.now.of("attempt", node_id) or 0) + 7
    kinds = (*KINDS, "start_to_close", "schedule_to_start")
    stale: dict[Any, float] = {timer_member(each, case.execution_id, node_id, attempt): 1 for each in kinds}
    stale[timer_member("schedule_to_close", case.execution_id, node_id, 99)] = 1
    for kind in ("execution_timeout", "cancel_grace"):
        stale[timer_member(kind, case.execution_id, "", 99)] = 1
    if not case.now.worklist:
        stale[timer_member("continue", case.execution_id, "", 0)] = 1
    await redis.zadd("workflows:timers", stale)
    await redis.zadd("workflows:leases", {lease_member(case.execution_id, node_id, attempt): 1})
    await timers.run_once(world.store, world.transitions, 1)
    await leases.run_once(world.store, world.transitions, 2)
    assert not [member for member, due in (await world.due_times()).items() if due == 1]


STALE_READS: dict[Action, int] = {
    look_with_a_fast_clock: 2,
    act_on_an_old_attempt: 1,
    act_on_an_old_status: 2,
    meet_stale_members: 1,
}
