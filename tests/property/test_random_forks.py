"""Forks of random executions: what is kept and what runs come together to what the source came to."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.dags import ScriptedDag, scripted_dags
from tests.examples import examples
from tests.makers import Rig
from tests.property.plays import play, rig_on


@pytest.fixture
async def rig(redis: Redis) -> Rig:
    return await rig_on(redis)


async def ends(rig: Rig, execution_id: str) -> dict[str, Any]:
    view = await rig.engine.executions.get(execution_id)
    outputs = await rig.engine.executions.results(execution_id)
    return {state.node_id: (state.status, state.reason, outputs[state.node_id]) for state in view.nodes}


async def check(rig: Rig, dag: ScriptedDag, seed: int, stop_after: int) -> None:
    await rig.redis.flushdb()
    engine = rig.engine
    dice = Random(seed)
    source_id = (await engine.executions.submit(dag.document, trigger=True)).execution_id
    await play(rig, dag, source_id, dice, stop_after)
    before = await rig.dump()
    from_node = dice.choice([*dag.outcomes, None])

    preview = await engine.executions.fork(source_id, from_node=from_node, preview=True)
    assert await rig.dump() == before
    if not (await engine.executions.status(source_id)).is_terminal:
        await engine.executions.cancel(source_id, grace_ms=0, request_id="1")
    forked = await engine.executions.fork(source_id, from_node=from_node)

    assert forked.execution_id is not None
    assert (forked.nodes, forked.reused, forked.skipped) == (preview.nodes, preview.reused, preview.skipped)
    assert sorted(forked.nodes + forked.reused + forked.skipped) == sorted(dag.outcomes)
    assert await rig.repairs(forked.execution_id) == []
    ran = await play(rig, dag, forked.execution_id, dice)
    assert set(ran) <= set(forked.nodes)
    assert len(ran) == len(set(ran))
    assert (await engine.executions.status(forked.execution_id)).is_terminal
    # The oracle: the same definition and outcomes, run whole.
    whole_id = (await engine.executions.replay(source_id)).execution_id
    ran_whole = await play(rig, dag, whole_id, dice)
    assert await ends(rig, forked.execution_id) == await ends(rig, whole_id)
    assert await engine.executions.status(forked.execution_id) is await engine.executions.status(whole_id)
    assert set(ran) == set(ran_whole) & set(forked.nodes)


PROFILE = settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@PROFILE
@given(dag=scripted_dags(max_nodes=25), seed=st.integers(0, 2**32))
async def test_a_fork_ends_as_the_whole_would(rig: Rig, dag: ScriptedDag, seed: int) -> None:
    await check(rig, dag, seed, 10_000)


@PROFILE
@given(dag=scripted_dags(max_nodes=25), seed=st.integers(0, 2**32), stop_after=st.integers(0, 12))
async def test_a_fork_of_what_was_cut_short_ends_as_the_whole_would(
    rig: Rig, dag: ScriptedDag, seed: int, stop_after: int
) -> None:
    await check(rig, dag, seed, stop_after)
