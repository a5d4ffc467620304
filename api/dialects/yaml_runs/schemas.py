"""Bodies and answers of the calls for workflows and runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.detail_failures import DetailProblem

#: What a run is called in each state, and a step.
RunStatus = Literal["pending", "queued", "running", "completed", "failed"]
StepStatus = Literal["pending", "queued", "running", "completed", "failed", "skipped"]


class YamlWorkflow(BaseModel):
    """A workflow as YAML."""

    model_config = ConfigDict(extra="forbid", strict=True)

    yaml_content: str = Field(description="`name`, `description`, `trigger: {type: webhook, path}`, `steps`.")


class RunRequest(BaseModel):
    """Optional body of a start."""

    model_config = ConfigDict(extra="forbid", strict=True)

    data: dict[str, Any] = Field(default={}, description="Read by steps as `{trigger.body.…}`.")


class YamlWorkflowRow(BaseModel):
    id: str
    name: str
    description: str
    trigger_path: str | None
    created_at: str
    updated_at: str


class YamlWorkflowDetail(YamlWorkflowRow):
    """`steps` as they are written; of a workflow of another kind its nodes."""

    steps: list[dict[str, Any]]
    yaml_content: str


class RunRow(BaseModel):
    """A run. A step that was skipped counts as completed."""

    id: str
    workflow_id: str | None
    status: RunStatus
    steps_completed: int
    total_steps: int
    error_message: str | None
    started_at: str | None
    completed_at: str | None
    created_at: str


class RunStep(BaseModel):
    id: str
    step_id: str
    node_type: str
    status: StepStatus
    output_data: Any
    error_message: str | None


class RunDetail(RunRow):
    trigger_data: dict[str, Any]
    steps: list[RunStep]


class RunQueued(BaseModel):
    """A run that was started; `id` and `run_id` are the same."""

    id: str
    run_id: str
    workflow_id: str
    status: Literal["queued"]


class DemoStarted(RunQueued):
    stream_url: str


class RunTriggered(BaseModel):
    run_id: str
    workflow_id: str
    workflow_name: str
    status: RunStatus
    steps_completed: int
    total_steps: int


class RunEvent(BaseModel):
    """What stands behind `data:` of an event."""

    type: Literal["run_started", "step_started", "step_completed", "run_completed", "run_failed"]
    run_id: str
    timestamp: str
    status: RunStatus | Literal["skipped"]
    steps_completed: int | None = None
    total_steps: int
    step_id: str | None = None
    node_type: str | None = None
    progress: int | None = Field(default=None, description="Percent, rounded down.")
    error_message: str | None = None


class YamlMistake(BaseModel):
    """One thing that is wrong with a document, and its place there."""

    model_config = ConfigDict(extra="allow")

    path: str
    code: str
    message: str
    line: int | None = None
    column: int | None = None


class YamlFailure(BaseModel):
    """What every failure of these calls says; with 422 what is wrong with the request, one by one."""

    detail: str | list[DetailProblem]
    errors: list[YamlMistake] | None = Field(default=None, description="Of a workflow that was refused.")
