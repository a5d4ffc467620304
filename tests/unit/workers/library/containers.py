"""What the tests of the `container` handler share."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from clients.containers.spec import ContainerSettings
from orchestrator.errors import NodeError
from tests.unit.clients.containers.fake_engine import FakeContainer, FakeEngine
from workers.context import HandlerContext, Toolbox
from workers.handlers import HANDLER_REGISTRY
from workers.outcome import Failed, from_exception


class Kept:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def emit(self, type: str, data: dict[str, Any]) -> None:
        assert type == "node.log"
        assert threading.current_thread() is threading.main_thread()
        self.lines.append((data["data"]["stream"], data["message"]))


def toolbox_on(engine: FakeEngine) -> Toolbox:
    return Toolbox(container_settings=ContainerSettings(engine_url=engine.url, max_output_bytes=100_000))


def context_with(tools: Toolbox) -> HandlerContext:
    return HandlerContext(execution_id="e1", node_id="A", attempt=2, worker_id="w1", sink=Kept(), tools=tools)


def settings(context: HandlerContext, **changed: Any) -> None:
    """Change what the deployment allows."""
    before = context.tools.container_settings
    assert before is not None
    context.tools.container_settings = replace(before, **changed)


async def run(context: HandlerContext, **config: Any) -> Any:
    return await HANDLER_REGISTRY["container"]({"image": "tool:1", **config}, context)


async def fail(context: HandlerContext, **config: Any) -> NodeError:
    with pytest.raises(Exception) as raised:
        await run(context, **config)
    outcome = from_exception(raised.value)
    assert isinstance(outcome, Failed)
    return outcome.error


def saying(*parts: tuple[int, bytes], exit_code: int = 0) -> Callable[[FakeContainer], Awaitable[int]]:
    async def program(container: FakeContainer) -> int:
        for stream, data in parts:
            await container.write(data, stream)
        return exit_code

    return program
