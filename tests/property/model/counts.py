"""What has ended is counted once, as it ended last, and goes when its retention is over, not before."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from orchestrator.definitions.definition import OUTPUT
from orchestrator.definitions.retention import FOR_EVER, Retention
from tests.property.model.purges import parent_of

if TYPE_CHECKING:
    from tests.property.model.actions import Action
    from tests.property.model.world import Case, World

#: Keeps nothing.
NO_TIME = Retention(0, 0, 0, 0)


async def fold_one(world: World, dice: Random) -> None:
    """Count a part of an execution that has ended, perhaps twice, as after a lost reply."""
    redis: Any = world.redis
    if members := await redis.zrange("workflows:ended", 0, -1):
        execution_id = dice.choice(members).decode()
        for _ in range(dice.choice((1, 1, 2))):
            assert (await world.transitions.fold_execution(execution_id))[0] == "ok"
            await world.look()


async def expire_one(world: World, dice: Random) -> None:
    """Look at the retention of an execution that waits for its purge, and at that of any other one."""
    redis: Any = world.redis
    listed = {member.decode() for member in await redis.zrange("workflows:expiring", 0, -1)}
    if not world.cases:
        return
    # Started again, it would be back: nobody has noted yet that it was started.
    cases = [case for case in world.cases if case.execution_id not in world.mails.about_to_start()]
    waiting = [case for case in cases if case.execution_id in listed]
    if not cases:
        return
    case = dice.choice(waiting if waiting and dice.random() < 0.8 else cases)
    unfolded = await redis.zscore("workflows:ended", case.execution_id) is not None
    kept = dice.choice((NO_TIME, NO_TIME, FOR_EVER))
    expected = _word(world, case, kept) if case in waiting and not unfolded else "kept"
    call = world.transitions.expire_execution(case.execution_id, kept, call_id=f"e{next(world.numbers)}")
    assert (await call)[0] == expected, (case.execution_id, expected)
    if expected == "ok":
        world.forget(case)
        if dice.random() < 0.3:
            assert (await call)[0] == "ok"


def _word(world: World, case: Case, kept: Retention) -> str:
    if (not case.now.has_ended and case.now.status != "PENDING") or parent_of(world, case):
        return "kept"
    is_going = case.now.status == "PENDING" and case.now.runtime.get("cancelling")
    return "later" if kept is FOR_EVER or is_going else "ok"


async def check_statistics(world: World) -> None:
    """Compare the statistics of both tenants with a count of all there has ever been, deliveries too."""
    redis: Any = world.redis
    wanted: Counter[str] = Counter()
    for case in world.remains.cases.values():
        if case.now.has_ended:
            _count(case, wanted)
    for (tenant, name), count in world.hooks.totals.items():
        wanted[f"{tenant} delivery|{name}"] += count
    found: Counter[str] = Counter()
    for key in await redis.keys("workflows:statistics:*"):
        tenant = key.decode().split(":")[2]
        for name, value in (await redis.hgetall(key)).items():
            found[f"{tenant} {name.decode()}"] += int(value)
    assert +found == +wanted, (found - wanted, wanted - found)
    assert min(found.values(), default=0) >= 0


def _count(case: Case, into: Counter[str]) -> None:
    now, runtime = case.now, case.now.runtime
    end = f"{now.status}|{case.origin.workflow_id or '-'}"
    took_ms = int(runtime["ended_ms"]) - int(runtime["started_ms"]) if "started_ms" in runtime else 0
    into[f"{case.tenant} executions|{end}"] += 1
    into[f"{case.tenant} ms|{end}"] += took_ms
    for node_id, status in now.nodes.items():
        if status in ("COMPLETED", "FAILED") and node_id != OUTPUT and f"reused|{node_id}" not in runtime:
            handler = case.node(node_id).handler
            into[f"{case.tenant} nodes|{handler}"] += 1
            into[f"{case.tenant} failed|{handler}"] += status == "FAILED"


#: How often each is drawn.
COUNTS: dict[Action, int] = {fold_one: 3, expire_one: 2}
