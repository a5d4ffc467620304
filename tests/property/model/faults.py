"""Bad luck: deletes what repairs must be able to bring back. Statuses and outputs are the truth, and stay."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.property.model.actions import Action
from tests.property.model.drawn_dag import QUEUES
from tests.property.model.family_checks import waiting_units
from tests.property.model.reading import TASKS
from tests.property.model.world import Case, World

#: Counters that can be told from statuses.
ITEM_COUNTERS = ("live", "COMPLETED", "FAILED", "SKIPPED")
#: What may be lost, as often as it is drawn.
WHAT = (
    "task", "task", "group", "stream", "lease", "timer", "counter", "counter", "counter", "counter", "active",
    "turns", "lists", "items", "items", "held", "wake", "wait",
)  # fmt: skip
COUNTERS = ("c", "left", "failed", "seq")


async def lose_something(world: World, dice: Random) -> None:
    """Delete what repairs must be able to bring back."""
    redis: Any = world.redis
    match dice.choice(WHAT):
        case "task":
            stream = TASKS[dice.choice(QUEUES)]
            if entries := await redis.xrange(stream):
                await redis.xdel(stream, dice.choice(entries)[0])
        case "group":
            stream = TASKS[dice.choice(QUEUES)]
            if await redis.exists(stream):
                await redis.xgroup_destroy(stream, "workflow_group")
        case "stream":
            await redis.delete(TASKS[dice.choice(QUEUES)])
        case "lease" | "timer" as kind:
            if members := await redis.zrange(f"workflows:{kind}s", 0, -1):
                await redis.zrem(f"workflows:{kind}s", dice.choice(members))
        case "turns":
            if saved := [case for case in world.cases if case.now.worklist]:
                await redis.delete(f"workflow:{dice.choice(saved).execution_id}:worklist")
        case "lists":
            await redis.delete("workflows:approvals", "workflows:approvals:other")
            if waited := [case for case in world.cases if case.now.waits]:
                case = dice.choice(waited)
                name = dice.choice(sorted(case.now.waits))
                await redis.hdel(f"workflow:{case.execution_id}:signals", f"waits|{name}")
        case "items":
            if mapped := [(case, node_id) for case in world.cases for node_id in case.now.items]:
                case, node_id = dice.choice(mapped)
                lost = [name for name in ITEM_COUNTERS if dice.random() < 0.5]
                if lost:
                    await redis.hdel(f"workflow:{case.execution_id}:node:{node_id}:items", *lost)
        case "held":
            if paused := [case for case in world.cases if case.now.held]:
                await redis.delete(f"workflow:{dice.choice(paused).execution_id}:held")
        case "wake":
            # Its end will not be told.
            if children := [case for case in world.cases if case.parent]:
                await redis.hdel(f"workflow:{dice.choice(children).execution_id}:runtime", "parent")
        case "wait":
            if waiting := [(case, unit) for case in world.cases for unit in waiting_units(case.now)]:
                case, unit = dice.choice(waiting)
                await redis.hdel(f"workflow:{case.execution_id}:runtime", f"waiting_on|{unit}")
        case "active":
            if members := await redis.smembers("workflows:active"):
                await redis.srem("workflows:active", dice.choice(sorted(members)))
        case _:
            if running := [case for case in world.cases if case.now.status in ("RUNNING", "PAUSED")]:
                await lose_counters(world, dice, dice.choice(running))


async def lose_counters(world: World, dice: Random, case: Case) -> None:
    counters = [name for name in case.now.runtime if name.split("|")[0] in COUNTERS]
    lost = [name for name in counters if dice.random() < 0.4]
    if lost:
        await world.redis.hdel(f"workflow:{case.execution_id}:runtime", *lost)


#: Drawn as the actions are, in worlds that may lose keys.
FAULTS: dict[Action, int] = {lose_something: 6}
