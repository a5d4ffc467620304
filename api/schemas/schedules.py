"""Bodies of `/v1/schedules`."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.times import Time, rfc3339
from api.schemas.warnings import Warnings
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.schedule_record import Backfill, ScheduleRecord
from orchestrator.definitions.schedules import CatchupPolicy, OverlapPolicy
from orchestrator.operations.results import Backfilled

#: Checked by the engine, which names every field that is wrong.
_Anything = Annotated[Any, WithJsonSchema({})]
_Duration = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})]
_Text = Annotated[Any, WithJsonSchema({"type": "string"})]
#: Slots that the preview of a backfill shows.
SHOWN_SLOTS = 100


class ScheduleRule(BaseModel):
    """When executions are started: `cron` or `every`."""

    model_config = ConfigDict(extra="forbid")

    cron: _Text = Field(
        default=None, description="Five fields such as `30 8 * * 1-5`, or `@hourly`, `@daily`, `@weekly`, …"
    )
    every: _Duration = Field(
        default=None, description="`10s`, `5m` or seconds, from 1 s; counted from `start_at`, else from 1970."
    )
    timezone: _Text = Field(default=None, description="IANA name, for `cron`; `UTC` without one.")
    inputs: Annotated[Any, WithJsonSchema({"type": "object"})] = None
    overlap_policy: Annotated[
        Any, WithJsonSchema({"type": "string", "enum": [str(each) for each in OverlapPolicy]})
    ] = Field(
        default=None,
        description="While an earlier execution of it has not ended; `skip` where nothing is said.",
    )
    catchup_policy: Annotated[
        Any, WithJsonSchema({"type": "string", "enum": [str(each) for each in CatchupPolicy]})
    ] = Field(default=None, description="Of slots that no orchestrator could start in time; else `latest`.")
    catchup_window: _Duration = Field(default=None, description="What is older is let go; else `1h`.")
    jitter: _Duration = Field(default=None, description="A slot starts up to so much later.")
    start_at: _Text = Field(default=None, description="RFC 3339; no slot lies before it.")
    end_at: _Text = Field(default=None, description="RFC 3339; no slot lies after it.")
    max_runs: Annotated[Any, WithJsonSchema({"type": "integer", "minimum": 1})] = None
    pause_on_failure: Annotated[Any, WithJsonSchema({"type": "boolean"})] = None

    def given(self) -> dict[str, Any]:
        """Give what was sent of the rule."""
        return {
            name: value for name in ScheduleRule.model_fields if (value := getattr(self, name)) is not None
        }


class ScheduleRequest(ScheduleRule):
    """Add a schedule to a workflow."""

    workflow: str = Field(min_length=1, max_length=256, description="Its name or id.")
    name: str | None = Field(
        default=None, description="1 to 64 of a-z, 0-9 and -, unique; else like the workflow's."
    )


class SchedulePreview(ScheduleRule):
    """Ask for the slots of a schedule that does not exist."""

    count: int = Field(default=10, ge=1, le=1_000)
    after: Time | None = Field(default=None, description="Now, unless another time is given.")


class SchedulePause(BaseModel):
    """Optional body of a pause."""

    model_config = ConfigDict(extra="forbid", strict=True)

    by: str = Field(default="", max_length=256)
    reason: str = Field(default="", max_length=1024)


class ScheduleTrigger(BaseModel):
    """Optional body of a start by hand."""

    model_config = ConfigDict(extra="forbid", strict=True)

    inputs: dict[str, Any] | None = Field(default=None, description="Instead of those of the schedule.")


class BackfillRequest(BaseModel):
    """Start an execution for each slot of a time that has passed."""

    model_config = ConfigDict(extra="forbid")

    start: Time
    end: Time
    max_active: int = Field(default=10, ge=1, le=100, description="Executions of it at a time.")
    dry_run: bool = Field(default=False, description="Say which slots there are, and start nothing.")


class BackfillView(BaseModel):
    """Slots of the past that are being started, or were."""

    backfill_id: str
    first_slot: str
    end: str
    next_slot: str | None = Field(description="null once all were started, or it was stopped.")
    max_active: int
    runs: int
    active: list[str] = Field(description="Executions of it that were under way when it was looked at last.")


class ScheduleView(BaseModel):
    """A schedule."""

    schedule_id: str
    name: str
    workflow: str | None = Field(description="Name of the workflow that it starts.")
    workflow_id: str
    rule: dict[str, Any] = Field(description="As its writer gave it.")
    is_declared: bool = Field(description="The document of its workflow names it, and changes it.")
    state: str = Field(description="active, paused, asleep (its workflow is paused) or finished.")
    next_slot: str | None
    next_due_at: str | None = Field(description="The next slot with its jitter.")
    last_slot: str | None = Field(description="Of the last one started for a slot, or by a backfill.")
    last_execution_id: str | None = Field(description="The last one started, in any way.")
    last_started_at: str | None = Field(description="When that was.")
    runs: int = Field(description="Executions started for slots.")
    backfilled: int = Field(description="Executions started by backfills.")
    triggered: int = Field(description="Executions started by hand.")
    skipped: int = Field(description="Slots that gave way to an execution before them.")
    missed: int = Field(description="Slots that no orchestrator could start in time.")
    failed: int = Field(description="Slots for which no execution could be made.")
    last_error: str | None
    waiting: list[str] = Field(description="Slots that wait for the end of an execution before them.")
    active: list[str] = Field(description="Executions that were under way when it was looked at last.")
    backfill: BackfillView | None
    paused_at: str | None
    paused_by: str | None
    paused_reason: str | None
    created_at: str
    updated_at: str
    warnings: Warnings


class SchedulePage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[ScheduleView]
    next_cursor: str | None


class SlotView(BaseModel):
    slot: str
    due_at: str = Field(description="The slot with its jitter.")


class UpcomingSlots(BaseModel):
    """The next slots of a schedule, whether it is paused or not."""

    schedule_id: str | None = Field(description="null for one that does not exist.")
    timezone: str
    items: list[SlotView]


class BackfillBegun(BaseModel):
    """A backfill, or the preview of one, which has no id."""

    schedule_id: str
    backfill_id: str | None
    count: int
    slots: list[str] = Field(description=f"The first {SHOWN_SLOTS} of them.")


def schedule_fields(record: ScheduleRecord, workflow: WorkflowRecord | None) -> dict[str, Any]:
    """Show a schedule. workflow: what it starts; None where that is not there."""
    return {
        "schedule_id": record.schedule_id,
        "name": record.name,
        "workflow": workflow.name if workflow else None,
        "workflow_id": record.workflow_id,
        "rule": orjson.Fragment(record.spec_text),
        "is_declared": record.is_declared,
        "state": _state(record, workflow),
        "next_slot": rfc3339(record.next_ms),
        "next_due_at": rfc3339(record.due_ms),
        "last_slot": rfc3339(record.last_slot_ms),
        "last_execution_id": record.last_execution_id or None,
        "last_started_at": rfc3339(record.last_started_ms),
        "runs": record.runs,
        "backfilled": record.backfilled,
        "triggered": record.triggered,
        "skipped": record.skipped,
        "missed": record.missed,
        "failed": record.failed,
        "last_error": record.last_error or None,
        "waiting": [rfc3339(slot) for slot in record.buffer],
        "active": record.live,
        "backfill": _backfill_fields(record.backfill),
        "paused_at": rfc3339(record.paused_ms),
        "paused_by": record.paused_by or None,
        "paused_reason": record.paused_reason or None,
        "created_at": rfc3339(record.created_ms),
        "updated_at": rfc3339(record.updated_ms),
    }


def upcoming_fields(
    schedule_id: str | None, timezone: str | None, slots: list[tuple[int, int]]
) -> dict[str, Any]:
    """Show slots with the moments they are due."""
    return {
        "schedule_id": schedule_id,
        "timezone": timezone or "UTC",
        "items": [{"slot": rfc3339(slot), "due_at": rfc3339(due_ms)} for slot, due_ms in slots],
    }


def backfilled_fields(done: Backfilled) -> dict[str, Any]:
    """Show a backfill that has begun, or its preview."""
    return {
        "schedule_id": done.record.schedule_id,
        "backfill_id": done.backfill_id,
        "count": len(done.slots),
        "slots": [rfc3339(slot) for slot in done.slots[:SHOWN_SLOTS]],
    }


def _state(record: ScheduleRecord, workflow: WorkflowRecord | None) -> str:
    if record.is_paused:
        return "paused"
    if record.is_finished:
        return "finished"
    return "active" if workflow is not None and workflow.is_active else "asleep"


def _backfill_fields(backfill: Backfill | None) -> dict[str, Any] | None:
    if backfill is None:
        return None
    return {
        "backfill_id": backfill.backfill_id,
        "first_slot": rfc3339(backfill.first_ms),
        "end": rfc3339(backfill.end_ms),
        "next_slot": rfc3339(backfill.next_ms),
        "max_active": backfill.most,
        "runs": backfill.runs,
        "active": backfill.live,
    }
