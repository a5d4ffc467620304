"""What every body that starts an execution may say beside its inputs."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from orchestrator.definitions.definition import IdConflictPolicy
from orchestrator.definitions.targets import HEADER_CHARS, MOST_HEADERS, MOST_TARGETS, URL_CHARS
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


_TARGET = {
    "anyOf": [
        {
            "type": "object",
            "properties": {
                "url": {"type": "string", "maxLength": URL_CHARS},
                "secret": {"type": ["string", "null"]},
                "headers": {
                    "type": ["object", "null"],
                    "additionalProperties": {"type": "string", "maxLength": HEADER_CHARS},
                    "maxProperties": MOST_HEADERS,
                },
            },
            "required": ["url"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"workflow": {"type": "string"}, "inputs": {"type": ["object", "null"]}},
            "required": ["workflow"],
            "additionalProperties": False,
        },
    ]
}
_TARGETS = {
    "anyOf": [_TARGET, {"type": "array", "items": _TARGET, "maxItems": MOST_TARGETS}, {"type": "null"}]
}
#: Checked by the engine, which names every one that is wrong.
TargetsSent = Annotated[
    Any,
    WithJsonSchema(_TARGETS),
    Field(
        description="A webhook `{url, secret, headers}` or a workflow `{workflow, inputs}` that is started, "
        "or a list of them, beside those of the definition; `secret` is a name in `WEBHOOK_SECRETS`."
    ),
]


class OriginFields(BaseModel):
    """Labels, key and targets of a new execution."""

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
    on_complete: TargetsSent = None
    on_failure: TargetsSent = None
    on_cancel: TargetsSent = None


class StartFields(OriginFields):
    """Everything that a start takes."""

    inputs: dict[str, Any] | None = None
    trigger: TriggerDocument | None = None
