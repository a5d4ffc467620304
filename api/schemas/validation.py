"""Bodies of `/v1/validate`."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema

from api.schemas.warnings import ProblemEntry

#: Definitions that are sent beside the one to be judged.
MOST_BESIDE = 50


class ValidationRequest(BaseModel):
    """A definition to judge."""

    model_config = ConfigDict(extra="forbid", strict=True)

    definition: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]})] = Field(
        description="The definition as an object, or as YAML text."
    )
    beside: Annotated[
        list[Any],
        WithJsonSchema({"type": "array", "items": {"anyOf": [{"type": "object"}, {"type": "string"}]}}),
    ] = Field(
        default=[],
        max_length=MOST_BESIDE,
        description="Definitions that are going to be registered with it: one that it starts by name is "
        "looked for among them first. They are not judged.",
    )


class BareDefinition(RootModel[dict[str, Any]]):
    """Anything else is judged as a definition itself."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["definition"]}})


class Judged(RootModel[ValidationRequest | BareDefinition]):
    """What may be judged."""


class DefinitionSummary(BaseModel):
    """A definition in numbers; depth counts the nodes of its longest chain."""

    name: str
    version: str
    nodes: int
    edges: int
    depth: int


class ValidationAnswer(BaseModel):
    """Errors; of a definition without errors, warnings of likely mistakes."""

    valid: bool
    errors: list[ProblemEntry]
    warnings: list[ProblemEntry]
    summary: DefinitionSummary | None
    document: Any = Field(
        description="The definition as JSON, wrong or not; null where it cannot be read, and without "
        "`document=true`."
    )
