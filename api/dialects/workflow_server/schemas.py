"""Bodies and answers of workflow servers, for the OpenAPI document. What a client adds is ignored."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

_KWARGS: dict[str, Any] = {
    "anyOf": [{"type": "object", "additionalProperties": True}, {"type": "null"}],
    "description": "Further fields of the event.",
}


class Detail(BaseModel):
    """Every failure."""

    detail: str


class Health(BaseModel):
    status: Literal["healthy"]


class WorkflowNamesAnswer(BaseModel):
    workflows: list[str]


class HandlerStart(BaseModel):
    """What starts a run; all of it may be left out."""

    # No field: pydantic's own arguments have this name.
    model_config = ConfigDict(json_schema_extra=lambda schema: schema["properties"].update(kwargs=_KWARGS))

    start_event: dict[str, Any] | str | None = Field(
        default=None,
        description="Fields of the event, `{type, value}`, `{__is_pydantic, value, qualified_name}`, or one "
        "of these as a text of JSON.",
    )
    context: dict[str, Any] | None = Field(default=None, description="Must be empty.", max_length=0)
    handler_id: str | None = Field(
        default=None, max_length=248, description="A name of your own, or the id of a handler that has ended."
    )


class HandlerEvent(BaseModel):
    """An event for a run."""

    event: dict[str, Any] | str = Field(
        description="`{type, value}`, `{type, data}`, `{__is_pydantic, value, qualified_name}`, or one of "
        "these as a text of JSON."
    )
    step: str | None = Field(default=None, description="A step of the workflow.")


class EventEnvelope(BaseModel):
    """An event with its class."""

    value: dict[str, Any]
    qualified_name: str | None
    type: str
    types: list[str] | None = Field(description="Its parents, but for itself and the parent of all.")
    repeated: Literal[True] | SkipJsonSchema[None] = Field(
        default=None, description="It may have been sent before: a step runs again whose worker was lost."
    )


class HandlerFields(BaseModel):
    handler_id: str
    workflow_name: str
    run_id: str | None = Field(description="The id of the execution.")
    error: str | None
    result_unreadable: bool
    status: Literal["running", "completed", "failed", "cancelled"]
    started_at: str
    updated_at: str | None
    completed_at: str | None


class HandlerData(HandlerFields):
    """A run; its result is the event that ended it."""

    result: EventEnvelope | None


class HandlerResult(HandlerFields):
    """A run; its result is what that event holds."""

    result: Any = None


class HandlersAnswer(BaseModel):
    handlers: list[HandlerData]


class SentAnswer(BaseModel):
    status: Literal["sent"]


class CancelAnswer(BaseModel):
    status: Literal["cancelled", "deleted"]


class SchemaAnswer(BaseModel):
    """JSON Schemas of what starts a run and of what ends it."""

    start: dict[str, Any]
    stop: dict[str, Any]


class EventsAnswer(BaseModel):
    """JSON Schemas of all events of a workflow."""

    events: list[dict[str, Any]]


class GraphNode(BaseModel):
    """A step, an event, or what is outside of the workflow.

    In a graph that the workflow brings, nodes may be of other types, and have other fields.
    """

    model_config = ConfigDict(extra="allow")

    id: str
    label: str | None = None
    node_type: str | None = Field(default=None, description="`step`, `event` or `external`, mostly.")
    description: str | None = None
    event_type: str | None = None
    event_types: list[str] | None = None
    event_schema: dict[str, Any] | None = None
    produced_by: list[str] | None = None


class GraphEdge(BaseModel):
    model_config = ConfigDict(extra="allow")

    source: str
    target: str
    label: str | None = None


class Graph(BaseModel):
    name: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    description: str | None = None


class RepresentationAnswer(BaseModel):
    graph: Graph
