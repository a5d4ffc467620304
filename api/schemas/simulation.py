"""Bodies of `/v1/simulate`."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.warnings import Warnings

Readable = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]})]
Stubs = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}, {"type": "null"}]})]


class SimulationRequest(BaseModel):
    """A definition to play, and what its nodes do meanwhile."""

    model_config = ConfigDict(extra="forbid", strict=True)

    definition: Readable = Field(description="The definition as an object, or as YAML text.")
    inputs: dict[str, Any] | None = None
    trigger: dict[str, Any] | None = Field(default=None, description="The document of its start.")
    stubs: Stubs = Field(
        default=None,
        description="{nodes: {id: stub}, handlers: {name: stub}, default: stub, signals: [{name, payload, "
        "at}]}, or the same as YAML text. A stub has output, fail (tries, or 'always'), error, message, "
        "retryable, retry_after, skip, duration, signal ({payload, after} or 'never'), decision ({decision, "
        "by, form, after}, a list of them, or 'never') and items ([{match, …stub}] of a map).",
    )


class SimulatedNode(BaseModel):
    """What became of a node. Times are virtual milliseconds since the start."""

    node_id: str
    status: str
    reason: str | None
    waiting_on: str | None
    attempts: int
    start_ms: int | None
    end_ms: int | None
    error: dict[str, Any] | None


class SimulatedStep(BaseModel):
    """One event of a node."""

    at_ms: int
    event: str
    node_id: str


class SimulationAnswer(BaseModel):
    """What happened; `waiting` lists nodes that wait for something no stub gives."""

    status: str
    reason: str | None
    duration_ms: int
    nodes: list[SimulatedNode]
    outputs: dict[str, Any]
    path: list[SimulatedStep]
    waiting: list[str]
    output: Any = Field(description="What the `output` of the definition came to; null without one.")
    output_error: dict[str, Any] | None = Field(description="Why it came to nothing.")
    warnings: Warnings
