"""What a feed sends."""

from pydantic import BaseModel, ConfigDict, Field, RootModel

from api.schemas.executions import ExecutionSummary


class Ready(BaseModel):
    """`event: ready`: from here on nothing is missed."""

    model_config = ConfigDict(extra="forbid")


class RemovedExecution(BaseModel):
    """`event: removed`: it was purged."""

    execution_id: str


class Totals(BaseModel):
    """`event: totals`: what is to be done."""

    approvals: int = Field(description="Approvals that are pending.")
    dead: int = Field(description="Entries on the list of dead nodes.")


class FeedLine(RootModel[ExecutionSummary | RemovedExecution | Totals | Ready]):
    """The `data:` of a frame; `event: execution` has a row of the list."""
