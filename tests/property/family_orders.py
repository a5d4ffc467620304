"""Runs a family on the real scripts with the workers' own pipeline, claims and ends in a random order."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import orjson
from redis.asyncio import Redis

from headrace import Completed, Skipped
from headrace.registration import HandlerSpec
from orchestrator.documents.limits import Limits
from orchestrator.errors import NodeError
from orchestrator.loops import timers
from orchestrator.operations.children import Children
from orchestrator.operations.submissions import Submissions
from orchestrator.store.reader import Store
from orchestrator.store.repair_words import repair_words
from orchestrator.store.replies import Claim, Delivery
from orchestrator.store.transitions import Transitions
from orchestrator.units import index_of, node_of
from tests.interpreter import Result, Scripted, nodes_of
from tests.interpreting_families import children_of
from tests.makers import FakeWorker
from tests.property.orders import REFUSALS
from workers.context import HandlerContext, NullSink, StopSignal, Toolbox
from workers.handlers import Catalogue
from workers.hosts.ends import GivenBack
from workers.outcome import Failed, Outcome
from workers.registry import find_handler
from workers.runtime.recording import end_call
from workers.runtime.runner import Result as Recorded
from workers.runtime.runner import Runner

Attempt = tuple[Claim, dict[str, Any], Recorded]


class FamilyRun:
    """One root execution with everything below it, driven to its end.

    Any task may be claimed next, any running attempt may end next, and a saved worklist may wait. Time
    stands still while anything can be done.
    """

    def __init__(
        self,
        redis: Redis,
        store: Store,
        transitions: Transitions,
        *,
        script: Scripted,
        order: Random,
    ) -> None:
        self.redis: Any = redis
        self.store, self.transitions, self.order = store, transitions, order
        catalogue, limits = Catalogue, Limits()
        self.submissions = Submissions(store, transitions, catalogue=catalogue, limits=limits)
        self.worker = FakeWorker(transitions, redis)
        self.runner = Runner(
            worker_id="w1",
            tools=Toolbox(),
            items=store.items,
            children=Children(store, transitions, catalogue=catalogue, limits=limits),
            find=self._find,
            clock=lambda: transitions.now_ms or 0,
        )
        self.tasks: list[Delivery] = []
        self.running: list[Attempt] = []
        #: By execution: what the names of its nodes begin with, and its script.
        self.prefixes: dict[str, str] = {}
        self.scripts: dict[str, Scripted] = {}
        self.root, self.root_script = "", script

    async def start(self, document: dict[str, Any], inputs: dict[str, Any]) -> None:
        compiled = await self.submissions.compile(document, None)
        submitted = await self.submissions.create(compiled, inputs=inputs, is_started=True)
        self.root = submitted.execution_id
        self.prefixes[self.root], self.scripts[self.root] = "", self.root_script

    async def step(self) -> bool:
        """Do one thing; False when nothing will ever happen again."""
        self.tasks += await self.worker.read(10_000)
        dice = self.order.random()
        if self.tasks and (not self.running or dice < 0.45):
            await self._claim(self.tasks.pop(self.order.randrange(len(self.tasks))))
        elif self.running and dice < 0.9:
            await self._end(self.running.pop(self.order.randrange(len(self.running))))
        elif await timers.run_once(self.store, self.transitions, self._now_ms, limit=1):
            pass
        elif not self.tasks and not self.running:
            return await self._move_clock()
        return True

    @property
    def _now_ms(self) -> int:
        assert self.transitions.now_ms is not None
        return self.transitions.now_ms

    async def _move_clock(self) -> bool:
        found = await self.redis.zrange(self.transitions.keys.shared("timers"), 0, 0, withscores=True)
        if not found:
            return False
        self.transitions.now_ms = max(self._now_ms, int(found[0][1]))
        return bool(await timers.run_once(self.store, self.transitions, self._now_ms, limit=1))

    async def _claim(self, task: Delivery) -> None:
        claim = await self.worker.claim(task)
        if not isinstance(claim, Claim):
            assert claim in REFUSALS, claim
            return
        await self._learn(claim.execution_id)
        spec = orjson.loads(claim.spec)
        result = await self.runner.run(claim, spec, NullSink(), StopSignal())
        assert not isinstance(result, GivenBack)
        self.running.append((claim, spec, result))

    async def _end(self, attempt: Attempt) -> None:
        claim, spec, result = attempt
        ended = await end_call(
            self.transitions, claim, spec, result, output_max_bytes=1_000_000, claiming=None
        )
        assert ended.word in REFUSALS | {"ok"}, ended

    async def meet_all(self) -> None:
        """Get to know the children of which no node has ever run as well."""
        met: set[str] = set()
        while found := [each for each in self.prefixes if each not in met]:
            for execution_id in found:
                met.add(execution_id)
                for entry in await self.redis.lrange(self.store.keys.children(execution_id), 0, -1):
                    await self._learn(entry.decode().split(" ")[0])

    async def _learn(self, execution_id: str) -> None:
        """Find out which unit an execution is the child of; its parent has run before."""
        if execution_id in self.prefixes:
            return
        execution = await self.store.execution(execution_id)
        assert execution is not None
        assert execution.parent is not None
        assert execution.parent_unit is not None
        unit, script = execution.parent_unit, self.scripts[execution.parent]
        node = next(node for node in nodes_of(script.document) if node["id"] == node_of(unit))
        children = {name: child for name, child, _ in children_of(node["id"], script.outcome(node))}
        self.prefixes[execution_id] = f"{self.prefixes[execution.parent]}{unit}/"
        self.scripts[execution_id] = children[unit]

    def _find(self, handler: str) -> HandlerSpec | None:
        """Give a handler that does as the script says; what chooses or has children is the real one."""
        real = find_handler(handler)
        assert real is not None

        async def play(config: Mapping[str, Any], context: HandlerContext) -> Any:
            script = self.scripts[context.execution_id]
            unit = context.node_id
            node = next(node for node in nodes_of(script.document) if node["id"] == node_of(unit))
            result, index = script.outcome(node), index_of(unit)
            if index is not None:
                result = result[1][index]
            if handler == "sub_workflow" or (not isinstance(result, str) and result[0] == "branch"):
                return await real(config, context)
            return outcome_of(result, self.prefixes[context.execution_id] + unit, context.try_number)

        return HandlerSpec(name=handler, function=play, is_async=True)

    async def repairs(self) -> list[str]:
        """What the repairer would do to one of the executions."""
        execution_id = self.order.choice(list(self.prefixes))
        sight = await self.store.read_for_repair(execution_id)
        assert sight is not None
        return repair_words(sight)


def outcome_of(result: Result, name: str, try_number: int) -> Outcome:
    """Do as a script says of one try."""
    tries = [result] if isinstance(result, str) else result[1][0]
    word = tries[min(try_number, len(tries)) - 1]
    if word == "skip":
        return Skipped("not today")
    if word == "ok":
        return Completed({"of": name})
    return Failed(NodeError("HandlerError" if word == "fail" else word, "scripted", True))
