"""Body of `/v1/statistics`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from api.schemas.times import rfc3339
from orchestrator.execution.statistics import Ends
from orchestrator.operations.statistics import StatisticsReport
from orchestrator.operations.usage import DAY_MS
from orchestrator.states import ExecutionStatus


class EndsView(BaseModel):
    """Executions that have ended. One that was retried counts as it ended last."""

    total: int
    completed: int
    failed: int
    cancelled: int
    average_ms: float | None = Field(description="From start to end; null where nothing has ended.")


class WorkflowStatistics(EndsView):
    workflow_id: str | None = Field(description="Null: definitions that were submitted, together.")
    name: str | None = Field(description="Null for what is not in the registry, or no longer.")
    title: str | None


class HandlerStatistics(BaseModel):
    """Nodes that completed or failed; a map counts as one."""

    handler: str
    total: int
    failed: int
    failure_rate: float = Field(ge=0, le=1)


class DeliveryStatistics(BaseModel):
    """Deliveries to webhooks."""

    received: int
    accepted: int
    rejected: int
    error: int


class StatisticsAnswer(BaseModel):
    first: str = Field(alias="from", description="The first day, in UTC.")
    last: str = Field(alias="to", description="The last day, in UTC.")
    as_of: str = Field(description="Every execution that ended before then is counted.")
    executions: EndsView
    workflows: list[WorkflowStatistics] = Field(description="Those with the most executions first.")
    handlers: list[HandlerStatistics] = Field(description="In the order of their names.")
    deliveries: DeliveryStatistics


def statistics_fields(report: StatisticsReport) -> dict[str, Any]:
    """Show statistics."""
    found = report.statistics
    by_size = sorted(found.workflows.items(), key=lambda row: (-row[1].total, row[0] or ""))
    return {
        "from": _date(report.first_day),
        "to": _date(report.last_day),
        "as_of": rfc3339(report.as_of_ms),
        "executions": _ends_fields(found.executions),
        "workflows": [_workflow_fields(report, each, ends) for each, ends in by_size if ends.total],
        "handlers": [
            {
                "handler": handler,
                "total": counts.total,
                "failed": counts.failed,
                "failure_rate": counts.failure_rate,
            }
            for handler, counts in sorted(found.handlers.items())
        ],
        "deliveries": dict(found.deliveries),
    }


def _workflow_fields(report: StatisticsReport, workflow_id: str | None, ends: Ends) -> dict[str, Any]:
    record = report.records.get(workflow_id or "")
    return {
        "workflow_id": workflow_id,
        "name": record.name if record else None,
        "title": record.title if record else None,
        **_ends_fields(ends),
    }


def _ends_fields(ends: Ends) -> dict[str, Any]:
    return {
        "total": ends.total,
        "completed": ends.counts[ExecutionStatus.COMPLETED],
        "failed": ends.counts[ExecutionStatus.FAILED],
        "cancelled": ends.counts[ExecutionStatus.CANCELLED],
        "average_ms": ends.average_ms,
    }


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat()
