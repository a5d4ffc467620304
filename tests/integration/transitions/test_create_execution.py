"""Submission is all or nothing: one key, one execution; a large one stays invisible until it is whole."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from orchestrator.engine import Idempotency
from orchestrator.errors import DefinitionInvalid, ExecutionNotFound, IdempotencyConflict
from orchestrator.loops.sweep import STAGING_AGE_MS, Sweep
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.layout import lay_out
from orchestrator.store.static_layouts import StaticLayouts
from tests.dags import compiled
from tests.makers import Rig, node, workflow

LARGE = workflow(node("n0"), *(node(f"n{i}", after=[f"n{i - 1}"]) for i in range(1, 10_000)))


async def test_everything_is_pending_and_nothing_queued(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]), trigger=False)

    assert await rig.status(execution_id) is ExecutionStatus.PENDING
    assert set((await rig.nodes(execution_id)).values()) == {NodeStatus.PENDING}
    assert await rig.events(execution_id) == ["execution.created"]
    assert await rig.redis.xlen("workflow:tasks") == await rig.redis.scard("workflows:active") == 0


async def test_an_invalid_definition_leaves_no_key(rig: Rig) -> None:
    with pytest.raises(DefinitionInvalid):
        await rig.submit(node("A", after=["A"]))

    assert await rig.dump() == {}


async def test_one_key_makes_one_execution(rig: Rig) -> None:
    document, key = workflow(node("A")), Idempotency.named("key", route="/workflow", body=b"1")

    first, *others = await asyncio.gather(
        *(rig.engine.executions.submit(document, trigger=True, idempotency=key) for _ in range(8))
    )

    assert {each.execution_id for each in others} == {first.execution_id}
    assert [first.replayed, *(each.replayed for each in others)].count(False) == 1
    assert await rig.redis.xlen("workflow:tasks") == 1
    assert await rig.redis.pttl((await rig.redis.keys("idem:*"))[0]) > 86_000_000


async def test_a_key_used_for_another_request_is_refused(rig: Rig) -> None:
    document = workflow(node("A"))
    await rig.engine.executions.submit(
        document, idempotency=Idempotency.named("key", route="/workflow", body=b"1")
    )
    before = await rig.dump()

    with pytest.raises(IdempotencyConflict):
        await rig.engine.executions.submit(
            document, idempotency=Idempotency.named("key", route="/workflow", body=b"2")
        )

    assert await rig.dump() == before


async def test_a_key_belongs_to_its_route(rig: Rig) -> None:
    document = workflow(node("A"))
    one = await rig.engine.executions.submit(
        document, idempotency=Idempotency.named("key", route="/workflow", body=b"1")
    )

    other = await rig.engine.executions.submit(
        document, idempotency=Idempotency.named("key", route="/v1/executions", body=b"1")
    )

    assert other.execution_id != one.execution_id


async def test_a_large_submission_cannot_be_seen_before_it_is_whole(rig: Rig) -> None:
    layout = lay_out(compiled(LARGE))
    await StaticLayouts(rig.transitions).write("default", layout)
    for part in layout.staged:
        await rig.transitions.stage_execution("x1", part)

    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.status("x1")
    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.trigger("x1")
    listed_before = (await rig.engine.executions.list()).items
    await rig.transitions.create_execution("x1", orjson.dumps(LARGE), layout.last)

    view = await rig.engine.executions.get("x1")
    assert listed_before == []
    assert (view.execution.status, len(view.nodes)) == (ExecutionStatus.PENDING, 10_000)
    assert await rig.redis.zcard("workflows:staging") == 0


async def test_every_slice_of_a_submission_is_small(rig: Rig) -> None:
    layout = lay_out(compiled(LARGE))

    assert max(len(part.node_ids) for part in (*layout.staged, layout.last)) <= 200
    assert max(len(part.fields) for part in (*layout.staged, layout.last)) <= 4_000
    assert max(len(part) for part in layout.statics) <= 2_000


@pytest.mark.parametrize("parts", [1, 3])
async def test_an_abandoned_submission_is_purged_after_ten_minutes_without_a_trace(
    rig: Rig, parts: int
) -> None:
    layout = lay_out(compiled(LARGE))
    await StaticLayouts(rig.transitions).write("default", layout)
    for part in layout.staged[:parts]:
        await rig.transitions.stage_execution("x1", part)
    sweep = Sweep(rig.store, rig.transitions)

    rig.transitions.now_ms = rig.now_ms + STAGING_AGE_MS - 1
    await sweep.run_once(rig.now_ms)
    kept = await rig.redis.dbsize()
    rig.transitions.now_ms = rig.now_ms + 1
    await sweep.run_once(rig.now_ms)

    assert kept > 200 * parts
    assert await rig.dump() == {}


async def test_a_submission_that_became_visible_is_never_purged(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{i}") for i in range(500)), trigger=False)
    # As if the entry had been written again by a slice that arrived late.
    await rig.redis.zadd("workflows:staging", {execution_id: 0})
    nodes = await rig.nodes(execution_id)

    word, more = await rig.transitions.purge_staging(execution_id, age_ms=STAGING_AGE_MS)

    assert (word, more) == ("kept", False)
    assert await rig.nodes(execution_id) == nodes


async def test_a_submission_that_was_given_up_meanwhile_is_not_made_of_its_last_slice(rig: Rig) -> None:
    document = workflow(*(node(f"n{i}") for i in range(1_000)))
    layout = lay_out(compiled(document))
    for part in layout.staged:
        await rig.transitions.stage_execution("x1", part)
    rig.transitions.now_ms = rig.now_ms + STAGING_AGE_MS
    await rig.transitions.purge_staging("x1", age_ms=STAGING_AGE_MS)
    while (await rig.transitions.purge_keys("x1"))[1]:
        pass

    word, *_ = await rig.transitions.create_execution("x1", orjson.dumps(document), layout.last)

    assert word == "lost"
    assert await rig.dump() == {}
