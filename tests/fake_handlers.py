"""What the tests of real workers share: handlers that do as they are told, and waiting for what follows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from headrace import Retryable, Skip, Terminal, handler
from orchestrator.engine import Engine
from orchestrator.execution.model import NodeState
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import until, workflow
from workers.context import HandlerContext


class Stage:
    """What the handlers of these tests and the tests themselves tell each other."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.started = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.was_cancelled = False
        self.most_at_once = 0
        self.at_once = 0


def register_handlers(stage: Stage) -> None:
    """Register handlers whose names begin with `test_`, which speak to one stage."""
    # long: a list of small handlers that all close over the stage

    @handler("test_wait")
    async def wait(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
        """Go on when the test says so."""
        stage.calls.append((context.node_id, context.attempt))
        stage.at_once += 1
        stage.most_at_once = max(stage.most_at_once, stage.at_once)
        stage.started.set()
        waits = [asyncio.ensure_future(event.wait()) for event in (stage.may_go_on, context.cancelled)]
        listens = waits if "when_told" in config else waits[:1]
        try:
            await asyncio.wait(listens, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            stage.was_cancelled = True
            raise
        finally:
            stage.at_once -= 1
            for each in waits:
                each.cancel()
        if context.is_cancelled() and config.get("when_told") == "stop":
            raise asyncio.CancelledError
        if context.is_cancelled() and config.get("when_told") == "finish":
            return {"in": "time"}
        return {"attempt": context.attempt, "worker": context.worker_id}

    @handler("test_raise")
    async def fail(config: Mapping[str, Any], context: HandlerContext) -> None:
        """Raise what the config names."""
        stage.calls.append((context.node_id, context.attempt))
        raise {
            "ValueError": ValueError("no such value"),
            "Terminal": Terminal("never", type="Mine.Terminal"),
            "Retryable": Retryable("later", type="Mine.Retryable"),
            "Skip": Skip("nothing to do"),
            "Cancelled": asyncio.CancelledError(),
        }[config["what"]]

    @handler("test_return")
    async def give(config: Mapping[str, Any], context: HandlerContext) -> Any:
        """Return something."""
        return {
            "nan": {"x": float("nan")},
            "bytes": {"x": b"raw"},
            "large": "x" * 5_000,
            "text": "plain",
            "nothing": None,
        }[config["what"]]

    @handler("test_report")
    async def report(config: Mapping[str, Any], context: HandlerContext) -> dict[str, Any]:
        """Log and report progress."""
        for number in range(5):
            context.log(f"line {number}", number=number)
        context.progress(0.5, "half")
        return {"key": context.idempotency_key, "try": context.try_number}


async def start(engine: Engine, *nodes: dict[str, Any], **extras: Any) -> str:
    return (await engine.executions.submit(workflow(*nodes, **extras), trigger=True)).execution_id


async def ended(engine: Engine, execution_id: str) -> ExecutionStatus:
    """Wait for the end of an execution and give it."""

    async def has_ended() -> bool:
        return (await engine.executions.status(execution_id)).is_terminal

    await until(has_ended)
    return await engine.executions.status(execution_id)


async def in_status(engine: Engine, execution_id: str, node_id: str, status: NodeStatus) -> NodeState:
    async def is_there() -> bool:
        return (await engine.nodes.get(execution_id, node_id)).state.status is status

    await until(is_there)
    return (await engine.nodes.get(execution_id, node_id)).state
