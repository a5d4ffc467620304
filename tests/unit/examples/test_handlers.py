"""The handler that comes along as an example of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import Terminal
from tests.own_handlers import loaded
from workers.context import HandlerContext
from workers.handlers import get_handler


class Sink:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, type: str, data: dict[str, Any]) -> None:
        self.events.append((type, data))


async def test_it_reports_each_check_and_says_how_many_passed() -> None:
    sink = Sink()
    context = HandlerContext(execution_id="e", node_id="audit", sink=sink)
    with loaded("examples.handlers"):
        spec = get_handler("audit_trip")
        output = await spec({"subject": "trip", "checks": ["one", "two"], "seconds_per_check": 0}, context)

    reported = [(data["fraction"], data["message"]) for name, data in sink.events if name == "node.progress"]
    assert output == {"subject": "trip", "passed": 2}
    assert reported == [(0.5, "one"), (1.0, "two")]


async def test_a_config_without_checks_is_refused() -> None:
    with loaded("examples.handlers"), pytest.raises(Terminal, match="checks"):
        await get_handler("audit_trip")(
            {"subject": "trip", "checks": []}, HandlerContext(execution_id="e", node_id="audit")
        )
