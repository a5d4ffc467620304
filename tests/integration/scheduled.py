"""What the tests of schedules share: a workflow with schedules, on a clock that moves, and their loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.documents.json_schema import APART
from orchestrator.documents.times import parse_time_ms
from orchestrator.loops.schedules import Schedules
from orchestrator.operations.registered import Registered
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.store.replies import Claim
from orchestrator.store.transitions import Transitions
from tests.integration.registered_workflows import register
from tests.makers import Rig, held_by

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
#: When the clock begins.
NOON = parse_time_ms("2026-06-01T12:00:00Z")


def at(*times: str) -> list[str]:
    """Times of that day, as they are written."""
    return [f"2026-06-01T{time}.000Z" for time in times]


def loop_of(rig: Rig, transitions: Transitions | None = None) -> Schedules:
    """A loop as an orchestrator has it; several may run beside each other."""
    return Schedules(
        rig.store, transitions or rig.transitions, Registered(rig.store), SchemaChecks(effort=APART)
    )


@dataclass
class Clockwork:
    """A workflow with one schedule, and the orchestrator's loop, moved by hand."""

    rig: Rig
    loop: Schedules
    #: (scheduled time, execution id) of every start, in order.
    started: list[tuple[int, str]] = field(default_factory=list)

    async def add(self, workflow: str = "orders", *, name: str = "clock", **given: Any) -> ScheduleRecord:
        """Register the workflow where there is none, and give it a schedule."""
        if await self.rig.store.workflows.id_of("default", workflow) is None:
            await register(self.rig, workflow)
        return (await self.rig.engine.schedules.create(workflow, given, name=name)).record

    async def get(self, name: str = "clock") -> ScheduleRecord:
        return await self.rig.engine.schedules.get(name)

    async def run(self, ms: int = 0, *, step_ms: int | None = None) -> int:
        """Let time pass, all at once or in steps; gives how many executions were started."""
        before = len(await self.executions())
        left = ms
        while True:
            step = min(left, step_ms or left)
            self.rig.transitions.now_ms = self.rig.now_ms + step
            left -= step
            while await self.loop.run_once(self.rig.now_ms):
                pass
            if left <= 0:
                return len(await self.executions()) - before

    async def executions(self) -> list[str]:
        """Ids of all executions, the oldest first."""
        found: list[bytes] = await self.rig.redis.zrange("idx:executions:default", 0, -1)
        return [each.decode() for each in found]

    async def slots(self) -> list[str]:
        """Times for which executions were scheduled, in order."""
        found = []
        for execution_id in await self.executions():
            text = await self.rig.redis.hget(f"workflow:{execution_id}:runtime", "trigger")
            found.append(orjson.loads(text)["scheduled_time"])
        return sorted(found)

    async def end(self, *, failing: tuple[str, ...] = ()) -> int:
        """Run whatever is queued to its end; gives how many nodes that were."""
        worker, ran = self.rig.worker, 0
        while tasks := await worker.read(1_000):
            for task in tasks:
                claim = await worker.claim(task)
                assert isinstance(claim, Claim)
                token = held_by(claim)
                ended = await (worker.fail if task.node_id in failing else worker.complete)(token)
                assert ended.word == "ok"
                if ended.more:
                    await self.rig.drain_worklist(task.execution_id)
                ran += 1
        return ran
