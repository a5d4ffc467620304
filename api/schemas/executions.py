"""Bodies of `/v1/executions`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.starts import OriginFields
from api.schemas.warnings import Warnings
from api.schemas.workflow import StatusWord


class ExecutionRequest(OriginFields):
    """Submit a definition and, with `trigger`, start it in the same call."""

    #: Checked in `validator.definition_in`, which can say what is wrong in one sentence; a union cannot.
    definition: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]})] = Field(
        description="The definition as an object, or as YAML text."
    )
    inputs: dict[str, Any] | None = None
    trigger: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "object"}]})] = Field(
        default=False, description="True starts it; an object starts it too, and is its trigger document."
    )


class ExecutionCreated(BaseModel):
    execution_id: str
    status: StatusWord
    existing: bool = Field(
        default=False, description="Nothing was created: this execution holds the key and has not ended."
    )
    warnings: Warnings


class VerbAnswer(BaseModel):
    """What a verb did; `already` when it had been done before."""

    execution_id: str
    status: StatusWord
    already: bool
    warnings: Warnings


class ErrorObject(BaseModel):
    """Why an attempt failed."""

    type: str
    message: str
    retryable: bool
    details: Any = None
    attempt: int | None = None
    worker: str | None = None


class UsageView(BaseModel):
    """Calls to paid services and their tokens; `input` leaves out what a cache served."""

    calls: int
    unpriced_calls: int = Field(description="Calls whose price is not known; they are missing in the cost.")
    input: int
    output: int
    cache_read: int
    cache_write: int
    lost_calls: int = Field(
        description="Of the calls, those without a recorded end: lost with a worker, broken off or stopped."
    )
    lost_tokens: int = Field(description="The most these can have used; their cost counts in the same way.")


class BudgetView(BaseModel):
    """Limits of an execution; one that is not there is not set."""

    max_tokens: int | None = None
    max_cost_usd: float | None = None


class MapProgress(BaseModel):
    """Items of a mapped node, counted by where they stand."""

    total: int
    completed: int
    failed: int
    skipped: int
    active: int = Field(description="Started and not ended: queued, running, or between two tries.")
    cancelled: int
    waiting: int = Field(description="Not started yet.")
    tolerated: int = Field(description="Items that may fail without failing the node.")


class TruncatedOutput(BaseModel):
    """Stands for an output too large to be shown among others."""

    truncated: Literal[True]
    bytes: int
    href: str = Field(description="Where the output is read whole.")


_OUTPUT_SCHEMA = {"anyOf": [TruncatedOutput.model_json_schema(), {}]}
#: Any JSON, or what stands for it.
Output = Annotated[Any, WithJsonSchema(_OUTPUT_SCHEMA)]


class ConfigProblem(BaseModel):
    """A template of a config that cannot be resolved now."""

    path: str
    message: str


class LeanNodeView(BaseModel):
    """A node and where it stands, without its output and what it used."""

    model_config = ConfigDict(populate_by_name=True)

    node_id: str
    handler: str
    dependencies: list[str]
    status: str
    reason: str | None
    waiting_on: str | None
    attempt: int = Field(description="Raised each time the node is queued; never reset.")
    try_: int = Field(alias="try", description="Charged tries, as in 'try 2 of 3'.")
    max_attempts: int
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    due_at: str | None
    worker: str | None
    error: ErrorObject | None
    reused: bool = Field(description="It ended in the execution this one is forked from.")
    child: str | None = Field(description="The execution a sub_workflow node started.")
    items: MapProgress | None = Field(default=None, description="How far a mapped node is.")
    because_of: list[str] | None = Field(
        default=None,
        description="Among the nodes of an execution, on one skipped as `upstream_failed`: its root causes, "
        "oldest first, at most 10.",
    )


class NodeView(LeanNodeView):
    """A node and where it stands, with its output."""

    output: Output = Field(default=None, description="Up to 4 KiB; of a larger one what stands for it.")
    usage: UsageView | None = Field(
        description="Of all its attempts and items; null for a node without calls."
    )
    cost_usd: float | None
    config: dict[str, Any] | None = Field(
        default=None, description="With `config=rendered`: as its handler gets it, secrets masked."
    )
    config_problems: list[ConfigProblem] | None = Field(
        default=None, description="With `config=rendered`: what could not be resolved, and stands as written."
    )


class ItemView(BaseModel):
    """One item of a mapped node."""

    model_config = ConfigDict(populate_by_name=True)

    index: int
    status: str
    reason: str | None
    waiting_on: str | None
    attempt: int
    try_: int = Field(alias="try")
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    due_at: str | None
    worker: str | None
    error: ErrorObject | None
    child: str | None
    value: Any
    output: Output = Field(default=None, description="Up to 4 KiB; of a larger one what stands for it.")
    usage: UsageView | None = Field(description="Of all its attempts; null for an item without calls.")
    cost_usd: float | None


class ItemPage(BaseModel):
    """Part of the items of a mapped node, in order."""

    items: list[ItemView]
    next_cursor: str | None


class PauseView(BaseModel):
    """Who paused an execution, why, and since when."""

    by: str | None = Field(description="Null where the retry policy of a node did.")
    reason: str | None
    since: str | None


class ParentView(BaseModel):
    """The node, or the item of a mapped node, that started an execution."""

    execution_id: str
    node_id: str
    item: int | None


class ExecutionProgress(BaseModel):
    """Nodes of an execution, counted; a mapped node is one."""

    total: int
    ended: int = Field(description="Completed, failed, skipped or cancelled.")
    failed: int = Field(description="Failed, and the execution fails with them.")


class ExecutionSummary(BaseModel):
    """An execution without its nodes."""

    execution_id: str
    name: str
    version: str
    status: StatusWord
    cancelling: str | None
    reason: str | None
    error: ErrorObject | None = Field(
        default=None,
        description="`Timeout.Execution` where its time limit ended it; nodes have errors of their own.",
    )
    paused: PauseView | None = Field(description="While the status is PAUSED.")
    created_at: str
    started_at: str | None
    ended_at: str | None
    deadline_at: str | None
    generation: int = Field(description="1, and one more for each retry in place.")
    progress: ExecutionProgress | None = Field(
        description="Null for what was made by a version that did not count."
    )
    workflow_id: str | None = Field(description="Of the registry; null for a definition that was sent.")
    workflow_version: int | None
    labels: dict[str, str]
    execution_key: str | None = Field(description="The caller's own name for it.")
    replay_of: str | None = Field(description="The execution this one repeats.")
    forked_from: str | None = Field(description="The execution whose outputs this one began with.")
    parent: ParentView | None = Field(description="The node that started this execution as its child.")
    children: int = Field(description="Executions that nodes of this one have started.")
    usage: UsageView
    cost_usd: float | None = Field(description="Null while no call has a known price.")
    budget: BudgetView | None = Field(
        description="What its own calls may use; null without limits of its own."
    )


class RootCauseView(BaseModel):
    """A node that failed, or was cancelled, not because of another one."""

    node_id: str
    error: ErrorObject | None
    attempt: int
    ended_at: str | None
    kept: int = Field(description="Nodes that were skipped as `upstream_failed` because of it.")


class ExecutionStanding(ExecutionSummary):
    """What an execution comes to, all its nodes together."""

    seq: int = Field(
        description="Number of the last event that this view certainly contains; go on with those behind it."
    )
    quiesced: bool = Field(description="It is PAUSED, and nothing runs any more.")
    expires_at: str | None = Field(
        description="When it is removed, with its children; null before its end, and for what is kept."
    )
    output_error: ErrorObject | None = Field(description="Why its `output` came to nothing.")
    counts: dict[str, int] = Field(description="Nodes by status; a status without any is left out.")
    reasons: dict[str, int] = Field(description="Skipped nodes by reason.")
    waiting: dict[str, int] = Field(description="Waiting nodes by what they wait for.")
    root_causes: list[RootCauseView] = Field(description="Oldest first, at most 50.")


class LeanExecutionDetail(ExecutionStanding):
    """An execution with all its nodes, without anything that handlers or clients gave."""

    nodes: list[LeanNodeView]


class ExecutionDetail(ExecutionStanding):
    """An execution with all its nodes."""

    inputs: dict[str, Any] | None
    trigger: dict[str, Any] | None = Field(description="The document it was started with; null before that.")
    output: Output = Field(
        description="What the `output` of its definition came to; null before that, and without one. "
        "Up to 64 KiB; of a larger one what stands for it."
    )
    nodes: list[NodeView]
    warnings: Warnings


class ResultsPage(BaseModel):
    """Outputs by node id, in definition order; a node without one has `{}`."""

    execution_id: str
    results: dict[str, Any]
    next_cursor: str | None = Field(description="Null on the last page.")


class ExecutionPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page. A page before it can be short, or empty."""

    items: list[ExecutionSummary]
    next_cursor: str | None


class CountedPage(ExecutionPage):
    """The same; with `counts`, how many there are in all."""

    counts: dict[StatusWord, int] | None = Field(
        default=None, description="By status: all that match the other filters, on whatever page."
    )
    counted: int | None = Field(default=None, description="The sum of these.")
    counts_complete: bool | None = Field(
        default=None, description="False: there are more, and these are the counts of the newest."
    )


class ExplanationView(BaseModel):
    """What one unfinished node, or the execution itself, waits for, and what will wake it."""

    node_id: str | None
    status: str
    waiting_for: str
    until: str | None
    wakes: str
    details: dict[str, Any] = Field(
        description="The same for programs. `actions`, where requests move it on: their verbs, `trigger`, "
        "`resume`, `signal`, `decide`, `complete`, `fail`, `skip`, `retry`."
    )


class NodeExplanation(ExplanationView):
    """What one node or item waits for, or why it ended as it did."""

    node_id: str


class ExplainAnswer(BaseModel):
    execution_id: str
    items: list[ExplanationView]
