"""Handlers that reshape data."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from workers.context import HandlerContext
from workers.registry import handler


class TransformConfig(BaseModel):
    """Either an `expression` (one template) or an `output` (any value with templates anywhere in it)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    expression: Any = None
    output: Any = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("transform takes exactly one of 'expression' and 'output'")
        return self


@handler("transform", config=TransformConfig)
async def transform(config: TransformConfig, context: HandlerContext) -> dict[str, Any]:
    """Give back what the templates of the config came to. Output: {"result": value}."""
    (name,) = config.model_fields_set
    return {"result": getattr(config, name)}
