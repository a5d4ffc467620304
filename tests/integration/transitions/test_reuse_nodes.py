"""A fork is marked while nobody can see it: ends and outputs of its source, in bounded, repeatable steps."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.errors import ExecutionNotFound
from orchestrator.loops.sweep import STAGING_AGE_MS, Sweep
from orchestrator.states import ExecutionStatus, NodeStatus, sources_of
from orchestrator.store.fork_layout import Reuse
from orchestrator.store.layout import lay_out
from tests.dags import compiled
from tests.makers import Rig, node, workflow

N, E = NodeStatus, ExecutionStatus
LINE = (node("A"), node("B", after=["A"]), node("C", after=["B"]))
KEPT = Reuse((("A", "COMPLETED"),), ("c|B", "1 0 0 0 0"))


async def source_and_fork(rig: Rig, *nodes: dict[str, Any]) -> tuple[str, str]:
    """Run an execution to its end, and stage another of the same definition; gives both ids."""
    source_id = await rig.submit(*nodes)
    await rig.worker.run_all()
    for part in lay_out(compiled(workflow(*nodes)), is_staged=True).staged:
        await rig.transitions.stage_execution("fork", part)
    return source_id, "fork"


async def make_visible(rig: Rig, *nodes: dict[str, Any], **fields: Any) -> None:
    document = workflow(*nodes)
    last = lay_out(compiled(document), is_staged=True).last
    extra = tuple(word for pair in fields.items() for word in pair)
    reply = await rig.transitions.create_execution(
        "fork", orjson.dumps(document), last, is_started=True, extra=("tenant", "default", *extra)
    )
    assert reply[0] == "ok"


async def test_what_is_kept_is_there_the_moment_the_fork_is_seen(rig: Rig) -> None:
    source_id, _ = await source_and_fork(rig, *LINE)

    word, done = await rig.transitions.reuse_nodes("fork", source_id, KEPT)
    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.status("fork")
    await make_visible(rig, *LINE, left=2, **{"start|0": "B"})

    found = await rig.engine.nodes.get("fork", "A")
    state, output = found.state, found.output
    assert (word, done) == ("ok", 1)
    assert (state.status, state.reused, state.attempt, state.ended_ms) == (N.COMPLETED, True, 0, rig.now_ms)
    assert output == orjson.dumps({"status": "ok"})
    assert await rig.nodes("fork") == {"A": N.COMPLETED, "B": N.QUEUED, "C": N.PENDING}
    assert await rig.repairs("fork") == []


async def test_outputs_are_copies_not_links(rig: Rig) -> None:
    source_id, _ = await source_and_fork(rig, *LINE)
    await rig.transitions.reuse_nodes("fork", source_id, KEPT)

    await rig.redis.delete(rig.store.keys.output(source_id, "A"))

    assert await rig.store.output("fork", "A") == orjson.dumps({"status": "ok"})


@pytest.mark.parametrize("status", NodeStatus)
async def test_a_node_of_the_fork_leaves_only_the_status_the_table_lets_it_leave(
    rig: Rig, status: NodeStatus
) -> None:
    source_id, _ = await source_and_fork(rig, *LINE)
    await rig.redis.set(rig.store.keys.node("fork", "A"), str(status))
    before = await rig.dump()

    word, _ = await rig.transitions.reuse_nodes("fork", source_id, KEPT)

    if status in sources_of("reuse_nodes", "node"):
        assert word == "ok"
        assert await rig.redis.get(rig.store.keys.node("fork", "A")) == b"COMPLETED"
    elif status is N.COMPLETED:
        fields = await rig.redis.hgetall(rig.store.keys.runtime("fork"))
        assert (word, b"reused|A" in fields) == ("ok", False)
    else:
        assert word == "lost"
        assert await rig.dump() == before


@pytest.mark.parametrize("status", [each for each in NodeStatus if each is not N.COMPLETED])
async def test_a_source_whose_node_is_something_else_now_gives_nothing(rig: Rig, status: NodeStatus) -> None:
    source_id, _ = await source_and_fork(rig, *LINE)
    await rig.redis.set(rig.store.keys.node(source_id, "A"), str(status))
    before = await rig.dump()

    word, _ = await rig.transitions.reuse_nodes("fork", source_id, KEPT)

    assert word == "changed"
    assert await rig.dump() == before


async def test_what_was_never_staged_is_not_marked(rig: Rig) -> None:
    source_id = await rig.submit(*LINE)
    await rig.worker.run_all()
    before = await rig.dump()

    assert await rig.transitions.reuse_nodes("fork", source_id, KEPT) == ["lost", 0]
    assert await rig.dump() == before


async def test_a_fork_that_can_be_seen_is_changed_no_more(rig: Rig) -> None:
    source_id, _ = await source_and_fork(rig, *LINE)
    await make_visible(rig, *LINE)
    before = await rig.dump()

    assert (await rig.transitions.reuse_nodes("fork", source_id, KEPT))[0] == "created"
    assert await rig.dump() == before


async def test_a_slice_staged_again_late_undoes_nothing(rig: Rig) -> None:
    source_id, _ = await source_and_fork(rig, *LINE)
    await rig.transitions.reuse_nodes("fork", source_id, KEPT)
    (part,) = lay_out(compiled(workflow(*LINE)), is_staged=True).staged
    before = await rig.dump()

    await rig.transitions.stage_execution("fork", part)
    marked = await rig.dump()
    await make_visible(rig, *LINE, left=2, **{"start|0": "B"})
    visible = await rig.dump()
    await rig.transitions.stage_execution("fork", part)

    assert marked == before
    assert await rig.dump() == visible


async def test_one_call_copies_four_mebibytes_and_says_how_far_it_came(rig: Rig) -> None:
    nodes = [node(f"n{i}") for i in range(6)]
    source_id = await rig.submit(*nodes)
    for token in (await rig.worker.start()).values():
        await rig.worker.complete(token, {"text": "x" * 1_500_000})
    for part in lay_out(compiled(workflow(*nodes)), is_staged=True).staged:
        await rig.transitions.stage_execution("fork", part)
    rest, steps = Reuse(tuple((f"n{i}", "COMPLETED") for i in range(6)), ("c|n0", "0 0 0 0 0")), []

    while rest.nodes:
        word, done = await rig.transitions.reuse_nodes("fork", source_id, rest)
        assert word == "ok"
        steps.append(done)
        rest = rest.after(done)

    assert steps == [2, 2, 2]
    assert len(await rig.redis.keys("workflow:fork:node:*:output")) == 6


async def test_an_output_larger_than_one_step_is_copied_alone(rig: Rig) -> None:
    source_id, _ = await source_and_fork(rig, *LINE)
    await rig.redis.set(rig.store.keys.output(source_id, "A"), b"1" * 5_000_000)
    both = Reuse((("A", "COMPLETED"), ("B", "COMPLETED")), ())

    first = await rig.transitions.reuse_nodes("fork", source_id, both)
    second = await rig.transitions.reuse_nodes("fork", source_id, both.after(1))

    assert (first, second) == (["ok", 1], ["ok", 1])


async def test_an_abandoned_fork_is_purged_without_a_trace(rig: Rig) -> None:
    source_id, _ = await source_and_fork(rig, *LINE)
    before = set(await rig.redis.keys("*"))
    await rig.transitions.reuse_nodes("fork", source_id, KEPT)
    rig.transitions.now_ms = rig.now_ms + STAGING_AGE_MS

    await Sweep(rig.store, rig.transitions).run_once(rig.now_ms)

    assert await rig.redis.keys("workflow:fork*") == []
    assert {key for key in before if b"fork" not in key and b"staging" not in key} <= set(
        await rig.redis.keys("*")
    )
