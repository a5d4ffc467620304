"""The handler that writes a typed event."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace import handler
from headrace.event_names import MOST_PARENTS
from orchestrator.definitions.interface import EMIT
from workers.context import HandlerContext

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]


class EmitConfig(BaseModel):
    """The event: its type, its value, and what it is for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: _Name
    value: Any = None
    #: Names of parent types; those that the `interface` declares, if none.
    parents: Annotated[list[_Name], Field(max_length=MOST_PARENTS)] = []
    internal: bool = False


@handler(EMIT, config=EmitConfig)
async def emit(config: EmitConfig, context: HandlerContext) -> dict[str, Any]:
    """Write a typed event into the history, as `node.event`. It is never dropped.

    Output: {"status": "ok", "type": its type}.
    """
    await context.emit(config.type, config.value, config.parents, config.internal)
    return {"status": "ok", "type": config.type}
