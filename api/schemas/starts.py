"""What every body that starts an execution may say beside its inputs."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from orchestrator.definitions.definition import IdConflictPolicy
from orchestrator.operations.origin import KEY_CHARS, LABEL_CHARS, MOST_LABELS

#: Checked by the engine, which names every label that is wrong.
Labels = Annotated[
    dict[str, str],
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": MOST_LABELS,
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": LABEL_CHARS},
        }
    ),
]
TriggerDocument = Annotated[
    dict[str, Any],
    Field(
        description="Read by templates as `trigger`; `source` is `manual` unless it says so. Fixed by the "
        "first trigger."
    ),
]


class OriginFields(BaseModel):
    """Labels and key of a new execution."""

    model_config = ConfigDict(extra="forbid", strict=True)

    labels: Labels = Field(default={}, description="Executions are listed by them.")
    execution_key: str | None = Field(
        default=None,
        description=f"Your own name for it, up to {KEY_CHARS} characters: it is accepted wherever an id is.",
    )
    id_conflict_policy: IdConflictPolicy | None = Field(
        default=None,
        description="While another execution holds the key; `fail`, unless the definition says so.",
    )


class StartFields(OriginFields):
    """Everything that a start takes."""

    inputs: dict[str, Any] | None = None
    trigger: TriggerDocument | None = None
