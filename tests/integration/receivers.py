"""Receivers of messages about ends of executions, and the loop that sends to them, on a clock of the test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from orchestrator.documents.limits import Limits
from orchestrator.execution.deliveries import Answer, Delivery, message_body
from orchestrator.loops.webhooks import Channel, Webhooks
from orchestrator.operations.chained_starts import ChainedStarts
from tests.makers import Rig, node
from workers.handlers import Catalogue

URL = "https://receiver.example/hook"
TAKEN = Answer(3, 204)


def refused(status: int = 503, **more: Any) -> Answer:
    return Answer(3, status, error=f"https://receiver.example answered {status}", **more)


@dataclass
class Receiver:
    """Stands in for the network. answer: what it says to a message that comes at a moment, Redis ms."""

    answer: Callable[[Delivery, int], Answer] = lambda delivery, now_ms: TAKEN
    #: Moment, id and body of every message that came.
    seen: list[tuple[int, str, bytes]] = field(default_factory=list)
    #: Cleared, it lets every message wait for its answer.
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def content(self, delivery: Delivery, data: Mapping[str, Any]) -> bytes:
        return message_body(delivery, data)

    async def send(self, delivery: Delivery, content: bytes, now_ms: int) -> Answer:
        self.seen.append((now_ms, delivery.message_id, content))
        await self.may_answer.wait()
        return self.answer(delivery, now_ms)

    def moments(self, since_ms: int) -> list[float]:
        """When messages came, seconds after a moment."""
        return [(now_ms - since_ms) / 1000 for now_ms, _, _ in self.seen]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for _, _, body in self.seen]


def sending(rig: Rig, receiver: Channel, *, random: Callable[[], float] = lambda: 0.0) -> Webhooks:
    """The loop, with this receiver in place of the network and without jitter."""
    starts = ChainedStarts(rig.store, rig.transitions, catalogue=Catalogue, limits=Limits())

    async def clock() -> int:
        return rig.now_ms

    return Webhooks(rig.store, rig.transitions, webhook=receiver, workflow=starts, clock=clock, random=random)


async def look(rig: Rig, webhooks: Webhooks, *, after_ms: int = 0) -> int:
    """Move the clock, then make every attempt that is due; gives how many were taken."""
    rig.transitions.now_ms = rig.now_ms + after_ms
    made = await webhooks.run_once(rig.now_ms)
    await webhooks.idle()
    return made


async def pass_time(rig: Rig, webhooks: Webhooks, until_ms: int) -> None:
    """Go from one due attempt to the next, up to a moment."""
    while True:
        due = await rig.redis.zrange("workflows:deliveries_due", 0, 0, withscores=True)
        moment = int(due[0][1]) if due else until_ms + 1
        if moment > until_ms:
            rig.transitions.now_ms = until_ms
            return
        await look(rig, webhooks, after_ms=max(0, moment - rig.now_ms))


async def ended(rig: Rig, **targets: Any) -> str:
    """An execution that has completed; it notifies URL unless other targets are given."""
    execution_id = await rig.submit(node("A"), **(targets or {"on_complete": {"url": URL}}))
    await rig.worker.run_all()
    return execution_id


async def delivery_of(rig: Rig, execution_id: str) -> Delivery:
    """Its only delivery, or the newest."""
    page = await rig.engine.deliveries.list(execution_id=execution_id)
    found: Delivery = page.items[0]
    return found
