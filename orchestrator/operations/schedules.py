"""`engine.schedules`: add, change, list, preview, pause, trigger, backfill and remove schedules."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any
from uuid import uuid4

from orchestrator.definitions.registry import NAME_RULE, WorkflowRecord, is_name, name_of, name_with_id
from orchestrator.definitions.schedule_record import ScheduleRecord, is_schedule_id, schedule_id_of
from orchestrator.definitions.schedules import ScheduleSpec, given_fields
from orchestrator.errors import (
    BackfillUnderWay,
    IdempotencyConflict,
    PreconditionRequired,
    Problem,
    ProblemsFound,
    ScheduleChanged,
    ScheduleDeclared,
    ScheduleNameTaken,
    ScheduleNotFound,
    StoreUnavailable,
    TooBusy,
    TooManySchedules,
    WorkflowNotFound,
)
from orchestrator.operations.origin import Origin, starter_label
from orchestrator.operations.owner import Owner
from orchestrator.operations.pages import page_of
from orchestrator.operations.registered import Registered
from orchestrator.operations.registrations import flag, rule_fields
from orchestrator.operations.results import Backfilled, Page, ScheduleChange, Submitted
from orchestrator.operations.schedule_rules import MOST_PREVIEWED, backfill_slots, read_spec, slot_trigger
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.operations.submissions import mint_uuid
from orchestrator.operations.workflows import Workflows
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency, NewSchedule
from orchestrator.store.transitions import Transitions

#: How often a change is tried again that others have overtaken.
ROUNDS = 10
#: Schedules of one workflow; the script's own figure.
MOST_SCHEDULES = 100
#: In `if_match`: whatever state the schedule is in.
ANY = "*"


class Schedules:
    """The schedules of one tenant, each known by its name and its id.

    given  the fields of a schedule as its writer sends them; see definitions/schedules.py.
    """

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        workflows: Workflows,
        registered: Registered,
        owner: Owner,
        *,
        checks: SchemaChecks,
    ) -> None:
        self._store = store
        self._transitions = transitions
        self._workflows = workflows
        self._registered = registered
        self._owner = owner
        self._checks = checks

    # Verbs

    async def create(
        self,
        workflow: str,
        given: Mapping[str, Any],
        *,
        name: str | None = None,
        idempotency: Idempotency | None = None,
    ) -> ScheduleChange:
        """Add a schedule to a workflow; without a name it has that of the workflow, or one like it.

        Raises WorkflowNotFound, ProblemsFound, InputsInvalid, ScheduleNameTaken, TooManySchedules,
        IdempotencyConflict, and ScheduleNotFound where the same request has made one that was removed since.
        """
        spec = read_spec(given)
        if name is not None and (not is_name(name) or is_schedule_id(name)):
            message = f"'name' must be {NAME_RULE}; found {name[:80]!r}"
            raise ProblemsFound([Problem("name", "wrong_value", message)])
        record = await self._workflows.get(workflow)
        await self._check_inputs(record, spec)
        schedule_id = schedule_id_of(mint_uuid().bytes)
        title = name or name_of(record.name)
        fields = rule_fields(schedule_id, spec, given_fields(given), await self._store.now_ms())
        word, found = await self._transitions.put_schedule(
            self._owner.tenant,
            record.workflow_id,
            NewSchedule(
                schedule_id,
                title,
                {**fields, "is_declared": flag(False)},
                other_name="" if name else name_with_id(title, schedule_id),
            ),
            call_id=uuid4().hex,
            idempotency=idempotency,
        )
        match word:
            case "conflict":
                raise IdempotencyConflict(idempotency.name if idempotency else "")
            case "unknown":
                raise WorkflowNotFound(workflow)
            case "full":
                raise TooManySchedules(record.name, MOST_SCHEDULES)
            case "taken":
                raise ScheduleNameTaken(title)
        if found is None:
            raise ScheduleNotFound(title)
        return ScheduleChange(found, record, replayed=word == "replayed")

    async def put(
        self, schedule: str, given: Mapping[str, Any], *, if_match: Iterable[str] | None
    ) -> ScheduleChange:
        """Give a schedule another rule; what it has started goes on, and it stays paused if it is.

        Raises ScheduleNotFound, ScheduleDeclared, PreconditionRequired, ScheduleChanged, ProblemsFound,
        InputsInvalid.
        """
        spec = read_spec(given)
        if if_match is None:
            await self.get(schedule)
            raise PreconditionRequired(schedule, what="schedule")
        meant = frozenset(if_match)
        for _ in range(ROUNDS):
            record = await self._own(schedule, meant)
            workflow = await self._workflows.get(record.workflow_id)
            await self._check_inputs(workflow, spec)
            fields = rule_fields(record.schedule_id, spec, given_fields(given), await self._store.now_ms())
            word, found = await self._transitions.put_schedule(
                record.tenant,
                record.workflow_id,
                NewSchedule(record.schedule_id, record.name, fields),
                call_id=uuid4().hex,
                revision=record.revision,
            )
            if word == "ok" and found is not None:
                return ScheduleChange(found, workflow)
        raise _busy(schedule)

    async def remove(self, schedule: str, *, if_match: Iterable[str] | None = None) -> None:
        """Remove a schedule; what it has started goes on.

        Raises ScheduleNotFound, ScheduleDeclared, ScheduleChanged.
        """
        meant = frozenset({ANY} if if_match is None else if_match)
        for _ in range(ROUNDS):
            record = await self._own(schedule, meant)
            revision = None if ANY in meant else record.revision
            if (
                await self._transitions.remove_schedule(record.tenant, record.schedule_id, revision=revision)
                == "ok"
            ):
                return
        raise _busy(schedule)

    async def pause(self, schedule: str, *, by: str = "", reason: str = "") -> ScheduleChange:
        """Start nothing more until it is resumed; slots of the time in between are let go.

        Raises ScheduleNotFound.
        """
        return await self._set_paused(schedule, is_paused=True, by=by, reason=reason)

    async def resume(self, schedule: str) -> ScheduleChange:
        """Go on with the next slot from now. Raises ScheduleNotFound."""
        return await self._set_paused(schedule, is_paused=False)

    async def trigger(
        self,
        schedule: str,
        *,
        inputs: dict[str, Any] | None = None,
        idempotency: Idempotency | None = None,
    ) -> Submitted:
        """Start an execution now, as if a slot were due; paused or not, and beside what runs.

        inputs  instead of those of the schedule.
        Raises ScheduleNotFound, and what `Workflows.start` raises.
        """
        record = await self.get(schedule)
        own = None if record.spec.inputs is None else dict(record.spec.inputs)
        trigger = slot_trigger(record, await self._store.now_ms()) | {"by_hand": True}
        started = await self._workflows.start(
            record.workflow_id,
            inputs=own if inputs is None else inputs,
            origin=Origin(
                trigger=trigger, is_triggered=True, starter=starter_label("schedule", record.schedule_id)
            ),
            idempotency=idempotency,
        )
        if not started.replayed:
            # It has started: a count that is lost is less than an execution that is started twice.
            with contextlib.suppress(StoreUnavailable):
                await self._transitions.count_trigger(record.tenant, record.schedule_id, started.execution_id)
        return started

    async def backfill(
        self,
        schedule: str,
        *,
        start_ms: int,
        end_ms: int,
        most: int = 10,
        is_dry_run: bool = False,
    ) -> Backfilled:
        """Have an execution started for each slot from start to end, `most` of them at a time.

        It goes on by itself, over restarts too. Neither the overlap policy counts, nor start, end and runs
        of the schedule, nor whether one was started for the slot before.
        is_dry_run  say which slots there are, and start nothing.
        Raises ScheduleNotFound, ProblemsFound, BackfillUnderWay.
        """
        record = await self.get(schedule)
        slots = backfill_slots(record.spec, start_ms, end_ms, await self._store.now_ms())
        if is_dry_run:
            return Backfilled(record, None, tuple(slots))
        call_id = uuid4().hex
        word = await self._transitions.backfill_schedule(
            record.tenant, record.schedule_id, call_id=call_id, first_ms=slots[0], end_ms=end_ms, most=most
        )
        if word == "busy":
            raise BackfillUnderWay(record.name)
        if word == "unknown":
            raise ScheduleNotFound(schedule)
        return Backfilled(record, call_id, tuple(slots))

    async def stop_backfill(self, schedule: str) -> ScheduleChange:
        """Start no further slot of a backfill; what it has started goes on. Raises ScheduleNotFound."""
        record = await self.get(schedule)
        word = await self._transitions.backfill_schedule(
            record.tenant, record.schedule_id, call_id=uuid4().hex, first_ms=None
        )
        return await self._change(schedule, already=word == "idle")

    # Questions

    async def get(self, schedule: str) -> ScheduleRecord:
        """Read a schedule by its name or id. Raises ScheduleNotFound."""
        tenant, schedule_id = self._owner.tenant, schedule
        if not is_schedule_id(schedule):
            found = await self._store.schedules.id_of(tenant, schedule) if is_name(schedule) else None
            if found is None:
                raise ScheduleNotFound(schedule, await self._registered.hint_at_schedule(tenant, schedule))
            schedule_id = found
        record = await self._store.schedules.record(tenant, schedule_id)
        if record is None:
            raise ScheduleNotFound(schedule)
        return record

    async def workflows_of(self, records: Iterable[ScheduleRecord]) -> dict[str, WorkflowRecord]:
        """Read the workflows of schedules, by their ids."""
        ids = list(dict.fromkeys(record.workflow_id for record in records))
        found = await self._store.workflows.records(self._owner.tenant, ids)
        return {record.workflow_id: record for record in found}

    async def page(self, *, limit: int = 50, cursor: str | None = None, workflow: str | None = None) -> Page:
        """List schedules, newest first, or those of one workflow. Raises CursorInvalid, WorkflowNotFound."""
        of = None if workflow is None else (await self._workflows.get(workflow)).workflow_id
        return await page_of(
            partial(self._store.schedules.list_ids, self._owner.tenant, workflow_id=of),
            partial(self._store.schedules.records, self._owner.tenant),
            limit=limit,
            cursor=cursor,
            place_of=lambda record: (record.created_ms, record.schedule_id),
        )

    async def upcoming(
        self, schedule: str, *, count: int = 10, after_ms: int | None = None
    ) -> tuple[ScheduleRecord, list[tuple[int, int]]]:
        """Give the next slots of a schedule, each with the moment it is due, Unix epoch ms.

        They are those of its rule, whether it is paused or not. Raises ScheduleNotFound.
        """
        record = await self.get(schedule)
        now_ms = await self._store.now_ms() if after_ms is None else after_ms
        left = None if record.spec.max_runs is None else max(record.spec.max_runs - record.runs, 0)
        most = min(count, MOST_PREVIEWED) if left is None else min(count, left)
        slots = islice(record.spec.slots(now_ms), most)
        return record, [(slot, record.spec.due_ms(record.schedule_id, slot)) for slot in slots]

    async def preview(
        self, given: Mapping[str, Any], *, count: int = 10, after_ms: int | None = None
    ) -> list[int]:
        """Give the next slots of a schedule that does not exist, Unix epoch ms. Raises ProblemsFound."""
        spec = read_spec(given)
        now_ms = await self._store.now_ms() if after_ms is None else after_ms
        return list(islice(spec.slots(now_ms), min(count, MOST_PREVIEWED, spec.max_runs or count)))

    # What the verbs share

    async def _own(self, schedule: str, meant: frozenset[str]) -> ScheduleRecord:
        """Read a schedule that is to be changed."""
        try:
            record = await self.get(schedule)
        except ScheduleNotFound:
            if ANY in meant or not meant:
                raise
            raise ScheduleChanged(schedule, None) from None
        if record.is_declared:
            raise ScheduleDeclared(record.name)
        if ANY not in meant and not record.is_meant(meant):
            raise ScheduleChanged(schedule, record.tag)
        return record

    async def _set_paused(
        self, schedule: str, *, is_paused: bool, by: str = "", reason: str = ""
    ) -> ScheduleChange:
        for _ in range(ROUNDS):
            record = await self.get(schedule)
            slot = None if is_paused else record.spec.next_slot(await self._store.now_ms())
            word = await self._transitions.pause_schedule(
                record.tenant,
                record.schedule_id,
                turn=record.turn,
                call_id=uuid4().hex,
                is_paused=is_paused,
                by=by,
                reason=reason,
                next_ms=slot,
                due_ms=None if slot is None else record.spec.due_ms(record.schedule_id, slot),
            )
            if word in ("ok", "already"):
                return await self._change(schedule, already=word == "already")
        raise _busy(schedule)

    async def _change(self, schedule: str, *, already: bool) -> ScheduleChange:
        record = await self.get(schedule)
        workflow = await self._workflows.get(record.workflow_id)
        return ScheduleChange(record, workflow, already=already)

    async def _check_inputs(self, workflow: WorkflowRecord, spec: ScheduleSpec) -> None:
        compiled = await self._registered.compiled(workflow)
        inputs = None if spec.inputs is None else dict(spec.inputs)
        await self._checks.inputs(compiled.definition.inputs_schema, inputs)


def _busy(schedule: str) -> TooBusy:
    return TooBusy(f"schedule {schedule!r} is being changed by others; try again")
