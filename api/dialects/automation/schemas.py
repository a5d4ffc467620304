"""What the calls of this door take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

#: More than blanks.
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
TriggerType = Literal["manual", "webhook", "cron"]
#: Signs deliveries; empty text takes the secret away.
Secret = Annotated[str, Field(max_length=256)]


def _none_is_empty(value: Any) -> Any:
    return {} if value is None else value


#: An object that may be null.
Values = Annotated[dict[str, Any], BeforeValidator(_none_is_empty)]


class RegisterRequest(BaseModel):
    """A tenant to register."""

    model_config = ConfigDict(extra="forbid")

    name: Name


class WorkflowRequest(BaseModel):
    """A workflow to make. Steps are checked one by one, see `lowering`."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: str | None = None
    trigger_type: TriggerType = "manual"
    trigger_config: Values = {}
    webhook_secret: Secret | None = Field(default=None, repr=False)
    steps: list[Any] = []
    is_active: bool = True


class WorkflowChangeRequest(BaseModel):
    """What of a workflow is to be another; null, or left out, stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    description: str | None = None
    trigger_type: TriggerType | None = None
    trigger_config: dict[str, Any] | None = None
    webhook_secret: Secret | None = Field(default=None, repr=False)
    steps: list[Any] | None = None
    is_active: bool | None = None


class ExecuteRequest(BaseModel):
    """What the templates of an execution read as `trigger.data` and `trigger.payload`."""

    model_config = ConfigDict(extra="forbid")

    trigger_data: Values = {}


class ReplayRequest(BaseModel):
    """What is put over the payload of the original; the two names mean the same."""

    model_config = ConfigDict(extra="forbid")

    override_data: Values = {}
    trigger_data: Values = {}


class ErrorBody(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: list[dict[str, Any]]


class ErrorDocument(BaseModel):
    """Every failure."""

    error: ErrorBody


class TenantCreated(BaseModel):
    """A new tenant; the key is shown this once."""

    id: str
    name: str
    api_key: str


class TenantView(BaseModel):
    """A tenant."""

    id: str
    name: str
    is_active: bool
    created_at: str | None


class WorkflowView(BaseModel):
    """A workflow."""

    id: str
    name: str
    description: str | None
    trigger_type: str
    trigger_config: dict[str, Any]
    steps: list[dict[str, Any]]
    is_active: bool
    webhook_path: str | None
    created_at: str
    updated_at: str


class WorkflowList(BaseModel):
    """Part of a list of workflows, newest first."""

    workflows: list[WorkflowView]
    cursor: str | None


class Deleted(BaseModel):
    """It is gone."""

    deleted: Literal[True]


class Started(BaseModel):
    """An execution that was started."""

    execution_id: str


class Cancelled(BaseModel):
    """The execution was cancelled."""

    cancelled: Literal[True]


class ExecutionView(BaseModel):
    """An execution."""

    id: str
    workflow_id: str | None
    status: Literal["pending", "running", "completed", "failed", "cancelled"]
    trigger_data: dict[str, Any]
    error: str | None
    started_at: str | None
    completed_at: str | None
    duration_ms: int | None
    created_at: str
    replayed_from: str | None


class ExecutionList(BaseModel):
    """Part of a list of executions, newest first."""

    executions: list[ExecutionView]
    cursor: str | None


class StepView(BaseModel):
    """A step of an execution."""

    id: str
    step_id: str
    step_type: str
    status: Literal["pending", "queued", "running", "completed", "failed", "skipped"]
    input_data: dict[str, Any]
    output_data: Any
    error: str | None
    attempt: int
    max_attempts: int
    started_at: str | None
    completed_at: str | None
    duration_ms: int | None
    created_at: str


class ExecutionDetail(BaseModel):
    """An execution with every step."""

    execution: ExecutionView
    steps: list[StepView]


class LogEntry(BaseModel):
    """A line of a log."""

    id: str
    step_id: str | None
    level: Literal["debug", "info", "warn", "error"]
    message: str
    data: dict[str, Any]
    created_at: str


class LogList(BaseModel):
    """The log of an execution, oldest first."""

    logs: list[LogEntry]


class Update(BaseModel):
    """A frame of a stream: its beginning, or what a step or the execution has become."""

    type: Literal["connected", "step_update", "execution_update"]
    execution_id: str
    status: str
    timestamp: str | None = None
    step_id: str | None = None
    step_type: str | None = None
    attempt: int | None = None
    error: str | None = None


class WorkflowMetrics(BaseModel):
    """Executions of one workflow."""

    workflow_id: str
    workflow_name: str | None
    count: int
    avg_duration_ms: int


class StepMetrics(BaseModel):
    """Steps of one type."""

    step_type: str
    total: int
    failed: int
    rate: float


class DeliveryMetrics(BaseModel):
    """Deliveries to webhooks."""

    total: int
    accepted: int
    rejected: int
    error: int


class Metrics(BaseModel):
    """Executions of a tenant in numbers."""

    total: int
    by_status: dict[str, int]
    avg_duration_ms: int
    by_workflow: list[WorkflowMetrics]
    step_failure_rates: list[StepMetrics]
    webhook_delivery_stats: DeliveryMetrics


class HealthView(BaseModel):
    """Whether all that is needed is there."""

    status: Literal["ok", "degraded", "error"]
    pg: bool
    redis: bool
    workers: int
