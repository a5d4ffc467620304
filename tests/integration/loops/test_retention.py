"""A purge that its caller did not finish is finished by the orchestrator, to the last key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from orchestrator.loops import retention
from tests.integration.transitions.purgeable import a_chain, a_map, dead_letters, grandchildren, large
from tests.makers import Rig, node

MINUTE_MS = 60_000


@pytest.mark.parametrize("make", [large, grandchildren, a_map, dead_letters])
@pytest.mark.parametrize("slices", [0, 1])
async def test_a_purge_that_was_killed_is_finished_by_the_loop(
    rig: Rig, make: Callable[[Rig], Awaitable[str]], slices: int
) -> None:
    await rig.worker.read()
    before = await rig.dump()
    execution_id = await make(rig)
    await rig.fold()
    await rig.transitions.purge_execution(execution_id, call_id="one")
    for _ in range(slices):
        await rig.transitions.purge_keys(execution_id)

    early = await retention.run_once(rig.store, rig.transitions, rig.now_ms + MINUTE_MS - 1)
    await retention.run_once(rig.store, rig.transitions, rig.now_ms + MINUTE_MS)

    assert early == 0
    assert await rig.dump(statistics=False) == before


async def test_what_a_loop_cannot_remove_stands_back_behind_others(rig: Rig) -> None:
    damaged, execution_id = await a_chain(rig), await a_chain(rig)
    await rig.transitions.purge_execution(damaged, call_id="one")
    await rig.transitions.purge_execution(execution_id, call_id="two")
    await rig.redis.set(f"workflow:{damaged}:children", "no list")

    now_ms = rig.now_ms + MINUTE_MS
    finished = await retention.run_once(rig.store, rig.transitions, now_ms, limit=2)
    again = await retention.run_once(rig.store, rig.transitions, now_ms)

    assert (finished, again) == (1, 0)
    await rig.redis.delete(f"workflow:{damaged}:children")
    assert await retention.run_once(rig.store, rig.transitions, now_ms + MINUTE_MS) == 1
    assert not await rig.redis.keys(f"*{damaged}*")


async def test_a_history_takes_no_more_memory_than_it_needs_once_it_has_ended(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()
    key, events = rig.store.keys.events(execution_id), await rig.events(execution_id)
    before = await rig.redis.memory_usage(key)

    await rig.fold()

    assert await rig.redis.memory_usage(key) < before / 2
    assert await rig.events(execution_id) == events
    assert not await rig.redis.exists(f"{key}:packed")


async def test_an_execution_without_its_history_is_counted_all_the_same(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()
    await rig.redis.delete(rig.store.keys.events(execution_id))

    assert await rig.fold() == 1
