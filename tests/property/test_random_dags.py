"""The real scripts against two oracles: the independent interpreter, and the planner watching them.

Some nodes are mapped: their items end in any order too, and the node's output is made of theirs as a worker does.

Each random DAG is run many times at once on one Redis, its executions interleaved, each with its own order of
claims and completions. All must end as the semantics say, and the planner must never find anything to repair.
A second round allows each script only a few nodes, so that nearly every turn is saved and continued later.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from orchestrator.counters import is_handled
from orchestrator.courier import Call
from orchestrator.definition import Definition, Node
from orchestrator.executor import execute_workflow, repairs_for
from orchestrator.items import Items
from orchestrator.layout import lay_out
from orchestrator.mapping import index_of, node_of, tolerated
from orchestrator.redis_keys import Keys
from orchestrator.replies import Claim
from orchestrator.scripts import compose, sources
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from orchestrator.store import Store
from orchestrator.transitions import Holding, Transitions
from tests.dags import Outcome, ScriptedDag, compiled, scripted_dags
from tests.interpreter import Ends, interpret, nodes_of, output_of_items
from tests.simulation import simulate
from workers.mapping import gather
from workers.outcome import Failed

ORDERS = 20
GROUP = "workflow_group"
#: What a call is told whose node was cancelled meanwhile.
REFUSALS = {"stale", "fenced", "cancelling"}
ENDED = {"ok": "COMPLETED", "fail": "FAILED", "skip": "SKIPPED"}
ERROR = orjson.dumps({"type": "HandlerError", "message": "scripted", "retryable": False})


@dataclass
class Run:
    """One execution under way, driven in its own order."""

    execution_id: str
    order: Random
    #: Tasks read from the stream and not yet claimed: (message id, node id, attempt).
    tasks: list[tuple[str, str, int]] = field(default_factory=list)
    running: list[Holding] = field(default_factory=list)
    #: What the claims of mapped nodes were given, by unit.
    resumed: dict[str, bytes] = field(default_factory=dict)
    #: The execution has a saved worklist.
    is_listed: bool = False

    async def next_call(
        self, transitions: Transitions, definition: Definition, outcomes: dict[str, Outcome]
    ) -> Call[Any] | None:
        """Claim a task, end a running node or go on with a worklist, at random; None when nothing is left."""
        if self.is_listed and ((not self.tasks and not self.running) or self.order.random() < 0.3):
            return transitions.continue_execution(self.execution_id)
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
        node_id, index = node_of(holding.node_id), index_of(holding.node_id)
        outcome = outcomes[node_id]
        if not isinstance(outcome, str) and outcome[0] == "items":
            if index is None:
                return await self._mapped(transitions, holding, definition.node(node_id), len(outcome[1]))
            outcome = outcome[1][index]
        if outcome == "fail":
            return transitions.fail_node(holding, ERROR, reason=Reason.ERROR, is_dead=False)
        if outcome == "skip":
            is_unwanted = index is None and definition.node(node_id).when is not None
            reason = Reason.CONDITION_FALSE if is_unwanted else Reason.HANDLER_SKIPPED
            return transitions.skip_node(holding, reason=reason, data=b"{}")
        not_taken = () if isinstance(outcome, str) else outcome[1]
        return transitions.complete_node(holding, output_of(holding.node_id), not_taken=not_taken)

    async def _mapped(
        self, transitions: Transitions, holding: Holding, node: Node, total: int
    ) -> Call[Any] | None:
        """List a mapped node's items or, when they have ended, end it as a worker does."""
        resume = self.resumed.pop(holding.node_id, b"")
        assert node.map is not None
        spec = node.map.to_dict()
        if not resume and total:
            values = [b"%d" % index for index in range(total)]
            return transitions.map_node(
                holding, values, tolerated=tolerated(spec, total), stops=spec["stops"]
            )
        if not resume:
            return transitions.complete_node(holding, b"[]")
        items = Items(transitions.redis, transitions.keys)
        found = await gather(items, claim_of(holding), orjson.loads(resume), max_bytes=1_000_000)
        if isinstance(found, Failed):
            return transitions.fail_node(holding, ERROR, reason=Reason.ERROR, is_dead=False)
        return transitions.complete_node(holding, orjson.dumps(found.output))


def output_of(unit: str) -> bytes:
    """Tell every output from every other."""
    return orjson.dumps({"of": unit})


def claim_of(holding: Holding) -> Claim:
    """Give of a claim what making a map's end of its items asks for."""
    return Claim(
        holding.execution_id, holding.node_id, holding.attempt, holding.nonce, tries=1, crashes=0,
        message_id="", queued_ms=0, spec=b"{}", inputs=b"", resume=b"", references=(),
    )  # fmt: skip


async def allow_per_call(transitions: Transitions, budget: int) -> None:
    """Let one script touch about `budget` nodes before it saves the rest; the same goes for items."""
    files = sources()
    settle = files["include/settle"].replace("local BUDGET = 500\n", f"local BUDGET = {budget}\n")
    assert f"local BUDGET = {budget}\n" in settle
    turn = f"local ITEMS_IN_A_TURN = {min(budget, 100)}\n"
    items = files["include/items"].replace("local ITEMS_IN_A_TURN = 100\n", turn)
    assert turn in items
    files = {**files, "include/settle": settle, "include/items": items}
    transitions.library = compose(transitions.keys, files)
    await transitions.load()


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
    for run, reply in zip(runs.values(), replies, strict=True):
        assert reply[0] == "ok"
        run.is_listed = bool(reply[2])
    return runs


async def read_tasks(redis: Redis, runs: dict[str, Run]) -> None:
    """Deliver what the scripts have put on the task stream since."""
    answer: Any = await redis.xreadgroup(GROUP, "w1", {"workflow:tasks": ">"}, count=10_000)
    for _, entries in answer or ():
        for message_id, task in entries:
            run = runs[task[b"execution_id"].decode()]
            run.tasks.append((message_id.decode(), task[b"node_id"].decode(), int(task[b"attempt"])))


async def take_turns(
    transitions: Transitions, definition: Definition, dag: ScriptedDag, runs: dict[str, Run]
) -> set[str]:
    """Make one call for each run that has something to do; gives the words answered."""
    calls = {
        run.execution_id: await run.next_call(transitions, definition, dag.outcomes) for run in runs.values()
    }
    made = {execution_id: call for execution_id, call in calls.items() if call}
    words: set[str] = set()
    for execution_id, answer in zip(made, await transitions.together(list(made.values())), strict=True):
        if isinstance(answer, Claim):
            words.add("ok")
            if answer.resume:
                runs[execution_id].resumed[answer.node_id] = answer.resume
        elif isinstance(answer, str):
            words.add(answer)
        else:
            word, more = answer if isinstance(answer, tuple) else (answer.word, answer.more)
            words.add(word)
            # A refused call says nothing about the worklist.
            if word == "ok":
                runs[execution_id].is_listed = more
    return words


async def drive(
    redis: Redis, store: Store, transitions: Transitions, dag: ScriptedDag, seed: int
) -> dict[str, Run]:
    """Run every order to its end, one call of each in turn, while the planner watches one of them."""
    await redis.flushdb()
    await redis.xgroup_create("workflow:tasks", GROUP, id="0", mkstream=True)
    definition = compiled(dag.document)
    runs = await start_runs(transitions, dag, definition, seed)
    watched = Random(seed)
    may_be_refused = dag.document.get("fail_fast") or any(
        node.get("map", {}).get("on_item_failure") == "stop" for node in nodes_of(dag.document)
    )
    while True:
        await read_tasks(redis, runs)
        words = await take_turns(transitions, definition, dag, runs)
        if not words:
            return runs
        assert words <= (REFUSALS | {"ok"} if may_be_refused else {"ok"})
        sight = await store.sight(watched.choice(list(runs)))
        assert sight is not None
        assert repairs_for(sight) == []


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
            wanted = output_of_items(items, outputs, orjson.loads(ERROR))
            assert orjson.loads(await store.output(execution_id, node["id"]) or b"null") == wanted


async def assert_nothing_is_left(redis: Redis) -> None:
    """No task, lease, timer or active mark outlives the executions."""
    assert await redis.xlen("workflow:tasks") == 0
    assert await redis.zcard("workflows:leases") == 0
    assert await redis.zcard("workflows:timers") == 0
    assert await redis.scard("workflows:active") == 0


# Without shrinking, which takes minutes here; the planner's tests have it.
PROPERTY = settings(
    max_examples=20,
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
        wrong: dict[str, int] = {"left": order.randrange(100), "failed": order.randrange(3)}
        for node in definition.nodes:
            if order.random() < 0.3:
                wrong[f"{order.choice(('ok', 'bad', 'skip', 'gates'))}|{node.id}"] = order.randrange(5)
        if await redis.exists(Keys().worklist(execution_id)):
            continue
        await redis.hset(Keys().runtime(execution_id), mapping=wrong)  # type: ignore[arg-type]
        for node in definition.nodes:
            if node.map and await redis.get(Keys().node(execution_id, node.id)) == b"WAITING":
                counts = {name: order.randrange(3) for name in ("live", "COMPLETED", "FAILED", "SKIPPED")}
                await redis.hset(Keys().items(execution_id, node.id), mapping=counts)  # type: ignore[arg-type]


@settings(PROPERTY, max_examples=8)
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
