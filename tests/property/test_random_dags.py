"""The real scripts against two oracles: the independent interpreter, and the planner watching them.

Each random DAG is run many times at once on one Redis, its executions interleaved, each with its own order of
claims and completions. All must end as the semantics say, and the planner must never find anything to repair.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import orjson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from orchestrator.definition import Definition
from orchestrator.executor import repairs_for
from orchestrator.layout import lay_out
from orchestrator.replies import Claim
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from orchestrator.store import Store
from orchestrator.transitions import Call, Holding, Transitions
from tests.dags import Outcome, ScriptedDag, compiled, scripted_dags
from tests.interpreter import interpret
from tests.simulation import simulate

ORDERS = 20
GROUP = "workflow_group"
ERROR = orjson.dumps({"type": "HandlerError", "message": "scripted", "retryable": False})


@dataclass
class Run:
    """One execution under way, driven in its own order."""

    execution_id: str
    order: Random
    #: Tasks read from the stream and not yet claimed: (message id, node id, attempt).
    tasks: list[tuple[str, str, int]] = field(default_factory=list)
    running: list[Holding] = field(default_factory=list)

    def next_call(
        self, transitions: Transitions, definition: Definition, outcomes: dict[str, Outcome]
    ) -> Call[Any] | None:
        """Claim a task or end a running node, at random; None when there is nothing to do."""
        if self.tasks and (not self.running or self.order.random() < 0.5):
            message_id, node_id, attempt = self.tasks.pop(self.order.randrange(len(self.tasks)))
            holding = Holding(self.execution_id, node_id, attempt, uuid4().hex)
            self.running.append(holding)
            return transitions.claim_node(
                holding, message_id=message_id, queue="default", worker_id="w1", lease_ms=60_000
            )
        if not self.running:
            return None
        holding = self.running.pop(self.order.randrange(len(self.running)))
        outcome = outcomes[holding.node_id]
        if outcome == "fail":
            return transitions.fail_node(holding, ERROR, reason=Reason.ERROR, is_dead=False)
        if outcome == "skip":
            has_when = definition.node(holding.node_id).when is not None
            reason = Reason.CONDITION_FALSE if has_when else Reason.HANDLER_SKIPPED
            return transitions.skip_node(holding, reason=reason, data=b"{}")
        not_taken = () if isinstance(outcome, str) else outcome[1]
        return transitions.complete_node(holding, b'{"status":"ok"}', not_taken=not_taken)


async def start_runs(
    transitions: Transitions, dag: ScriptedDag, definition: Definition, seed: int
) -> dict[str, Run]:
    """Submit and start one execution for each order."""
    layout = lay_out(definition)
    runs = {run.execution_id: run for run in (Run(str(uuid4()), Random(seed + i)) for i in range(ORDERS))}
    for execution_id in runs:
        for part in layout.staged:
            await transitions.stage_execution(execution_id, part)
    body = orjson.dumps(dag.document)
    replies = await transitions.together(
        [transitions.create_execution(each, body, layout.last, is_started=True) for each in runs]
    )
    assert [reply[0] for reply in replies] == ["ok"] * ORDERS
    return runs


async def read_tasks(redis: Redis, runs: dict[str, Run]) -> None:
    """Deliver what the scripts have put on the task stream since."""
    answer: Any = await redis.xreadgroup(GROUP, "w1", {"workflow:tasks": ">"}, count=10_000)
    for _, entries in answer or ():
        for message_id, task in entries:
            run = runs[task[b"execution_id"].decode()]
            run.tasks.append((message_id.decode(), task[b"node_id"].decode(), int(task[b"attempt"])))


async def drive(
    redis: Redis, store: Store, transitions: Transitions, dag: ScriptedDag, seed: int
) -> dict[str, Run]:
    """Run every order to its end, one call of each in turn, while the planner watches one of them."""
    await redis.flushdb()
    await redis.xgroup_create("workflow:tasks", GROUP, id="0", mkstream=True)
    definition = compiled(dag.document)
    runs = await start_runs(transitions, dag, definition, seed)
    watched = Random(seed)
    while True:
        await read_tasks(redis, runs)
        calls = [run.next_call(transitions, definition, dag.outcomes) for run in runs.values()]
        if not any(calls):
            return runs
        for answer in await transitions.together([call for call in calls if call]):
            assert isinstance(answer, Claim) or (answer.word, answer.more) == ("ok", False), answer
        sight = await store.sight(watched.choice(list(runs)))
        assert sight is not None
        assert repairs_for(sight) == []


async def assert_history_is_sound(store: Store, execution_id: str, definition: Definition) -> None:
    """Event numbers are dense, each node ends once, and the last event is the execution's end."""
    events = await store.events(execution_id, after=0, limit=10_000)
    ended = [e.node_id for e in events if e.type in ("node.completed", "node.failed", "node.skipped")]

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert sorted(map(str, ended)) == sorted(node.id for node in definition.nodes)
    assert events[-1].type in ("execution.completed", "execution.failed")


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(dag=scripted_dags(max_nodes=60), seed=st.integers(0, 2**32))
async def test_every_order_of_completion_ends_as_the_semantics_say(
    redis: Redis, transitions: Transitions, dag: ScriptedDag, seed: int
) -> None:
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
    assert await redis.xlen("workflow:tasks") == 0
    assert await redis.zcard("workflows:leases") == await redis.zcard("workflows:timers") == 0
    assert await redis.scard("workflows:active") == 0


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(dag=scripted_dags(max_nodes=30), seed=st.integers(0, 2**32), steps=st.integers(0, 30))
async def test_a_cancel_at_any_moment_ends_cancelled_with_nothing_left_behind(
    redis: Redis, transitions: Transitions, dag: ScriptedDag, seed: int, steps: int
) -> None:
    store, definition = Store(redis), compiled(dag.document)
    await redis.flushdb()
    await redis.xgroup_create("workflow:tasks", GROUP, id="0", mkstream=True)
    runs = await start_runs(transitions, dag, definition, seed)
    for _ in range(steps):
        await read_tasks(redis, runs)
        calls = [run.next_call(transitions, definition, dag.outcomes) for run in runs.values()]
        await transitions.together([call for call in calls if call])
    before = {each: await store.status(each) for each in runs}

    for execution_id in runs:
        await transitions.cancel_execution(execution_id, reason='"test"', grace_ms=0, request_id="r1")

    for execution_id, status in before.items():
        expected = ExecutionStatus.CANCELLED if status == ExecutionStatus.RUNNING else status
        states = await store.nodes(execution_id, [node.id for node in definition.nodes])
        assert await store.status(execution_id) == expected
        assert all(NodeStatus(state.status).is_terminal for state in states.values())
    assert await redis.xlen("workflow:tasks") == 0
    assert await redis.zcard("workflows:leases") == await redis.zcard("workflows:timers") == 0
