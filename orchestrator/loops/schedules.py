"""Starts what schedules are due for: each slot once, by whichever orchestrator comes first."""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import uuid4

from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.definitions.schedule_turns import turn_of
from orchestrator.errors import HeadraceError, StoreFull, StoreUnavailable, WorkflowNotFound
from orchestrator.operations.origin import Origin, starter_label, workflow_origin
from orchestrator.operations.registered import Registered
from orchestrator.operations.schedule_rules import slot_trigger
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.operations.submissions import Compiled, mint_execution_id, sorted_json
from orchestrator.store.reader import Store
from orchestrator.store.requests import Slot
from orchestrator.store.script_client import STORE_OUTAGES
from orchestrator.store.static_layouts import StaticLayouts
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.schedules")

#: Schedules looked at in one run, and steps that one of them takes at most; the rest is due at the next.
LIMIT = 200
MOST_STEPS = 20
#: How long a schedule that is damaged stands back behind all others.
PUT_OFF_MS = 60_000
#: Schedules whose checked inputs are remembered.
MOST_CHECKED = 1_000
#: Until one whose workflow is paused is looked at again for what waits.
ASLEEP_MS = 1_000


class Schedules:
    """Deals with the schedules that are due, those of all tenants."""

    def __init__(
        self, store: Store, transitions: Transitions, registered: Registered, checks: SchemaChecks
    ) -> None:
        self._store = store
        self._transitions = transitions
        self._registered = registered
        self._checks = checks
        self._layouts = StaticLayouts(transitions)
        #: Inputs as they are stored, by schedule, its revision and the version of its workflow.
        self._checked: dict[tuple[str, int, int], bytes | None] = {}

    async def run_once(self, now_ms: int, *, limit: int = LIMIT) -> int:
        """Take the steps that are due; returns how many executions were started.

        Each script compares the turn of its schedule, so any number of processes may run this at once.
        Raises StoreUnavailable, StoreFull: what is due stays due.
        """
        started = 0
        for tenant, schedule_id in await self._store.schedules.due(now_ms, limit):
            try:
                started += await self._take(tenant, schedule_id, now_ms)
            except (*STORE_OUTAGES, StoreUnavailable, StoreFull):
                raise
            except Exception:
                # One that cannot be dealt with must not keep all others from starting.
                log.exception("schedule.fault", extra={"tenant": tenant, "schedule_id": schedule_id})
                await self._store.schedules.put_off(tenant, schedule_id, now_ms + PUT_OFF_MS)
        return started

    async def _take(self, tenant: str, schedule_id: str, now_ms: int) -> int:
        """Take the steps of one schedule; returns how many executions were started."""
        started = 0
        for _ in range(MOST_STEPS):
            record = await self._store.schedules.record(tenant, schedule_id)
            workflow = await self._workflow(record)
            if record is None or workflow is None:
                await self._store.schedules.forget(tenant, schedule_id)
                return started
            word = await self._step(record, workflow, now_ms)
            started += word == "ok"
            if word == "idle":
                return started
        return started

    async def _step(self, record: ScheduleRecord, workflow: WorkflowRecord, now_ms: int) -> str:
        """Take one step; gives the word of its script, or `idle` where nothing more is to be done now."""
        live = await self._live(record)
        if not record.is_paused:
            if not workflow.is_active:
                return await self._sleep(record, now_ms)
            if record.buffer and live.isdisjoint(record.live):
                return await self.fire(record, workflow, _slot(record, "buffered", record.buffer[0]))
            if record.next_ms is not None and (
                turn := turn_of(record.spec, record.schedule_id, record.next_ms, now_ms)
            ):
                slot = _slot(
                    record,
                    "slot",
                    record.next_ms if turn.slot is None else turn.slot,
                    next_ms=turn.next_slot,
                    due_ms=turn.next_due_ms,
                    missed=turn.missed,
                )
                if turn.slot is None:
                    return await self._let_go(slot)
                return await self.fire(record, workflow, slot)
        backfill = record.backfill
        if (
            workflow.is_active
            and backfill is not None
            and backfill.next_ms is not None
            and len(live.intersection(backfill.live)) < backfill.most
        ):
            later = next(record.spec.unbounded_slots(backfill.next_ms), None)
            next_ms = None if later is None or later > backfill.end_ms else later
            slot = _slot(record, "backfill", backfill.next_ms, next_ms=next_ms)
            return await self.fire(record, workflow, slot)
        await self._transitions.tend_schedule(_slot(record, "", 0), call_id=uuid4().hex)
        if not workflow.is_active:
            await self._store.schedules.put_off(record.tenant, record.schedule_id, now_ms + ASLEEP_MS)
        return "idle"

    async def fire(self, record: ScheduleRecord, workflow: WorkflowRecord, slot: Slot) -> str:
        """Start the execution of a slot; one for which none can be made is let go, with the reason."""
        execution_id = mint_execution_id()
        try:
            compiled = await self._registered.compiled(workflow)
            inputs = await self._inputs(record, workflow, compiled)
            extra = _origin(record, workflow, slot).fields()
        except (StoreUnavailable, StoreFull):
            raise
        except HeadraceError as error:
            log.warning(
                "schedule.not_started",
                extra={"schedule_id": record.schedule_id, "tenant": record.tenant, "error": str(error)},
            )
            return await self._let_go(slot, error=str(error)[:500])
        if inputs is not None:
            extra += ["inputs", inputs]
        layout, tenant = compiled.layout, record.tenant
        await self._layouts.stage(execution_id, layout, tenant)
        word, found_id, more = await self._layouts.send(
            tenant,
            layout,
            layout.last,
            lambda last: self._transitions.fire_schedule(
                execution_id,
                slot,
                compiled.text,
                last,
                workflow_revision=workflow.revision,
                extra=extra,
            ),
        )
        if word == "ok":
            log.info(
                "schedule.started",
                extra={"schedule_id": record.schedule_id, "execution_id": found_id, "slot_ms": slot.slot_ms},
            )
            if more:
                await self._transitions.drain_worklist(execution_id)
        return str(word)

    async def _inputs(
        self, record: ScheduleRecord, workflow: WorkflowRecord, compiled: Compiled
    ) -> bytes | None:
        """Check the inputs of a schedule, once for a version of its workflow. Raises InputsInvalid."""
        key = (record.schedule_id, record.revision, workflow.version)
        if key not in self._checked:
            own = None if record.spec.inputs is None else dict(record.spec.inputs)
            values = await self._checks.inputs(compiled.definition.inputs_schema, own)
            if len(self._checked) >= MOST_CHECKED:
                del self._checked[next(iter(self._checked))]
            self._checked[key] = sorted_json(values) if values or own is not None else None
        return self._checked[key]

    async def _sleep(self, record: ScheduleRecord, now_ms: int) -> str:
        """Let the slots go that come while the workflow is paused; they are not missed."""
        if record.due_ms is None or record.due_ms > now_ms:
            await self._transitions.tend_schedule(_slot(record, "", 0), call_id=uuid4().hex)
            if record.backfill is not None and record.backfill.next_ms is not None:
                await self._store.schedules.put_off(record.tenant, record.schedule_id, now_ms + ASLEEP_MS)
            return "idle"
        later = record.spec.next_slot(now_ms)
        due_ms = None if later is None else record.spec.due_ms(record.schedule_id, later)
        return await self._let_go(_slot(record, "slot", 0, next_ms=later, due_ms=due_ms))

    async def _let_go(self, slot: Slot, *, error: str = "") -> str:
        word = await self._transitions.tend_schedule(slot, call_id=uuid4().hex, is_let_go=True, error=error)
        return "let_go" if word == "ok" else word

    async def _live(self, record: ScheduleRecord) -> set[str]:
        """Find those of its executions that have not ended."""
        ids = [*record.live, *(record.backfill.live if record.backfill else ())]
        statuses = await self._store.index.statuses(ids)
        return {execution_id for execution_id, status in statuses.items() if not status.is_terminal}

    async def _workflow(self, record: ScheduleRecord | None) -> WorkflowRecord | None:
        if record is None:
            return None
        try:
            return await self._registered.find(record.tenant, record.workflow_id)
        except WorkflowNotFound:
            return None


def _origin(record: ScheduleRecord, workflow: WorkflowRecord, slot: Slot) -> Origin:
    trigger = slot_trigger(record, slot.slot_ms)
    if slot.kind == "backfill" and record.backfill is not None:
        trigger["backfill_id"] = record.backfill.backfill_id
    starter = starter_label("schedule", record.schedule_id)
    return replace(workflow_origin(workflow), trigger=trigger, starter=starter)


def _slot(
    record: ScheduleRecord,
    kind: str,
    slot_ms: int,
    *,
    next_ms: int | None = None,
    due_ms: int | None = None,
    missed: int = 0,
) -> Slot:
    return Slot(record.tenant, record.schedule_id, record.turn, kind, slot_ms, next_ms, due_ms, missed)
