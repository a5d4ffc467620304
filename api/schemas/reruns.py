"""Bodies of retry, replay and fork."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.warnings import Warnings
from api.schemas.workflow import StatusWord
from orchestrator.operations.results import Forked, Rerun, Submitted

_INPUTS = "Inputs that override those of the execution; with `merge` false they replace all of them."


class RetryRequest(BaseModel):
    """Optional body of a retry."""

    model_config = ConfigDict(extra="forbid", strict=True)

    nodes: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Run again only these, and all behind them: nodes that failed or were cancelled, and maps"
        " with failed items. Without it, all that failed.",
    )
    preview: bool = Field(default=False, description="Say what would run, and change nothing.")
    generation: int | None = Field(
        default=None,
        ge=1,
        description="The generation to retry, as a preview names it: sent again, nothing is retried twice.",
    )


class RetryAnswer(BaseModel):
    """What runs again; `already` when that generation had been retried before."""

    execution_id: str
    status: StatusWord
    generation: int = Field(description="The generation the execution is in now.")
    nodes: list[str] | None = Field(description="In definition order; null with `already`.")
    preview: bool
    already: bool


class ReplayRequest(BaseModel):
    """Optional body of a replay."""

    model_config = ConfigDict(extra="forbid", strict=True)

    inputs: dict[str, Any] | None = Field(default=None, description=_INPUTS)
    trigger: dict[str, Any] | None = Field(default=None, description="The same for the trigger document.")
    merge: bool = True


class ReplayAnswer(BaseModel):
    execution_id: str
    status: StatusWord
    replay_of: str
    warnings: Warnings


class ForkRequest(BaseModel):
    """Optional body of a fork: the change, in any combination. Without one, what did not complete runs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    from_node: str | None = Field(default=None, description="A node to run again, with all behind it.")
    #: Checked in `validator.definition_in`, which can say what is wrong in one sentence; a union cannot.
    definition: Annotated[
        Any, WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}, {"type": "null"}]})
    ] = Field(default=None, description="Another definition as an object, or as YAML text.")
    inputs: dict[str, Any] | None = Field(default=None, description=_INPUTS)
    merge: bool = True
    preview: bool = Field(default=False, description="Say what would run, and create nothing.")


class ForkAnswer(BaseModel):
    """Every node is in one of the three lists, each in definition order."""

    execution_id: str | None = Field(description="Null in a preview.")
    status: StatusWord | None = Field(description="Null in a preview.")
    forked_from: str
    nodes: list[str] = Field(description="Run again, or for the first time.")
    reused: list[str] = Field(description="Keep their outputs.")
    skipped: list[str] = Field(description="Skipped at once, because of what is kept.")
    preview: bool
    warnings: Warnings


def retry_fields(done: Rerun, *, is_preview: bool) -> dict[str, Any]:
    """Show a retry, or the preview of one."""
    return {
        "execution_id": done.execution_id,
        "status": str(done.status),
        "generation": done.generation,
        "nodes": done.nodes,
        "preview": is_preview,
        "already": done.already,
    }


def replay_fields(replay: Submitted, source_id: str) -> dict[str, Any]:
    """Show a replay."""
    return {"execution_id": replay.execution_id, "status": str(replay.status), "replay_of": source_id}


def fork_fields(fork: Forked, *, is_preview: bool) -> dict[str, Any]:
    """Show a fork, or the preview of one."""
    return {
        "execution_id": fork.execution_id,
        "status": fork.status and str(fork.status),
        "forked_from": fork.forked_from,
        "nodes": fork.nodes,
        "reused": fork.reused,
        "skipped": fork.skipped,
        "preview": is_preview,
    }
