"""The library of scripts is loaded where it is not, and only there: while it compiles, Redis waits."""

from __future__ import annotations

from redis.asyncio import Redis

from tests.dags import node
from tests.makers import Rig


async def loads(redis: Redis) -> int:
    """How often a library has been loaded into this Redis."""
    found = await redis.info("commandstats")
    return int(found.get("cmdstat_function|load", {}).get("calls", 0))


async def test_a_library_that_is_there_is_not_loaded_again(rig: Rig, redis: Redis) -> None:
    before = await loads(redis)

    await rig.transitions.load()

    assert await loads(redis) == before
    await rig.submit(node("A"))


async def test_a_library_that_was_lost_is_loaded_by_the_next_call(rig: Rig, redis: Redis) -> None:
    before = await loads(redis)
    await redis.function_flush()

    await rig.submit(node("A"))

    assert await loads(redis) == before + 1
