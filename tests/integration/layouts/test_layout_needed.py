"""A static layout that is not there is written before it is counted; one that is lost is made again."""

from __future__ import annotations

import orjson
import pytest
from redis.exceptions import ResponseError

from orchestrator.loops.sweep import LAYOUT_AGE_MS, Sweep
from orchestrator.states import ExecutionStatus, Reason
from orchestrator.store.layout import Layout, lay_out
from orchestrator.store.static_layouts import StaticLayouts
from tests.dags import compiled
from tests.integration.static_layouts import (
    CHAIN,
    count_of,
    forget_plans,
    is_there,
    key_of,
    large,
    of,
    purge,
    sweep_after,
)
from tests.makers import Rig, error_of, node, workflow

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


async def test_one_that_is_young_or_counted_again_is_kept(rig: Rig) -> None:
    """Whoever read the list of unused ones may come late, or twice."""
    layout = of(*CHAIN)
    await StaticLayouts(rig.transitions).write("default", layout)
    drop = rig.transitions.drop_layout("default", layout.digest, age_ms=LAYOUT_AGE_MS)

    rig.transitions.now_ms = rig.now_ms + LAYOUT_AGE_MS - 1
    assert await drop == "kept"
    await rig.transitions.create_execution("x1", b"{}", layout.last.bare())
    # As if it had been listed by an older copy of Redis.
    await rig.redis.zadd("workflows:layouts:unused", {f"default:{layout.digest}": 0})
    assert [await drop, await drop] == ["kept", "kept"]

    assert await is_there(rig, layout)


# What is lost


async def lose(rig: Rig, layout: Layout) -> None:
    """Take it away, from what scripts remember too, as a restart without the newest writes does."""
    await rig.redis.delete(key_of(layout))
    await forget_plans(rig)


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


async def test_a_retry_without_it_loses_no_turn(rig: Rig) -> None:
    execution_id = await rig.submit(*CHAIN)
    await rig.worker.run_all(failing=["B"])
    await lose(rig, of(*CHAIN))

    with pytest.raises(ResponseError, match="static layout of execution"):
        await rig.engine.executions.retry(execution_id)
    await sweep_after(rig, 60_000)

    assert await rig.worker.run_all() == ["B", "C"]
    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED
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
    await forget_plans(rig)
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
