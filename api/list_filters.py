"""What a list of executions is narrowed to: as queries, and the workflow, schedule or webhook they name."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from api.schemas.times import Time
from orchestrator.definitions.registry import is_workflow_id
from orchestrator.definitions.schedule_record import is_schedule_id
from orchestrator.engine import TenantEngine
from orchestrator.operations.origin import starter_label

TextQuery = Annotated[
    str, Query(max_length=256, description="Part of title, id, key or a label (`name:value`), in any case.")
]
ParentQuery = Annotated[
    Literal["none"] | None,
    Query(description="`none`: only those that no node of another execution has started."),
]
EndedAfterQuery = Annotated[Time | None, Query(description="Only those that ended then or later.")]
EndedBeforeQuery = Annotated[Time | None, Query(description="Only those that ended by then.")]
WorkflowQuery = Annotated[
    str | None, Query(min_length=1, max_length=256, description="Name or id of a registered workflow.")
]
ScheduleQuery = Annotated[
    str | None, Query(min_length=1, max_length=256, description="Name or id of the schedule that started it.")
]
WebhookQuery = Annotated[
    str | None, Query(min_length=1, max_length=256, description="Path of the webhook that started it.")
]


async def workflow_id_in(engine: TenantEngine, workflow: str | None) -> str | None:
    """Give the id of a workflow. Raises WorkflowNotFound for an unknown name."""
    # By its id executions are found that are left of one that was removed.
    if workflow is None or is_workflow_id(workflow):
        return workflow
    return (await engine.workflows.get(workflow)).workflow_id


async def starters_in(
    engine: TenantEngine, schedule: str | None, webhook: str | None
) -> list[tuple[str, str]]:
    """Give what stands for them among the labels of a list. Raises ScheduleNotFound for an unknown name."""
    found: list[tuple[str, str]] = []
    if schedule is not None:
        # A removed schedule, too, has left executions.
        is_id = is_schedule_id(schedule)
        schedule_id = schedule if is_id else (await engine.schedules.get(schedule)).schedule_id
        found.append(starter_label("schedule", schedule_id))
    if webhook is not None:
        found.append(starter_label("webhook", webhook))
    return found


async def refuse_unknown(engine: TenantEngine, schedule: str | None, webhook: str | None) -> None:
    """Say of an empty list that what it is narrowed to is not there, and has left no execution either.

    Raises ScheduleNotFound, WebhookNotFound.
    """
    starters = await starters_in(engine, schedule, webhook)
    if (await engine.executions.list(limit=1, labels=starters)).items:
        return
    if schedule is not None:
        await engine.schedules.get(schedule)
    if webhook is not None:
        await engine.webhooks.get(webhook)
