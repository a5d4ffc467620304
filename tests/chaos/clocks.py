"""Schedules under stress: one whose executions run beside each other, and one whose slots give way."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.errors import ScheduleNameTaken
from tests.chaos.history import Clock
from tests.chaos.tenancy import register
from tests.chaos.workload import work
from tests.dags import workflow

if TYPE_CHECKING:
    from tests.chaos.client import Client

EVERY_MS = 1_000
#: How long schedules have to catch up once the strikes are over.
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class ClockPlan:
    """One schedule of the load: name, whose it is, what it starts, and whether slots give way."""

    name: str
    tenant: str
    overlaps: bool
    document: dict[str, Any]

    @property
    def given(self) -> dict[str, Any]:
        """The schedule as it is sent: however late an orchestrator comes, no slot is let go."""
        policy = "allow_all" if self.overlaps else "skip"
        return {"every": f"{EVERY_MS}ms", "overlap_policy": policy, "catchup_policy": "all"}


def clock_plans(dice: Random) -> tuple[ClockPlan, ...]:
    """What the schedules are: the executions of the second one take longer than from slot to slot."""
    tick = workflow(work("tick", dice, config={"work_ms": 20}), name="clock")
    slow = [work(name, dice, config={"work_ms": 700}) for name in ("one", "two")]
    slow[1]["dependencies"] = ["one"]
    return (
        ClockPlan("clock", "default", True, tick),
        ClockPlan("turns", "other", False, workflow(*slow, name="turns")),
    )


class Clocks:
    """The schedules of one run."""

    def __init__(self, client: Client, plans: tuple[ClockPlan, ...]) -> None:
        self._client = client
        self._plans = plans
        #: Ids of their workflows.
        self.workflow_ids: dict[str, str] = {}

    async def start(self) -> None:
        """Register the workflows, and a schedule of each."""
        for plan in self._plans:
            self.workflow_ids[plan.name] = await register(self._client, plan.tenant, plan.name, plan.document)
            await self._client.until_answered(lambda plan=plan: self._create(plan))

    async def _create(self, plan: ClockPlan) -> None:
        try:
            schedules = self._client.engine.of(plan.tenant).schedules
            await schedules.create(plan.name, plan.given, name=plan.name)
        except ScheduleNameTaken:
            pass  # It was carried out, and the answer was lost.

    async def stop(self) -> tuple[Clock, ...]:
        """Wait until each has dealt with what is due, then pause it; gives what their records say."""
        return tuple([await self._stop(plan) for plan in self._plans])

    async def _stop(self, plan: ClockPlan) -> Clock:
        schedules = self._client.engine.of(plan.tenant).schedules
        deadline_s = time.monotonic() + PATIENCE_S
        while not await self._is_up_to_date(before := await self._read(plan)):
            assert time.monotonic() < deadline_s, f"schedule {plan.name} is late: {before}"
            await asyncio.sleep(0.05)
        await self._client.until_answered(lambda: schedules.pause(plan.name))
        after = await self._read(plan)
        assert before.next_ms is not None
        return Clock(
            name=plan.name,
            workflow_id=before.workflow_id,
            every_ms=EVERY_MS,
            overlaps=plan.overlaps,
            created_ms=before.created_ms,
            until_ms=before.next_ms,
            runs_until=before.runs,
            skipped=before.skipped,
            missed=before.missed,
            failed=before.failed,
            runs=after.runs,
        )

    async def _read(self, plan: ClockPlan) -> ScheduleRecord:
        schedules = self._client.engine.of(plan.tenant).schedules
        found: ScheduleRecord = await self._client.until_answered(lambda: schedules.get(plan.name))
        return found

    async def _is_up_to_date(self, record: ScheduleRecord) -> bool:
        now_ms: int = await self._client.until_answered(self._client.engine.store.now_ms)
        return record.next_ms is not None and record.next_ms > now_ms
