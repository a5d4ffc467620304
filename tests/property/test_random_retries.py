"""Retries of chosen nodes of random executions: what stays and what runs come to what the whole would."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from orchestrator.states import ExecutionStatus, NodeStatus
from tests.dags import ScriptedDag, scripted_dags
from tests.examples import examples
from tests.interpreter import Ends, interpret
from tests.makers import Rig
from tests.property.plays import play, rig_on


@pytest.fixture
async def rig(redis: Redis) -> Rig:
    return await rig_on(redis)


async def ends_of(rig: Rig, execution_id: str) -> Ends:
    view = await rig.engine.executions.get(execution_id)
    return {state.node_id: (str(state.status), state.reason) for state in view.nodes}


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(dag=scripted_dags(max_nodes=25), seed=st.integers(0, 2**32))
async def test_a_retry_of_nodes_ends_as_the_whole_would(rig: Rig, dag: ScriptedDag, seed: int) -> None:
    """Other outcomes of the named nodes, the same of all others: as if they had come at the first time."""
    await rig.redis.flushdb()
    engine, dice = rig.engine, Random(seed)
    execution_id = (await engine.executions.submit(dag.document, trigger=True)).execution_id
    await play(rig, dag, execution_id, dice)
    assume(await engine.executions.status(execution_id) is ExecutionStatus.FAILED)
    before = await ends_of(rig, execution_id)
    failed = [node_id for node_id, (status, _) in before.items() if status == NodeStatus.FAILED]
    named = dice.sample(failed, dice.randint(1, len(failed)))
    again = ScriptedDag(
        dag.document,
        dag.outcomes | {node_id: dice.choice(("ok", "ok", "skip", "fail")) for node_id in named},
    )

    preview = await engine.executions.retry(execution_id, nodes=named, preview=True)
    done = await engine.executions.retry(execution_id, nodes=named)
    repairs = await rig.repairs(execution_id)
    ran = await play(rig, again, execution_id, dice)

    ends, status = interpret(again.document, again.outcome)
    assert await ends_of(rig, execution_id) == ends
    assert await engine.executions.status(execution_id) == status
    assert (preview.nodes, repairs) == (done.nodes, [])
    assert set(ran) <= set(preview.nodes or ())
    assert len(ran) == len(set(ran))
    outputs = await engine.executions.results(execution_id)
    for node_id, (word, _) in ends.items():
        assert (outputs[node_id] is not None) >= (word == "COMPLETED"), node_id
        assert (outputs[node_id] is None) or word in ("COMPLETED", "FAILED"), node_id
