"""The static layout of a definition stands once, as long as an execution points to it, and an hour longer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from redis.exceptions import ResponseError

from orchestrator.loops.sweep import LAYOUT_AGE_MS, STAGING_AGE_MS, Sweep
from orchestrator.states import ExecutionStatus, Reason
from orchestrator.store.layout import Layout, lay_out
from orchestrator.store.static_layouts import StaticLayouts
from tests.dags import compiled
from tests.integration.transitions.prepared_calls import child_of
from tests.makers import Rig, error_of, node, workflow

CHAIN = (node("A"), node("B", after=["A"]), node("C", after=["B"]))


def of(*nodes: dict[str, Any]) -> Layout:
    return lay_out(compiled(workflow(*nodes)))


def key_of(layout: Layout, tenant: str = "default") -> str:
    return f"workflows:layout:{tenant}:{layout.digest}"


async def count_of(rig: Rig, layout: Layout) -> int:
    return int(await rig.redis.hget("workflows:layouts", f"default:{layout.digest}") or 0)


async def is_there(rig: Rig, layout: Layout) -> bool:
    return bool(await rig.redis.exists(key_of(layout)))


async def run(rig: Rig, *nodes: dict[str, Any]) -> str:
    execution_id = await rig.submit(*nodes)
    await rig.worker.run_all()
    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED
    return execution_id


async def fork(rig: Rig, execution_id: str, from_node: str) -> str:
    made = (await rig.engine.executions.fork(execution_id, from_node=from_node)).execution_id
    assert made is not None
    return made


async def purge(rig: Rig, execution_id: str) -> None:
    await rig.engine.executions.purge(execution_id)


async def sweep_after(rig: Rig, ms: int) -> None:
    rig.transitions.now_ms = rig.now_ms + ms
    await Sweep(rig.store, rig.transitions).run_once(rig.now_ms)


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
    before = await rig.dump()
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

    assert await rig.dump() == before


async def test_a_child_counts_for_itself_and_goes_with_its_parent(rig: Rig) -> None:
    await rig.worker.read()
    before = await rig.dump()
    execution_id = await rig.submit(node("S"))
    held = await rig.worker.start_one("S")
    child = child_of(execution_id, "S")
    call = rig.transitions.start_child(held, child)

    await call
    await call

    assert await rig.redis.hget("workflows:layouts", f"default:{child.last.layout}") == b"1"
    await rig.worker.run_all()
    await purge(rig, execution_id)
    assert await rig.dump() == before


# What is staged


def large() -> Layout:
    return lay_out(compiled(workflow(*(node(f"n{i}") for i in range(450)))))


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


# What is not there


async def test_a_start_that_names_it_in_vain_changes_nothing(rig: Rig) -> None:
    layout = of(*CHAIN)

    created = await rig.transitions.create_execution("x1", b"{}", layout.last.bare(), is_started=True)
    staged = await rig.transitions.stage_execution("x1", large().staged[0].bare())

    assert (created[0], staged) == ("layout_needed", "layout_needed")
    assert await rig.redis.keys() == []


@pytest.mark.parametrize("count", [3, 450, 1_200])
async def test_one_that_is_removed_between_two_starts_is_written_again(rig: Rig, count: int) -> None:
    nodes = [node(f"n{i}") for i in range(count)]
    first = await rig.submit(*nodes)
    await rig.engine.executions.cancel(first, grace_ms=0, request_id="c")
    await purge(rig, first)
    await sweep_after(rig, LAYOUT_AGE_MS)
    assert await rig.redis.keys("workflows:layout*") == []

    second = await rig.submit(*nodes)

    assert await rig.worker.run_all(rounds=400) == [f"n{i}" for i in range(count)]
    assert await rig.status(second) is ExecutionStatus.COMPLETED


async def test_a_part_that_was_removed_meanwhile_does_not_make_it_whole(rig: Rig) -> None:
    layout = lay_out(compiled(workflow(*(node(f"n{i}") for i in range(1_200)))))
    first, *_, last = layout.statics
    await rig.transitions.stage_layout("default", layout.digest, first)
    await sweep_after(rig, LAYOUT_AGE_MS)

    word = await rig.transitions.stage_layout("default", layout.digest, last, count=layout.statics_count)

    assert word == "lost"
    assert not await rig.redis.hexists(key_of(layout), "whole")


async def test_one_that_nobody_counted_goes_after_an_hour(rig: Rig) -> None:
    await StaticLayouts(rig.transitions).write("default", of(*CHAIN))

    await sweep_after(rig, LAYOUT_AGE_MS)

    assert await rig.redis.keys() == []


# What is lost


async def lose(rig: Rig, layout: Layout) -> None:
    """Take it away, from what scripts remember too, as a restart without the newest writes does."""
    await rig.redis.delete(key_of(layout))
    await rig.transitions.load()


async def test_one_that_is_lost_is_made_of_the_definition_again(rig: Rig) -> None:
    layout = of(*CHAIN)
    execution_id = await rig.submit(*CHAIN)
    await lose(rig, layout)
    (task,) = await rig.worker.read()
    with pytest.raises(ResponseError, match="static layout of execution"):
        await rig.worker.claim(task)
    before = await rig.nodes(execution_id)

    await sweep_after(rig, 60_000)
    await rig.worker.claim(task)

    assert before == await rig.nodes(execution_id) | {"A": before["A"]}
    assert await rig.redis.hget(key_of(layout), "whole") == b"1"
    # It counts as before: the purge of its last execution lets it go.
    assert await count_of(rig, layout) == 1


async def test_a_lost_one_is_repaired_once(rig: Rig) -> None:
    layout = of(*CHAIN)
    await rig.submit(*CHAIN)
    await lose(rig, layout)
    sweep = Sweep(rig.store, rig.transitions)
    rig.transitions.now_ms = rig.now_ms + 60_000

    made = [await sweep.run_once(rig.now_ms) for _ in range(2)]

    assert made == [1, 0]
    await rig.worker.run_all()
    assert await rig.nothing_is_left_behind()


async def test_one_that_is_rebuilt_otherwise_serves_until_a_start_brings_the_true_one(rig: Rig) -> None:
    true = of(node("A", retry={"max_attempts": 3}))
    other = of(node("A"))
    layouts = StaticLayouts(rig.transitions)
    await layouts.write("default", other, digest=true.digest)

    refused = await rig.transitions.create_execution("x1", b"{}", true.last.bare())
    await rig.transitions.create_execution("x1", b"{}", true.last, is_started=True)
    await layouts.write("default", other, digest=true.digest)

    assert refused[0] == "layout_needed"
    spec = orjson.loads(await rig.redis.hget(key_of(true), "spec|A"))
    assert (spec["retry"]["max_attempts"], await rig.redis.hget(key_of(true), "whole")) == (3, b"1")


# What scripts remember


async def test_what_scripts_remember_is_of_the_content_not_of_the_key(rig: Rig) -> None:
    """After a flush and a reload, and beside another definition with the same nodes."""
    await rig.submit(*CHAIN)
    await rig.worker.run_all()
    await rig.redis.flushall()
    other = (node("A"), node("C", after=["A"]), node("B", after=["C"]))

    await rig.submit(*other)
    swapped = await rig.worker.run_all()
    await rig.submit(*CHAIN)
    as_before = await rig.worker.run_all()
    await rig.transitions.load()
    await rig.submit(*CHAIN)

    assert (swapped, as_before) == (["A", "C", "B"], ["A", "B", "C"])
    assert await rig.worker.run_all() == ["A", "B", "C"]


async def test_a_warm_call_asks_for_nothing_of_it(rig: Rig) -> None:
    await rig.submit(*CHAIN)
    await rig.worker.run_all()
    await rig.submit(*CHAIN)
    await rig.redis.config_resetstat()
    held = await rig.worker.start_one("A")
    await rig.worker.complete(held)

    stats = await rig.redis.info("commandstats")
    # One for each call, and one for the record of the successor.
    assert stats["cmdstat_hmget"]["calls"] == 3


async def test_an_unknown_node_is_not_remembered(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")

    for _ in range(2):
        answer = await rig.transitions.fail_node(
            held._replace(node_id="nobody"),
            error_of(),
            reason=Reason.ERROR,
            is_dead=False,
        )
        assert answer.word == "gone"
    assert await rig.status(execution_id) is ExecutionStatus.RUNNING
