"""Handlers that reshape data."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headrace import handler
from workers.context import HandlerContext
from workers.library.plain_text import as_text


class TransformConfig(BaseModel):
    """Either an `expression` (one template) or an `output` (any value with templates anywhere in it).

    With `as: text` the result is text whatever came out; a value keeps its type otherwise.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    expression: Any = None
    output: Any = None
    form: Annotated[Literal["text", "value"], Field(alias="as")] = "value"

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if len(self.model_fields_set - {"form"}) != 1:
            raise ValueError("transform takes exactly one of 'expression' and 'output'")
        return self


@handler("transform", config=TransformConfig)
async def transform(config: TransformConfig, context: HandlerContext) -> dict[str, Any]:
    """Give back what the templates of the config came to. Output: {"result": value}."""
    (name,) = config.model_fields_set - {"form"}
    value = getattr(config, name)
    return {"result": as_text(value) if config.form == "text" else value}
