"""Handlers that emit typed events, and what becomes of these."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from headrace import Retryable, Terminal, handler
from orchestrator.engine import Engine
from tests.fake_handlers import Stage
from workers.context import HandlerContext


def register_emitters(stage: Stage) -> list[Any]:
    """Register handlers that emit; the list takes what they see."""
    seen: list[Any] = []
    _register_those_that_emit()
    _register_those_that_go_on(stage, seen)
    return seen


def _register_those_that_emit() -> None:
    @handler("test_emit")
    async def emit(config: Mapping[str, Any], context: HandlerContext) -> None:
        """Log, stream and emit in turn."""
        for number in range(config.get("count", 3)):
            context.log(f"before {number}")
            context.token(f"text {number} ")
            await context.emit("Step", {"n": number})

    @handler("test_emit_without_waiting")
    async def without_waiting(config: Mapping[str, Any], context: HandlerContext) -> None:
        for number in range(config["count"]):
            context.emit("Step", {"n": number})
        if config.get("fails"):
            raise Terminal("after all")

    @handler("test_emit_and_fail_once")
    async def fail_once(config: Mapping[str, Any], context: HandlerContext) -> None:
        await context.emit("Step", {"n": context.attempt})
        if context.attempt == 1:
            raise Retryable("once more")

    @handler("test_emit_secret", secrets=("key",))
    async def secret(config: Mapping[str, Any], context: HandlerContext) -> None:
        await context.emit("Step", {config["key"]: [f"it is {config['key']}"]})


def _register_those_that_go_on(stage: Stage, seen: list[Any]) -> None:
    @handler("test_emit_and_go_on")
    async def go_on(config: Mapping[str, Any], context: HandlerContext) -> None:
        """Go on whatever becomes of the event."""
        try:
            await context.emit("Step", {"n": config["n"]})
        except Terminal as error:
            seen.append(error.error_type)

    @handler("test_emit_around_a_loss")
    async def around_a_loss(config: Mapping[str, Any], context: HandlerContext) -> None:
        """Emit, let the test take the first attempt away, and emit again."""
        await context.emit("Free", "before")
        stage.started.set()
        await stage.may_go_on.wait()
        try:
            await context.emit("Free", "after")
        except Terminal as error:
            seen.append(error.error_type)
            raise

    @handler("test_emit_later")
    async def later(config: Mapping[str, Any], context: HandlerContext) -> None:
        """Leave a task behind that emits when the attempt is over."""

        async def emit() -> None:
            await stage.may_go_on.wait()
            try:
                await context.emit("Step", {"n": 1})
            except Terminal as error:
                seen.append(str(error))

        seen.append(asyncio.create_task(emit()))


async def events(engine: Engine, execution_id: str) -> list[dict[str, Any]]:
    rows = await engine.events.list(execution_id, limit=100_000)
    return [orjson.loads(row.data) for row in rows if row.type == "node.event"]


async def error_of(engine: Engine, execution_id: str, node_id: str = "A") -> dict[str, Any]:
    state = (await engine.nodes.get(execution_id, node_id)).state
    assert state.error is not None
    return state.error
