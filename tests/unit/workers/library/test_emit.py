"""The handler `emit`."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import Terminal
from workers.context import HandlerContext
from workers.handlers import HANDLER_REGISTRY
from workers.reports import Written


class Kept:
    """Keeps events, and how many of them were waited for."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.awaited = 0

    def write(self, event: dict[str, Any]) -> Written:
        self.events.append(event)
        return Written(self._wait)

    async def _wait(self) -> None:
        self.awaited += 1


async def emit(**config: Any) -> tuple[Any, Kept]:
    kept = Kept()
    context = HandlerContext(execution_id="e1", node_id="A", events=kept)
    return await HANDLER_REGISTRY["emit"](config, context), kept


async def test_it_writes_one_event_and_waits_for_it() -> None:
    output, kept = await emit(type="Step", value={"n": 1}, parents=["Base"], internal=True)

    assert output == {"status": "ok", "type": "Step"}
    assert kept.events == [
        {"value": {"n": 1}, "types": ["Base"], "type": "Step", "qualified_name": None, "internal": True}
    ]
    assert kept.awaited == 1


async def test_only_the_type_is_needed() -> None:
    _, kept = await emit(type="Step")

    assert kept.events[0]["value"] is None
    assert kept.events[0]["internal"] is False


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "needs the config field 'type'"),
        ({"type": "a b"}, r"config\.type"),
        ({"type": "A", "x": 1}, "'x'"),
    ],
)
async def test_a_config_that_is_none_is_refused(config: dict[str, Any], says: str) -> None:
    with pytest.raises(Terminal, match=says) as refused:
        await emit(**config)

    assert refused.value.error_type == "ConfigError"
