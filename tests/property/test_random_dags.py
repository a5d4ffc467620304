"""The real scripts against two oracles: the independent interpreter, and the planner watching them.

Some nodes are mapped: their items end in any order too, and the node's output is made of theirs as
a worker does.

Each random DAG is run many times at once on one Redis, its executions interleaved, each with its own order of
claims and completions. All must end as the semantics say, and the planner must never find anything to repair.
A second round allows each script only a few nodes, so that nearly every turn is saved and continued later.
"""

from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from orchestrator.definitions.definition import Definition
from orchestrator.execution.counters import is_handled
from orchestrator.executor import execute_workflow
from orchestrator.redis_keys import Keys
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions
from tests.dags import ScriptedDag, compiled, scripted_dags
from tests.examples import examples
from tests.interpreter import Ends, interpret, nodes_of, output_of_items
from tests.property.orders import (
    ERROR,
    GROUP,
    REFUSALS,
    Run,
    allow_per_call,
    drive,
    output_of,
    read_tasks,
    start_runs,
    take_turns,
)
from tests.simulation import simulate

ENDED = {"ok": "COMPLETED", "fail": "FAILED", "skip": "SKIPPED"}


async def assert_history_is_sound(store: Store, execution_id: str, definition: Definition) -> None:
    """Event numbers are dense, each unit ends once, and the last event is the execution's end."""
    events = await store.events(execution_id, after=0, limit=10_000)
    ended = [e for e in events if e.type in ("node.completed", "node.failed", "node.skipped")]
    items = [(e.node_id, e.item) for e in ended if e.item is not None]

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert sorted(str(e.node_id) for e in ended if e.item is None) == sorted(n.id for n in definition.nodes)
    assert len(items) == len(set(items))
    assert events[-1].type in ("execution.completed", "execution.failed")


async def assert_maps_ended_whole(store: Store, execution_id: str, dag: ScriptedDag, ends: Ends) -> None:
    """A mapped node that completed put out what its items did; without `stop`, every item ended as scripted.

    What of a map is still started after too many failures depends on the order.
    """
    for node in nodes_of(dag.document):
        outcome = dag.outcomes[node["id"]]
        if isinstance(outcome, str) or outcome[0] != "items":
            continue
        items, has_run = list(outcome[1]), ends[node["id"]][0] in ("COMPLETED", "FAILED")
        found = [item.state for item in await store.items.page(execution_id, node["id"], 0, 1_000)]
        if has_run and (ends[node["id"]][0] == "COMPLETED" or node["map"]["on_item_failure"] == "continue"):
            assert [str(state.status) for state in found] == [ENDED[item] for item in items]
            assert {state.attempt for state in found} <= {1}
        if not has_run:
            assert found == []
        if ends[node["id"]][0] == "COMPLETED":
            outputs = [orjson.loads(output_of(f"{node['id']}[{i}]")) for i in range(len(items))]
            wanted = output_of_items(node, items, outputs, orjson.loads(ERROR))
            assert orjson.loads(await store.output(execution_id, node["id"]) or b"null") == wanted


async def assert_nothing_is_left(redis: Redis) -> None:
    """No task, lease, timer or active mark outlives the executions."""
    assert await redis.xlen("workflow:tasks") == 0
    assert await redis.zcard("workflows:leases") == 0
    assert await redis.zcard("workflows:timers") == 0
    assert await redis.scard("workflows:active") == 0


# Without shrinking, which takes minutes here; the planner's tests have it.
PROPERTY = settings(
    max_examples=examples(5),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.mark.parametrize("budget", [500, 3])
@PROPERTY
@given(dag=scripted_dags(max_nodes=60, with_maps=True), seed=st.integers(0, 2**32))
async def test_every_order_of_completion_ends_as_the_semantics_say(
    redis: Redis, transitions: Transitions, dag: ScriptedDag, seed: int, budget: int
) -> None:
    await allow_per_call(transitions, budget)
    store, definition = Store(redis), compiled(dag.document)
    ends, execution_status = interpret(dag.document, dag.outcome)
    planned_statuses, planned_reasons, planned_end = simulate(definition, dag.outcomes, Random(seed))

    runs = await drive(redis, store, transitions, dag, seed)

    for execution_id in runs:
        states = await store.nodes(execution_id, list(ends))
        assert {i: (str(s.status), s.reason) for i, s in states.items()} == ends
        assert {i: s.status for i, s in states.items()} == planned_statuses
        assert {i: s.reason for i, s in states.items()} == planned_reasons
        assert await store.status(execution_id) == execution_status == planned_end
        await assert_history_is_sound(store, execution_id, definition)
        await assert_maps_ended_whole(store, execution_id, dag, ends)
    await assert_nothing_is_left(redis)


@pytest.mark.parametrize("budget", [500, 3])
@PROPERTY
@given(dag=scripted_dags(max_nodes=40, with_maps=True), seed=st.integers(0, 2**32))
async def test_fail_fast_fails_the_execution_if_and_only_if_a_critical_node_failed(
    redis: Redis, transitions: Transitions, dag: ScriptedDag, seed: int, budget: int
) -> None:
    await allow_per_call(transitions, budget)
    dag.document["fail_fast"] = True
    store, definition = Store(redis), compiled(dag.document)

    runs = await drive(redis, store, transitions, dag, seed)

    for execution_id in runs:
        states = await store.nodes(execution_id, [node.id for node in definition.nodes])
        failed = any(
            states[n.id].status == NodeStatus.FAILED and not is_handled(n, states[n.id])
            for n in definition.nodes
            if n.critical
        )
        cancelled = any(state.status == NodeStatus.CANCELLED for state in states.values())
        expected = ExecutionStatus.FAILED if failed else ExecutionStatus.COMPLETED
        assert all(state.status.is_terminal for state in states.values())
        assert await store.status(execution_id) == expected
        assert failed or not cancelled
    await assert_nothing_is_left(redis)


async def damage(redis: Redis, runs: dict[str, Run], definition: Definition, order: Random) -> None:
    """Lose every task on the stream, and overwrite the totals and some counters of every execution."""
    await redis.xtrim("workflow:tasks", maxlen=0, approximate=False)
    for execution_id in runs:
        wrong: dict[str, int | str] = {"left": order.randrange(100), "failed": order.randrange(3)}
        for node in definition.nodes:
            if order.random() < 0.3:
                counted: Any = await redis.hget(Keys().runtime(execution_id), f"c|{node.id}")
                numbers = (counted or b"0 0 0 0 0").decode().split(" ")
                place = order.randrange(5)
                # The last of them says whether a branch was not taken.
                numbers[place] = str(order.randrange(5 if place < 4 else 2))
                wrong[f"c|{node.id}"] = " ".join(numbers)
        if await redis.exists(Keys().worklist(execution_id)):
            continue
        await redis.hset(Keys().runtime(execution_id), mapping=wrong)  # type: ignore[arg-type]
        for node in definition.nodes:
            if node.map and await redis.get(Keys().node(execution_id, node.id)) == b"WAITING":
                counts = {name: order.randrange(3) for name in ("live", "COMPLETED", "FAILED", "SKIPPED")}
                await redis.hset(Keys().items(execution_id, node.id), mapping=counts)  # type: ignore[arg-type]


@settings(PROPERTY, max_examples=examples(2))
@given(dag=scripted_dags(max_nodes=40, with_maps=True), seed=st.integers(0, 2**32))
async def test_after_lost_tasks_and_wrong_counters_a_look_by_the_repairer_restores_everything(
    redis: Redis, transitions: Transitions, dag: ScriptedDag, seed: int
) -> None:
    store, definition, order = Store(redis), compiled(dag.document), Random(seed)
    ends, execution_status = interpret(dag.document, dag.outcome)
    await redis.flushdb()
    await redis.xgroup_create("workflow:tasks", GROUP, id="0", mkstream=True)
    runs = await start_runs(transitions, dag, definition, seed)

    words = {"ok"}
    while words:
        if order.random() < 0.1:
            await damage(redis, runs, definition, order)
            for execution_id in runs:
                await execute_workflow(store, transitions, execution_id)
        await read_tasks(redis, runs)
        words = await take_turns(transitions, definition, dag, runs)
        assert words <= REFUSALS | {"ok"}

    for execution_id in runs:
        states = await store.nodes(execution_id, list(ends))
        assert {i: (str(s.status), s.reason) for i, s in states.items()} == ends
        assert await store.status(execution_id) == execution_status
    await assert_nothing_is_left(redis)


@PROPERTY
@given(dag=scripted_dags(max_nodes=40, with_maps=True), seed=st.integers(0, 2**32), steps=st.integers(0, 60))
async def test_a_cancel_at_any_moment_ends_cancelled_with_nothing_left_behind(
    redis: Redis, transitions: Transitions, dag: ScriptedDag, seed: int, steps: int
) -> None:
    store, definition = Store(redis), compiled(dag.document)
    await redis.flushdb()
    await redis.xgroup_create("workflow:tasks", GROUP, id="0", mkstream=True)
    runs = await start_runs(transitions, dag, definition, seed)
    for _ in range(steps):
        await read_tasks(redis, runs)
        await take_turns(transitions, definition, dag, runs)
    before = {each: await store.status(each) for each in runs}

    for execution_id in runs:
        await transitions.cancel_execution(execution_id, reason='"test"', grace_ms=0, request_id="r1")

    for execution_id, status in before.items():
        expected = ExecutionStatus.CANCELLED if status == ExecutionStatus.RUNNING else status
        states = await store.nodes(execution_id, [node.id for node in definition.nodes])
        assert await store.status(execution_id) == expected
        assert all(state.status.is_terminal for state in states.values())
    await assert_nothing_is_left(redis)
