"""Bodies of cancels, pauses, resumes and manual overrides of nodes."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from orchestrator.definitions.budgets import LEAST_USD, MOST_TOKENS, MOST_USD

_AnyJson = Annotated[Any, WithJsonSchema({})]


class CancelRequest(BaseModel):
    """Optional body of a cancel."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str | None = Field(default=None, max_length=2000)
    grace: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})] = Field(
        default="30s", description="How long running handlers may still finish: seconds, or `30s`, `5m`."
    )


class PauseRequest(BaseModel):
    """Optional body of a pause; both fields are kept in the history."""

    model_config = ConfigDict(extra="forbid", strict=True)

    by: str | None = Field(default=None, min_length=1, max_length=256, description="Who asks for it.")
    reason: str | None = Field(default=None, max_length=2000, description="Why.")


class BudgetRequest(BaseModel):
    """What the calls of an execution to language models may use; a limit that is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    max_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    max_cost_usd: float | None = Field(default=None, ge=LEAST_USD, le=MOST_USD)


class ResumeRequest(PauseRequest):
    """Optional body of a resume."""

    budget: BudgetRequest | None = Field(default=None, description="Limits of the execution from now on.")


class NodeRequest(BaseModel):
    """Who asks, why, and for which attempt; the first two are kept in the history."""

    model_config = ConfigDict(extra="forbid", strict=True)

    by: str = Field(min_length=1, max_length=256, description="Who decides.")
    reason: str | None = Field(default=None, max_length=2000, description="Why.")
    attempt: int | None = Field(
        default=None, ge=0, description="Do it only while the node is at this attempt; 409 when it is not."
    )


class CompleteRequest(NodeRequest):
    """What a node is completed with."""

    output: _AnyJson = Field(
        default=None, description="Any JSON, 1 MiB at most; of a condition or switch it must name a branch."
    )


class GivenError(BaseModel):
    """The error a node is failed with."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]{1,128}$",
        description="What a `catch` looks at; `Operator` without it.",
    )
    message: str | None = Field(default=None, max_length=2000)


class FailRequest(NodeRequest):
    """What a node is failed with."""

    error: GivenError | None = None


class NodeAnswer(BaseModel):
    """A node after a manual override."""

    execution_id: str
    node_id: str
    status: str
    attempt: int = Field(description="Its number now: what ran under a smaller one is refused.")
