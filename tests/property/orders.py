"""Runs one definition many times at once on one Redis, each execution in its own order of claims and ends."""

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import orjson
from redis.asyncio import Redis

from orchestrator.definitions.branches import taker_of
from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.maps import tolerated
from orchestrator.states import Reason
from orchestrator.store.items import Items
from orchestrator.store.layout import lay_out
from orchestrator.store.library import compose, sources
from orchestrator.store.reader import Store
from orchestrator.store.repair_words import repair_words
from orchestrator.store.replies import Claim
from orchestrator.store.requests import AttemptToken
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from orchestrator.units import index_of, node_of
from tests.dags import Outcome, ScriptedDag, compiled
from tests.interpreter import nodes_of
from workers.outcome import Failed
from workers.runtime.map_items import gather

ORDERS = 12
GROUP = "workflow_group"
#: What a call is told whose node was cancelled meanwhile.
REFUSALS = {"stale", "fenced", "cancelling"}
ERROR = orjson.dumps({"type": "HandlerError", "message": "scripted", "retryable": False})


@dataclass
class Run:
    """One execution under way, driven in its own order."""

    execution_id: str
    order: Random
    #: Tasks read from the stream and not yet claimed: (message id, node id, attempt).
    tasks: list[tuple[str, str, int]] = field(default_factory=list)
    running: list[AttemptToken] = field(default_factory=list)
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
            token = AttemptToken(self.execution_id, node_id, attempt, uuid4().hex)
            self.running.append(token)
            return transitions.claim_node(
                token, message_id=message_id, queue="default", worker_id="w1", lease_ms=60_000
            )
        if not self.running:
            return None
        token = self.running.pop(self.order.randrange(len(self.running)))
        node_id, index = node_of(token.node_id), index_of(token.node_id)
        outcome = outcomes[node_id]
        if not isinstance(outcome, str) and outcome[0] == "items":
            if index is None:
                return await self._mapped(transitions, token, definition.node(node_id), len(outcome[1]))
            outcome = outcome[1][index]
        if outcome == "fail":
            return _failing(transitions, token, definition.node(node_id))
        if outcome == "skip":
            is_unwanted = index is None and definition.node(node_id).when is not None
            reason = Reason.CONDITION_FALSE if is_unwanted else Reason.HANDLER_SKIPPED
            return transitions.skip_node(token, reason=reason, data=b"{}")
        not_taken = () if isinstance(outcome, str) else outcome[1]
        return transitions.complete_node(token, output_of(token.node_id), not_taken=not_taken)

    async def _mapped(
        self, transitions: Transitions, token: AttemptToken, node: Node, total: int
    ) -> Call[Any] | None:
        """List a mapped node's items or, when they have ended, end it as a worker does."""
        resume = self.resumed.pop(token.node_id, b"")
        assert node.map is not None
        spec = node.map.to_dict()
        if not resume and total:
            values = [b"%d" % index for index in range(total)]
            return transitions.map_node(token, values, tolerated=tolerated(spec, total), stops=spec["stops"])
        if not resume:
            return transitions.complete_node(token, b"[]")
        items = Items(transitions._redis, transitions.keys)
        found = await gather(items, claim_of(token), {"map": spec}, orjson.loads(resume), max_bytes=1_000_000)
        if isinstance(found, Failed):
            return _failing(transitions, token, node)
        return transitions.complete_node(token, orjson.dumps(found.output))


def _failing(transitions: Transitions, token: AttemptToken, node: Node) -> Call[Any]:
    taker = taker_of(node.catch, "HandlerError")
    return transitions.fail_node(token, ERROR, reason=Reason.ERROR, is_dead=False, taker=taker)


def output_of(unit: str) -> bytes:
    """Tell every output from every other."""
    return orjson.dumps({"of": unit})


def claim_of(token: AttemptToken) -> Claim:
    """Give of a claim what making a map's end of its items asks for."""
    return Claim(
        token.execution_id, token.node_id, token.attempt, token.nonce, tries=1, crashes=0,
        message_id="", queued_ms=0, spec=b"{}", inputs=b"", resume=b"", value=b"", references=(),
    )  # fmt: skip


async def allow_per_call(transitions: Transitions, budget: int) -> None:
    """Let one script touch about `budget` nodes before it saves the rest; the same goes for items."""
    files = sources()
    settle = files["include/settle"].replace("local BUDGET = 160\n", f"local BUDGET = {budget}\n")
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
    replies = await transitions.call_all(
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
    for execution_id, answer in zip(made, await transitions.call_all(list(made.values())), strict=True):
        if isinstance(answer, Claim):
            words.add("ok")
            if answer.resume:
                runs[execution_id].resumed[answer.node_id] = answer.resume
        elif isinstance(answer, str):
            words.add(answer)
        else:
            word, more = answer[:2]
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
        sight = await store.read_for_repair(watched.choice(list(runs)))
        assert sight is not None
        assert repair_words(sight) == []
