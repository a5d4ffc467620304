"""Random families on the real scripts, ended in any order: the same ends, outputs and children every time.

A second round allows each script only a few nodes, so that nearly every turn is saved and continued later.
"""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

import workers.handlers  # noqa: F401  registers what conditions are
from orchestrator.definitions.definition import OUTPUT
from orchestrator.executor import execute_workflow
from orchestrator.states import ExecutionStatus
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions
from tests.dags import ScriptedDag
from tests.examples import examples
from tests.families import documents_by_input, families
from tests.interpreting_families import Family, interpret_family
from tests.property.family_orders import FamilyRun
from tests.property.orders import allow_per_call

#: Orders in which each family is run.
ORDERS = 2


@pytest.fixture
def store(redis: Redis) -> Store:
    """One for all examples: each keeps connections."""
    return Store(redis)


PROPERTY = settings(
    max_examples=examples(6),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.mark.parametrize("budget", [500, 3])
@PROPERTY
@given(dag=families(), seed=st.integers(0, 2**32), by_input=st.booleans())
async def test_every_order_ends_a_family_as_the_semantics_say(
    redis: Redis,
    store: Store,
    transitions: Transitions,
    dag: ScriptedDag,
    seed: int,
    by_input: bool,
    budget: int,
) -> None:
    await allow_per_call(transitions, budget)
    family = interpret_family(dag)
    document, inputs = documents_by_input(dag.document) if by_input else (dag.document, {})
    for number in range(ORDERS):
        await redis.flushdb()
        transitions.now_ms = await store.now_ms()
        order = Random(seed + number)
        run = FamilyRun(redis, store, transitions, script=dag, order=order)
        await run.start(document, inputs)

        while await run.step():
            assert order.random() > 0.1 or await run.repairs() == []

        await run.meet_all()
        await assert_ended(store, run, family)
        await assert_one_child_for_each_unit(store, run, family)
        await assert_nothing_is_left(redis)


@settings(PROPERTY, max_examples=examples(8))
@given(
    dag=families(),
    seed=st.integers(0, 2**32),
    steps=st.integers(0, 120),
    grace_ms=st.sampled_from((0, 5_000)),
)
async def test_a_cancel_at_any_moment_leaves_nothing_running_anywhere(
    redis: Redis,
    store: Store,
    transitions: Transitions,
    dag: ScriptedDag,
    seed: int,
    steps: int,
    grace_ms: int,
) -> None:
    await transitions.load()
    await redis.flushdb()
    order = Random(seed)
    transitions.now_ms = await store.now_ms()
    run = FamilyRun(redis, store, transitions, script=dag, order=order)
    await run.start(dag.document, {})
    for _ in range(steps):
        await run.step()
    before = await store.status(run.root)

    await transitions.cancel_execution(run.root, reason='"test"', grace_ms=grace_ms, request_id="r1")

    while await run.step():
        assert await run.repairs() == []
    is_cancelled = before == ExecutionStatus.RUNNING
    assert await store.status(run.root) == (ExecutionStatus.CANCELLED if is_cancelled else before)
    await run.meet_all()
    for execution_id in run.prefixes:
        assert ((await store.status(execution_id)) or ExecutionStatus.RUNNING).is_terminal
    await assert_nothing_is_left(redis)


async def damage(redis: Redis, run: FamilyRun, store: Store) -> list[str]:
    """Lose every task on the stream, and what is counted or marked of some executions; gives all that run."""
    await redis.xtrim("workflow:tasks", maxlen=0, approximate=False)
    members: Any = await redis.smembers("workflows:active")
    under_way = sorted(member.decode() for member in members)
    for execution_id in under_way:
        if run.order.random() < 0.5 or await redis.exists(store.keys.worklist(execution_id)):
            continue
        runtime = store.keys.runtime(execution_id)
        await redis.hset(runtime, mapping={"left": run.order.randrange(100)})
        await redis.srem("workflows:active", execution_id)
        fields: Any = await redis.hgetall(runtime)
        # A back-off cannot be told from a delay without its word; a unit that has a child can.
        marks = [
            name for name, word in fields.items() if name.startswith(b"waiting_on|") and word == b"child"
        ]
        if lost := [mark for mark in marks if run.order.random() < 0.5]:
            await redis.hdel(runtime, *lost)
    return under_way


@settings(PROPERTY, max_examples=examples(4))
@given(dag=families(), seed=st.integers(0, 2**32))
async def test_after_lost_tasks_and_marks_the_repairer_restores_a_family(
    redis: Redis,
    store: Store,
    transitions: Transitions,
    dag: ScriptedDag,
    seed: int,
) -> None:
    await transitions.load()
    await redis.flushdb()
    order, family = Random(seed), interpret_family(dag)
    transitions.now_ms = await store.now_ms()
    run = FamilyRun(redis, store, transitions, script=dag, order=order)
    await run.start(dag.document, {})

    while await run.step():
        if order.random() < 0.1:
            under_way = await damage(redis, run, store)
            # As the sweep does, again and again: one may wake another.
            for execution_id in [*under_way, *under_way]:
                await execute_workflow(store, transitions, execution_id)

    await run.meet_all()
    await assert_ended(store, run, family)
    await assert_one_child_for_each_unit(store, run, family)
    await assert_nothing_is_left(redis)


async def assert_ended(store: Store, run: FamilyRun, family: Family) -> None:
    """Every execution and node is where the interpreter says; what depends on the order has ended somehow."""
    for execution_id, prefix in run.prefixes.items():
        execution = await store.execution(execution_id)
        assert execution is not None
        definition = await store.definition(execution_id, execution.version)
        node_ids = [node.id for node in definition.nodes]
        states = await store.nodes(execution_id, node_ids)
        assert execution.status.is_terminal
        assert all(state.status.is_terminal for state in states.values())
        if family.is_open_ended(prefix):
            continue
        assert execution.status == family.statuses[prefix]
        found = {prefix + i: (str(state.status), state.reason) for i, state in states.items()}
        assert found == {name: family.ends[name] for name in found}
        for node_id, raw in (await store.outputs(execution_id, node_ids)).items():
            assert parsed(raw) == family.outputs.get(prefix + node_id), prefix + node_id
        assert parsed(await store.output(execution_id, OUTPUT)) == family.finals.get(prefix)


async def assert_one_child_for_each_unit(store: Store, run: FamilyRun, family: Family) -> None:
    """Each unit that has run has one child, also after it was tried again, and there is no other."""
    listed: list[str] = []
    for execution_id, prefix in run.prefixes.items():
        rows = await store.children(execution_id)
        units = [f"{prefix}{unit}/" for _, unit in rows]
        listed += [child_id for child_id, _ in rows]
        assert len(units) == len(set(units))
        assert [run.prefixes[child_id] for child_id, _ in rows] == units
    assert sorted(listed) == sorted(set(run.prefixes) - {run.root})
    sure = {prefix for prefix in run.prefixes.values() if not family.is_open_ended(prefix)}
    assert sure == {prefix for prefix in family.statuses if not family.is_open_ended(prefix)}


async def assert_nothing_is_left(redis: Redis) -> None:
    """No task, lease, timer or active mark outlives the executions."""
    assert await redis.xlen("workflow:tasks") == 0
    assert await redis.zcard("workflows:leases") == 0
    assert await redis.zcard("workflows:timers") == 0
    assert await redis.scard("workflows:active") == 0


def parsed(raw: bytes | None) -> Any:
    return None if raw is None else orjson.loads(raw)
