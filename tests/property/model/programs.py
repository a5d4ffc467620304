"""Random programs of actions, and the healing after which every execution must have ended."""

from __future__ import annotations

import random
from random import Random

from orchestrator.loops import leases, timers
from tests.property.model.actions import WEIGHTS, Action, claim, end_attempt, read
from tests.property.model.answers import answer_all
from tests.property.model.counts import check_statistics
from tests.property.model.faults import FAULTS
from tests.property.model.interventions import resume_all
from tests.property.model.letters import post_to_all
from tests.property.model.mailed import send_all
from tests.property.model.purges import purge_all
from tests.property.model.reading import APPROVALS
from tests.property.model.scheduled import stop_schedules
from tests.property.model.stale_reads import STALE_READS
from tests.property.model.world import World

#: Rounds of healing, each 1.5 s or more of the world's time.
MOST_ROUNDS = 120


async def run_program(world: World, seed: int, *, steps: int) -> None:
    """Do random actions, looking after each, then heal. The seed says everything."""
    dice = Random(seed)
    weights = {**WEIGHTS, **STALE_READS, **(FAULTS if world.is_faulty else {})}
    actions, shares = list(weights), list(weights.values())
    await world.open()
    try:
        for _ in range(steps):
            await do(world, dice.choices(actions, shares)[0], dice.getrandbits(32))
        await heal(world, seed=dice.getrandbits(32))
    finally:
        await world.close()


async def do(world: World, action: Action, seed: int) -> None:
    """One action and a look at what it left."""
    world.program.append(f"{action.__name__}(world, Random({seed}))")
    # The jitter of a back-off that the loops decide on.
    random.seed(seed)
    await action(world, Random(seed))
    await world.look()


async def heal(world: World, *, seed: int) -> None:
    """Lose nothing more and let loops and workers go on: all executions must end and leave nothing behind."""
    world.program.append(f"heal(world, seed={seed})")
    random.seed(seed)
    dice = Random(seed)
    await world.make_groups()
    await stop_schedules(world, dice)
    for worker in world.workers:
        # As after a restart: what was held and read is known to nobody.
        world.strays.extend(worker.held)
        worker.held.clear()
        worker.read.clear()
    await _end_all(world, dice)
    # Some of them have other executions started.
    await send_all(world, dice)
    await _end_all(world, dice)
    await send_all(world, dice)
    await _leaves_nothing(world)
    await purge_all(world, dice)
    await check_statistics(world)


async def _end_all(world: World, dice: Random) -> None:
    for _ in range(MOST_ROUNDS):
        await _round(world, dice)
        if all(case.now.has_ended for case in world.cases):
            break
        world.now_ms += dice.choice((1_500, 1_500, 20_000))
    for case in world.cases:
        assert case.now.has_ended, world.told(case, ["it did not end"])


async def _round(world: World, dice: Random) -> None:
    for case in world.cases:
        if case.now.status == "PENDING":
            await world.transitions.start_execution(case.execution_id)
    made = await world.sweep.run_once(world.now_ms, is_thorough=True)
    assert world.is_faulty or made == 0, f"{made} repairs where nothing was lost"
    await timers.run_once(world.store, world.transitions, world.now_ms)
    await leases.run_once(world.store, world.transitions, world.now_ms)
    await world.look()
    await answer_all(world, dice)
    await post_to_all(world, dice)
    await resume_all(world, dice)
    for _ in range(4):
        await read(world, dice)
    while any(worker.read for worker in world.workers):
        await claim(world, dice)
        await world.look()
    for worker in world.workers:
        while worker.held:
            await end_attempt(world, dice, worker, worker.held.pop(), kinds="cccccf")
            await world.look()


async def _leaves_nothing(world: World) -> None:
    world.now_ms += 3_600_000
    for _ in range(3):
        await timers.run_once(world.store, world.transitions, world.now_ms)
        await world.sweep.run_once(world.now_ms, is_thorough=True)
    redis = world.redis
    for name in ("leases", "timers", "staging", *APPROVALS):
        key = f"workflows:{name}"
        assert await redis.zrange(key, 0, -1) == [], key
    assert await redis.smembers("workflows:active") == set()
    for stream in ("workflow:tasks", "workflow:tasks:side"):
        assert await redis.xlen(stream) == 0, stream
        if not world.is_faulty:
            assert (await redis.xpending(stream, "workflow_group"))["pending"] == 0
    for execution_id in world.staged:
        assert await redis.keys(f"workflow:{execution_id}:*") == [], (
            "a submission given up was not cleared away"
        )
