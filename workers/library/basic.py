"""Handlers that do no work of their own: placeholders, beginnings and ends, and failures to order."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, field_validator

from headrace import Terminal, handler
from orchestrator.definitions.ends import INPUT, OUTPUT
from orchestrator.errors import ErrorType
from workers.config_models import WHOLE
from workers.context import HandlerContext
from workers.library.plain_text import as_text


@handler("noop")
async def noop(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
    """Do nothing, with any config. Output: {"status": "ok"}."""
    return {"status": "ok"}


@handler(INPUT)
async def give_inputs(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
    """Give the inputs of the execution; the config holds the values of those that are not given.

    Output: an object, one field for each input.
    """
    return {**config, **context.inputs}


@handler(OUTPUT)
async def give_output(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
    """Give the config with its templates resolved or, without one, the outputs of the dependencies by id.

    A dependency without an output, because it was skipped, is left out.
    """
    return dict(config) or dict(context.outputs)


class FailConfig(BaseModel):
    """The error to fail with: its message and, for `catch` and `retry`, its type."""

    model_config = ConfigDict(extra="forbid", strict=True)

    message: str
    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")] = ErrorType.HANDLER_ERROR

    @field_validator("message", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return value if value is None else as_text(value)


@handler("fail", config=FailConfig)
async def fail(config: FailConfig, context: HandlerContext) -> NoReturn:
    """Fail, for a state that the definition finds and cannot go on from. Not tried again."""
    raise Terminal(config.message, type=config.type)


class UnreliableConfig(BaseModel):
    """How often to fail: by chance, or on the first `fail_times` tries and never again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    failure_rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    fail_times: Annotated[int, Field(ge=0), WHOLE] | None = None


@handler("unreliable_handler", "unreliable", config=UnreliableConfig)
async def unreliable(config: UnreliableConfig, context: HandlerContext) -> dict[str, Any]:
    """Fail half the time, to show retries at work.

    Output: {"status": "ok", "message": "Sometimes it works"}.
    """
    if config.fail_times is not None:
        fails = context.try_number <= config.fail_times
    else:
        fails = random.random() < config.failure_rate
    if fails:
        raise RuntimeError("Simulated failure")
    return {"status": "ok", "message": "Sometimes it works"}
