"""Bodies and answers of the job calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.detail_failures import DetailProblem
from api.dialects.jobs.lowering import PARAMS
from orchestrator.errors import Problem

Op = Literal["preprocess", "llm_summarize", "store_result"]


class JobParams(BaseModel):
    """What an op is given; each takes its own of these."""

    model_config = ConfigDict(extra="forbid", strict=True)

    field: str = Field(default="text", description="preprocess: the input to read.")
    source: Any = Field(default="@pre.clean_text", description="llm_summarize: the text, or where it is.")
    max_tokens: Annotated[int, Field(ge=0)] = Field(
        default=120, description="llm_summarize: the longest summary, in characters."
    )
    namespace: str = Field(default="default", description="store_result: where to store.")
    data: Any = Field(default="@llm.summary", description="store_result: the value, or where it is.")


class JobStep(BaseModel):
    """One step. A value that begins with `@` is the output of a step before it: `@step`, or `@step.key`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
    op: Op
    needs: list[str] = Field(default=[], description="Ids of steps that come before it.")
    params: JobParams = JobParams()

    @model_validator(mode="after")
    def _params_of_its_op(self) -> Self:
        allowed = PARAMS[self.op]
        if strange := sorted(self.params.model_fields_set - set(allowed)):
            names = ", ".join(map(repr, strange))
            raise ValueError(f"op '{self.op}' takes no {names}; it takes {', '.join(allowed)}")
        return self


class JobRequest(BaseModel):
    """A job: steps that run one after the other, each behind those it needs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    run_name: str
    inputs: dict[str, Any] = {}
    steps: Annotated[list[JobStep], Field(max_length=10_000)]


def id_problems(job: JobRequest) -> Iterator[Problem]:
    """Name each step whose id another one before it has."""
    first: dict[str, int] = {}
    for place, step in enumerate(job.steps):
        if (other := first.setdefault(step.id, place)) != place:
            message = f"step {step.id!r} has the id of step {other + 1}; each needs one of its own"
            yield Problem(f"steps[{place}].id", "duplicate_id", message)


class JobAccepted(BaseModel):
    job_id: str
    status_url: str


class ProgressLine(BaseModel):
    """Something that happened: `ts` in Unix seconds, `msg`, and what belongs to that message."""

    model_config = ConfigDict(extra="allow")

    ts: float
    msg: Literal["enqueued", "started", "step_start", "step_done", "finished", "failed"]


class JobStatus(BaseModel):
    """A job as it stands. `result` is null until it has finished; `error` is there once it has failed.

    detail  which step refers to nothing, where that is why.
    """

    status: Literal["queued", "started", "finished", "failed"]
    progress: list[ProgressLine]
    result: Any
    error: str | None = None
    detail: str | None = None


class JobFailure(BaseModel):
    """What every failure of these calls says: a sentence or, with 422, what is wrong, one by one."""

    detail: str | list[DetailProblem]
