"""The static layout of a definition stands once, as long as an execution points to it, and an hour longer."""

from __future__ import annotations

import pytest

from orchestrator.loops.sweep import LAYOUT_AGE_MS, STAGING_AGE_MS
from tests.integration.static_layouts import (
    CHAIN,
    count_of,
    fork,
    is_there,
    key_of,
    large,
    of,
    purge,
    run,
    sweep_after,
)
from tests.integration.transitions.prepared_calls import child_of
from tests.makers import Rig, node


async def test_executions_of_one_definition_share_it(rig: Rig) -> None:
    layout = of(*CHAIN)
    first, second = await run(rig, *CHAIN), await run(rig, *CHAIN)

    assert await count_of(rig, layout) == 2
    for each in (first, second):
        fields = {name.decode() for name in await rig.redis.hkeys(f"workflow:{each}:runtime")}
        assert not [name for name in fields if name.startswith(("node|", "spec|", "refs|", "next|"))]


async def test_two_tenants_share_none(rig: Rig) -> None:
    layout = of(*CHAIN)
    for tenant in ("default", "acme"):
        await rig.transitions.create_execution(f"of-{tenant}", b"{}", layout.last, tenant=tenant)

    assert await is_there(rig, layout)
    assert await rig.redis.exists(key_of(layout, "acme"))


async def test_it_goes_an_hour_after_its_last_execution_was_purged(rig: Rig) -> None:
    await rig.worker.read()
    layout = of(*CHAIN)
    first, second = await run(rig, *CHAIN), await run(rig, *CHAIN)

    await purge(rig, first)
    await sweep_after(rig, 2 * LAYOUT_AGE_MS)
    assert await is_there(rig, layout)
    await purge(rig, second)
    await sweep_after(rig, LAYOUT_AGE_MS - 1)
    assert await is_there(rig, layout)
    await sweep_after(rig, 1)

    assert not await is_there(rig, layout)
    assert not await rig.redis.exists("workflows:layouts", "workflows:layouts:unused")


async def test_a_start_within_the_hour_keeps_it(rig: Rig) -> None:
    layout = of(*CHAIN)
    first = await run(rig, *CHAIN)
    await purge(rig, first)

    rig.transitions.now_ms = rig.now_ms + LAYOUT_AGE_MS - 1
    await rig.submit(*CHAIN)
    await sweep_after(rig, 2 * LAYOUT_AGE_MS)

    assert await is_there(rig, layout)
    assert await rig.redis.zcard("workflows:layouts:unused") == 0


@pytest.mark.parametrize("slices", [0, 1, 2])
async def test_a_purge_that_is_killed_and_sent_again_counts_once(rig: Rig, slices: int) -> None:
    layout = of(*CHAIN)
    first, second = await run(rig, *CHAIN), await run(rig, *CHAIN)

    await rig.transitions.purge_execution(first, call_id="one")
    for _ in range(slices):
        await rig.transitions.purge_keys(first)
    await rig.transitions.purge_execution(first, call_id="one")
    for _ in range(3):
        await rig.transitions.purge_keys(first)

    assert await count_of(rig, layout) == 1
    # The other one is as it was, and can run again.
    await rig.engine.executions.fork(second, from_node="B")
    assert await rig.worker.run_all() == ["B", "C"]


async def test_a_start_whose_reply_was_lost_counts_once(rig: Rig) -> None:
    layout = of(*CHAIN)
    call = rig.transitions.create_execution("x1", b"{}", layout.last, is_started=True)

    await call
    await call

    assert await count_of(rig, layout) == 1


async def test_a_fork_outlives_its_source_and_its_source_a_fork(rig: Rig) -> None:
    await rig.worker.read()
    before = await rig.dump(statistics=False)
    layout = of(*CHAIN)
    source = await run(rig, *CHAIN)
    first = await fork(rig, source, "C")
    assert await count_of(rig, layout) == 2

    await purge(rig, source)
    await sweep_after(rig, 2 * LAYOUT_AGE_MS)
    assert await rig.worker.run_all() == ["C"]
    second = await fork(rig, first, "B")
    await purge(rig, first)
    await sweep_after(rig, 2 * LAYOUT_AGE_MS)
    assert await rig.worker.run_all() == ["B", "C"]
    await purge(rig, second)

    assert await rig.dump(statistics=False) == before


async def test_a_child_counts_for_itself_and_goes_with_its_parent(rig: Rig) -> None:
    await rig.worker.read()
    before = await rig.dump(statistics=False)
    execution_id = await rig.submit(node("S"))
    held = await rig.worker.start_one("S")
    child = child_of(execution_id, "S")
    call = rig.transitions.start_child(held, child)

    await call
    await call

    assert await rig.redis.hget("workflows:layouts", f"default:{child.last.layout}") == b"1"
    await rig.worker.run_all()
    await purge(rig, execution_id)
    assert await rig.dump(statistics=False) == before


# What is staged


async def test_what_is_staged_holds_it(rig: Rig) -> None:
    layout = large()
    for part in layout.staged:
        await rig.transitions.stage_execution("x1", part)
        await rig.transitions.stage_execution("x1", part)

    assert await count_of(rig, layout) == 1
    await rig.transitions.create_execution("x1", b"{}", layout.last)
    assert await count_of(rig, layout) == 1


async def test_what_was_staged_and_given_up_lets_it_go(rig: Rig) -> None:
    layout = large()
    await rig.transitions.stage_execution("x1", layout.staged[0])

    await sweep_after(rig, STAGING_AGE_MS)
    assert await count_of(rig, layout) == 0
    await sweep_after(rig, LAYOUT_AGE_MS)

    assert await rig.redis.keys() == []


async def test_a_large_child_that_was_given_up_is_staged_by_another_attempt(rig: Rig) -> None:
    execution_id = await rig.submit(node("S"))
    held = await rig.worker.start_one("S")
    child, layout = child_of(execution_id, "S"), large()
    await rig.transitions.stage_execution(child.execution_id, layout.staged[0])
    await sweep_after(rig, STAGING_AGE_MS)

    ended = await rig.transitions.start_child(
        held,
        type(child)(
            child.execution_id, b"{}", layout.last, [], child.most_levels, child.too_deep, child.output
        ),
    )

    (state,) = (await rig.engine.executions.get(execution_id)).nodes
    assert (ended.word, str(state.status), state.attempt, state.tries) == ("ok", "QUEUED", 2, 0)
    assert (await rig.redis.keys("workflow:*:node:n*")) == []


async def test_what_has_ended_is_counted_and_purged_without_it(rig: Rig) -> None:
    execution_id = await run(rig, *CHAIN)
    await rig.redis.delete(key_of(of(*CHAIN)))
    await rig.redis.function_flush("SYNC")  # what scripts keep from call to call is gone, too

    assert await rig.fold() == 1
    await rig.engine.executions.purge(execution_id)

    assert not await rig.redis.keys(f"*{execution_id}*")
