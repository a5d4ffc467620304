"""What the tests of the `notify` handler share."""

from __future__ import annotations

from typing import Any

import pytest

from workers.context import HandlerContext
from workers.handlers import HANDLER_REGISTRY
from workers.outcome import Failed, from_exception


class Kept:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, type: str, data: dict[str, Any]) -> None:
        self.events.append((type, data))


async def run(context: HandlerContext, **config: Any) -> Any:
    return await HANDLER_REGISTRY["notify"](config, context)


async def fail(context: HandlerContext, **config: Any) -> Failed:
    with pytest.raises(Exception) as raised:
        await run(context, **config)
    outcome = from_exception(raised.value)
    assert isinstance(outcome, Failed)
    return outcome
