"""Bodies of signals and approvals."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.times import rfc3339
from api.schemas.workflow import StatusWord
from orchestrator.execution.model import Approval
from orchestrator.operations.results import Decided, Signalled

_AnyJson = Annotated[Any, WithJsonSchema({})]


class SignalRequest(BaseModel):
    """Optional body of a signal."""

    model_config = ConfigDict(extra="forbid", strict=True)

    payload: _AnyJson = Field(default=None, description="Any JSON, 64 KiB at most; null without it.")


class SignalAnswer(BaseModel):
    """A signal that was delivered, or kept."""

    execution_id: str
    status: StatusWord
    signal: str
    nodes: int = Field(description="Nodes that waited for it and now have it as their output.")
    kept: bool = Field(description="No node waited: it is kept for the first that will.")


class DecisionRequest(BaseModel):
    """A decision, about what the approval showed."""

    model_config = ConfigDict(extra="forbid", strict=True)

    decision: Literal["approve", "deny"]
    by: str = Field(min_length=1, max_length=256, description="Who decides.")
    shown: str = Field(min_length=1, max_length=128, description="The approval's `shown`, as it was read.")
    form: _AnyJson = Field(default=None, description="What was filled in, 64 KiB at most.")


class DecisionAnswer(BaseModel):
    """A decision that was recorded; `output` is null while more approvals are needed."""

    execution_id: str
    node_id: str
    pending: bool
    approvals: int
    quorum: int
    output: dict[str, Any] | None


class ApprovalView(BaseModel):
    """An approval, pending or not."""

    execution_id: str
    name: str = Field(description="Name of the definition.")
    node_id: str
    pending: bool
    status: str = Field(description="The node's status.")
    shown: str = Field(description="Hash of prompt, form, assignees and quorum; a decision carries it.")
    prompt: str
    form: dict[str, Any] | None = Field(description="JSON Schema of what is to be filled in.")
    assignees: list[str] | None = Field(description="Who may decide; null: no restriction.")
    quorum: int
    approvals: int
    votes: list[dict[str, Any]]
    asked_at: str | None
    due_at: str | None
    output: dict[str, Any] | None = Field(description="What was decided.")


class ApprovalPage(BaseModel):
    """Those that wait longest first; `next_cursor` is null on the last page."""

    items: list[ApprovalView]
    next_cursor: str | None


def signal_fields(done: Signalled, name: str) -> dict[str, Any]:
    """Show what became of a signal."""
    return {
        "execution_id": done.execution_id,
        "status": str(done.status),
        "signal": name,
        "nodes": done.nodes,
        "kept": done.nodes == 0,
    }


def decision_fields(done: Decided) -> dict[str, Any]:
    """Show a decision that was recorded."""
    return {
        "execution_id": done.execution_id,
        "node_id": done.node_id,
        "pending": done.output is None,
        "approvals": done.given,
        "quorum": done.quorum,
        "output": None if done.output is None else orjson.Fragment(done.output),
    }


def approval_fields(approval: Approval) -> dict[str, Any]:
    """Show an approval; votes and output are spliced in as stored."""
    return {
        "execution_id": approval.execution_id,
        "name": approval.name,
        "node_id": approval.node_id,
        "pending": approval.is_pending,
        "status": str(approval.status),
        "shown": approval.shown,
        "prompt": approval.prompt,
        "form": approval.form,
        "assignees": approval.assignees,
        "quorum": approval.quorum,
        "approvals": approval.given,
        "votes": orjson.Fragment(approval.votes),
        "asked_at": rfc3339(approval.asked_ms),
        "due_at": rfc3339(approval.due_ms),
        "output": None if approval.output is None else orjson.Fragment(approval.output),
    }
