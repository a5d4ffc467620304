"""Makers for tests of what waits for somebody outside."""

from __future__ import annotations

from typing import Any

from orchestrator.engine import Idempotency
from orchestrator.states import NodeStatus
from tests.integration.handler_steps import act, output_of
from tests.makers import Rig, node

N = NodeStatus


def wait(node_id: str = "W", after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return node(node_id, after=after, handler="wait_for_signal") | {"config": {"name": "go", **config}}


def key(text: str, body: str = "hash") -> Idempotency:
    return Idempotency.named(text, route="POST /signals", body=body.encode())


async def waiting(rig: Rig, *more: dict[str, Any], **config: Any) -> str:
    """An execution that waits for the signal `go`."""
    execution_id = await rig.submit(wait(**config), *more)
    await act(rig)
    assert (await rig.nodes(execution_id))["W"] is N.WAITING
    return execution_id


async def output(rig: Rig, execution_id: str, node_id: str = "W") -> Any:
    return output_of((await rig.engine.executions.results(execution_id))[node_id])


def ask(node_id: str = "P", after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return node(node_id, after=after, handler="approval") | {"config": {"prompt": "Ship it?", **config}}


async def asking(rig: Rig, *more: dict[str, Any], **config: Any) -> str:
    """An execution that waits for an approval."""
    execution_id = await rig.submit(ask(**config), *more)
    await act(rig)
    assert (await rig.nodes(execution_id))["P"] is N.WAITING
    return execution_id


async def shown(rig: Rig, execution_id: str) -> str:
    return (await rig.engine.approvals.get(execution_id, "P")).shown


async def decide(rig: Rig, execution_id: str, decision: Any = "approve", by: str = "ann", **more: Any) -> Any:
    more = {"shown": more.pop("shown", None) or await shown(rig, execution_id)} | more
    return await rig.engine.approvals.decide(execution_id, "P", decision=decision, by=by, **more)
