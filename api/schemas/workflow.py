"""Bodies of the documented workflow routes.

A definition is documented here and checked by the engine, which reports every problem at once; these models
never parse one.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.schedules import ScheduleRule
from api.schemas.starts import TargetsSent, TriggerDocument
from orchestrator.definitions.definition import IdConflictPolicy
from orchestrator.definitions.retry import ON_EXHAUSTED
from orchestrator.definitions.trigger_rules import TriggerRule

StatusWord = Literal["PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"]

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
_Duration = Annotated[
    float | str, Field(description="Seconds, or `250ms`, `30s`, `5m`, `1h30m`, `2d`.", examples=["30s"])
]
_Retry = Annotated[
    dict[str, Any] | list[dict[str, Any]],
    Field(
        description="A policy, `{rules, on_exhausted}`, or a list of rules by error type; on_exhausted: "
        + ", ".join(ON_EXHAUSTED)
    ),
]


class CatchRule(BaseModel):
    """Who takes over when a node fails."""

    model_config = ConfigDict(extra="forbid")

    errors: list[str] = Field(default=["*"], description="Error types; `Http.*`, and `*` for anything.")
    goto: _Name = Field(description="A direct successor of the node.")


class MapFields(BaseModel):
    """Run a node once for each item of a list."""

    model_config = ConfigDict(extra="forbid")

    items: list[Any] | str = Field(description="A list, or one template that gives one.")
    item_name: str | None = Field(default="item", description="What templates call the item.")
    max_concurrency: int | None = Field(default=0, ge=0, description="Items at once; 0: 500, the most.")
    tolerated_failure_count: int | None = Field(default=0, ge=0)
    tolerated_failure_percentage: float | None = Field(default=0, ge=0, le=100)
    on_item_failure: Literal["continue", "stop"] | None = "continue"
    max_items: int | None = Field(default=10_000, ge=0, le=10_000)


class WorkflowNode(BaseModel):
    """One step of a workflow. A field that is null counts as absent."""

    model_config = ConfigDict(extra="forbid")

    id: _Name
    handler: str = Field(examples=["call_external_service"])
    dependencies: list[_Name] | None = []
    config: dict[str, Any] | None = {}
    when: str | bool | None = Field(default=None, description="An expression; false skips the node.")
    trigger_rule: TriggerRule | None = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    retry: _Retry | None = None
    catch: list[CatchRule] | None = None
    map: MapFields | None = None
    start_to_close_timeout: _Duration | None = None
    schedule_to_start_timeout: _Duration | None = None
    schedule_to_close_timeout: _Duration | None = None
    heartbeat_timeout: _Duration | None = None
    critical: bool | None = True
    queue: _Name | None = "default"


class WorkflowDag(BaseModel):
    """The nodes and, through their dependencies, the edges."""

    model_config = ConfigDict(extra="forbid")

    nodes: list[WorkflowNode] = Field(min_length=1)


class NodeDefaults(BaseModel):
    """What nodes have that do not say otherwise."""

    model_config = ConfigDict(extra="forbid")

    retry: _Retry | None = None
    start_to_close_timeout: _Duration | None = None
    schedule_to_start_timeout: _Duration | None = None
    schedule_to_close_timeout: _Duration | None = None
    queue: _Name | None = None


class BudgetLimits(BaseModel):
    """What calls to language models may use."""

    model_config = ConfigDict(extra="forbid")

    max_tokens: int | None = Field(default=None, ge=1)
    max_cost_usd: float | None = Field(default=None, gt=0)


class WorkflowBudget(BudgetLimits):
    """Limits of one execution, and of all executions of this name in a day (UTC)."""

    daily: BudgetLimits | None = None
    on_budget: Literal["fail", "pause"] | None = "fail"


class DeclaredSchedule(ScheduleRule):
    """A schedule that the document of its workflow names."""

    name: str | None = Field(default=None, description="Needed where there are several.")


class DeclaredWebhook(BaseModel):
    """A webhook that the document of its workflow names. Its secrets are set apart from it."""

    model_config = ConfigDict(extra="forbid")

    path: str | None = Field(default=None, description="One is made where none is given.")
    scheme: Literal["hub256", "standard", "header_token", "none"]
    header: str | None = Field(default=None, description="Of the scheme `header_token`.")
    inputs: Literal["payload", "none"] | None = None


class DeclaredPath(BaseModel):
    """A name by which those who have a key start the workflow; made where it is left out."""

    model_config = ConfigDict(extra="forbid")

    path: str | None = Field(default=None, max_length=128)


class WorkflowTriggers(BaseModel):
    """What starts a workflow by itself."""

    model_config = ConfigDict(extra="forbid")

    schedules: list[DeclaredSchedule] | None = Field(default=None, max_length=20)
    webhooks: list[DeclaredWebhook] | None = Field(default=None, max_length=20)
    paths: list[DeclaredPath] | None = Field(default=None, max_length=20)


class WorkflowRetention(BaseModel):
    """How long an execution is kept: a duration, or `never` to keep it; settings say what is left out."""

    model_config = ConfigDict(extra="forbid")

    completed: _Duration | None = None
    failed: _Duration | None = None
    cancelled: _Duration | None = None
    unstarted: _Duration | None = Field(default=None, description="Of one that was made and never started.")


class DeclaredEvent(BaseModel):
    """A type of events."""

    model_config = ConfigDict(extra="forbid")

    schema_: dict[str, Any] | None = Field(default=None, alias="schema", description="Of its values.")
    types: list[_Name] | None = Field(default=None, max_length=16, description="Its parent types.")
    qualified_name: str | None = Field(default=None, min_length=1, max_length=256)


class DeclaredEnd(DeclaredEvent):
    """The type of what an execution starts or ends with."""

    name: _Name | None = Field(default=None, description="`StartEvent` or `StopEvent` if none is given.")


class DrawnNode(BaseModel):
    """A step, an event, or what else a graph shows."""

    model_config = ConfigDict(extra="allow")

    id: str
    node_type: str | None = Field(default=None, description="Events may be addressed to a `step`.")


class DrawnEdge(BaseModel):
    """From one node to another."""

    model_config = ConfigDict(extra="allow")

    source: str
    target: str


class DrawnGraph(BaseModel):
    """A graph, drawn as it is given: 256 KiB of JSON at most."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=256)
    nodes: list[DrawnNode]
    edges: list[DrawnEdge]
    description: str | None = None


class WorkflowInterface(BaseModel):
    """The types of what starts an execution, of its output, and of its events."""

    model_config = ConfigDict(extra="forbid")

    start: DeclaredEnd | dict[str, Any] | None = Field(
        default=None, description="A type, or its JSON Schema alone. Inputs are checked by `inputs`."
    )
    stop: DeclaredEnd | dict[str, Any] | None = Field(
        default=None, description="A type, or its JSON Schema alone: `output` has to fit it."
    )
    events: dict[str, DeclaredEvent] | None = Field(
        default=None,
        max_length=256,
        description="By name: typed events of nodes and signals of that name have to fit them.",
    )
    inbox: _Name | None = Field(
        default=None,
        description="The node that gets, as letters, the events that clients of workflow servers send; "
        "without it they are signals.",
    )
    graph: DrawnGraph | None = Field(
        default=None, description="How clients of workflow servers draw it; by its nodes without it."
    )


class WorkflowDefinition(BaseModel):
    """A workflow as submitted: its nodes in `nodes`, or in `dag`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "anyOf": [{"required": ["nodes"]}, {"required": ["dag"]}],
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
            ],
        },
    )

    name: str = Field(
        min_length=1, max_length=256, description="Its title: free text without control characters."
    )
    nodes: list[WorkflowNode] | None = Field(default=None, min_length=1)
    dag: WorkflowDag | None = None
    description: str | None = None
    inputs: dict[str, Any] | None = Field(default=None, description="JSON Schema of the inputs.")
    interface: WorkflowInterface | None = Field(
        default=None, description="Declares types of events. Served as it is."
    )
    defaults: NodeDefaults | None = None
    execution_timeout: _Duration | None = None
    fail_fast: bool | None = False
    output: Any = Field(default=None, description="What the whole comes to; templates may refer to any node.")
    budget: WorkflowBudget | None = None
    retention: WorkflowRetention | _Duration | None = Field(
        default=None, description="How long its executions are kept once they have ended."
    )
    id_conflict_policy: IdConflictPolicy | None = Field(
        default=None, description="For starts with an `execution_key` that do not say."
    )
    triggers: WorkflowTriggers | None = Field(
        default=None, description="What starts it by itself, once it is registered."
    )
    on_complete: TargetsSent = None
    on_failure: TargetsSent = None
    on_cancel: TargetsSent = None


class TriggerRequest(BaseModel):
    """Optional body of a trigger."""

    model_config = ConfigDict(extra="forbid", strict=True)

    inputs: dict[str, Any] | None = Field(default=None, description="Fixed by the first trigger.")
    trigger: TriggerDocument | None = None


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
