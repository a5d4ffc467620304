"""Handlers that do no work of their own: placeholders, and a failure to order."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from workers.config_models import WHOLE
from workers.context import HandlerContext
from workers.registry import handler


@handler("noop")
async def noop(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
    """Do nothing, with any config. Output: {"status": "ok"}."""
    return {"status": "ok"}


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
