"""Bodies of `/v1/workflows`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.starts import Labels, StartFields
from api.schemas.warnings import Warnings
from api.schemas.workflow import WorkflowDefinition


class RegisterRequest(BaseModel):
    """A definition with what the registry keeps beside it. What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    #: Checked in `validator.definition_in`, which can say what is wrong in one sentence; a union cannot.
    definition: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]})] = Field(
        description="The definition as an object, or as YAML text; at most 1 MiB."
    )
    labels: Labels | None = Field(default=None, description="Workflows are listed by them.")
    is_active: bool | None = Field(default=None, description="False: no new execution starts.")


class ChangeRequest(BaseModel):
    """What is kept beside a definition. What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    labels: Labels | None = Field(default=None, description="All of them: what is not named is taken away.")
    is_active: bool | None = Field(default=None, description="False: no new execution starts.")


class StartRequest(StartFields):
    """Optional body of a start."""

    version: int | None = Field(default=None, ge=1, description="The newest one, unless another is named.")


class WorkflowSummary(BaseModel):
    """A workflow of the registry without its documents."""

    workflow_id: str
    tenant: str
    name: str = Field(description="Unique; it never changes, whatever becomes of the title.")
    title: str = Field(description="The `name` in its definition.")
    description: str = Field(description="The first 2,000 characters.")
    labels: dict[str, str]
    is_active: bool
    version: int = Field(description="Number of the newest version, from 1.")
    has_interface: bool = Field(description="Whether that version declares its events.")
    hash: str = Field(description="Names the definition: equal ones have equal hashes.")
    media_type: str = Field(description="Of its source.")
    created_at: str
    updated_at: str


class WorkflowDetail(WorkflowSummary):
    definition: WorkflowDefinition
    source: str | None = Field(
        description="The document as it was sent; null where it is no UTF-8, see its own route."
    )


class WorkflowPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[WorkflowSummary]
    next_cursor: str | None


class VersionSummary(BaseModel):
    """One version of a workflow; it never changes."""

    version: int
    hash: str
    title: str
    media_type: str
    created_at: str


class VersionDetail(VersionSummary):
    definition: WorkflowDefinition


class VersionPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[VersionSummary]
    next_cursor: str | None


#: What a registration takes as its body.
Outcome = Literal["created", "updated", "unchanged"]


class WorkflowChanged(WorkflowSummary):
    outcome: Outcome = Field(description="Whether it was new, is another now, or had all this already.")
    warnings: Warnings
