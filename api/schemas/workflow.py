"""Bodies of the documented workflow routes.

A definition is documented here and checked by the engine, which reports every problem at once; these models
never parse one.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

StatusWord = Literal["PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"]


class WorkflowNode(BaseModel):
    """One step of a workflow."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    handler: str = Field(examples=["call_external_service"])
    dependencies: list[str] = []
    config: dict[str, Any] = {}
    when: str | None = Field(default=None, description="An expression; false skips the node.")
    trigger_rule: str = "none_failed_min_one_success"
    retry: dict[str, Any] | list[dict[str, Any]] | None = None
    start_to_close_timeout: float | str | None = Field(default=None, examples=["30s"])
    schedule_to_start_timeout: float | str | None = None
    schedule_to_close_timeout: float | str | None = None
    heartbeat_timeout: float | str | None = None
    critical: bool = True
    queue: str = "default"


class WorkflowDag(BaseModel):
    """The nodes and, through their dependencies, the edges."""

    nodes: list[WorkflowNode]


class WorkflowDefinition(BaseModel):
    """A workflow as submitted. `{"name", "nodes"}` without `dag` is accepted as well."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "linear",
                    "dag": {
                        "nodes": [
                            {
                                "id": "A",
                                "handler": "call_external_service",
                                "dependencies": [],
                                "config": {"url": "http://service-a"},
                            },
                            {
                                "id": "B",
                                "handler": "llm",
                                "dependencies": ["A"],
                                "config": {"prompt": "Summarize {{ A.data }}"},
                            },
                        ]
                    },
                }
            ]
        },
    )

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    dag: WorkflowDag
    description: str | None = None
    inputs: dict[str, Any] | None = Field(default=None, description="JSON Schema of the inputs.")
    defaults: dict[str, Any] | None = None
    execution_timeout: float | str | None = Field(default=None, examples=["1h"])
    fail_fast: bool = False
    output: Any = Field(default=None, description="What the whole comes to; templates may refer to any node.")


class TriggerRequest(BaseModel):
    """Optional body of a trigger."""

    model_config = ConfigDict(extra="forbid", strict=True)

    inputs: dict[str, Any] | None = Field(default=None, description="Fixed by the first trigger.")


class WorkflowAccepted(BaseModel):
    execution_id: str
    message: Literal["Workflow accepted"]


class WorkflowTriggered(BaseModel):
    message: Literal["Workflow triggered"]
    execution_id: str


class WorkflowStatus(BaseModel):
    execution_id: str
    status: StatusWord


class WorkflowResults(BaseModel):
    """Outputs by node id; a node without one has `{}`."""

    execution_id: str
    results: dict[str, Any]
