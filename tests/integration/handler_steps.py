"""Runs real handlers in single steps on the clock of a rig, so that tests may move time between them."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.store.replies import Claim
from tests.makers import FakeWorker, Rig, held_by
from workers.context import StopSignal, Toolbox
from workers.hosts.ends import GivenBack
from workers.runtime.event_buffer import EventBuffer
from workers.runtime.event_writer import LineSender
from workers.runtime.recording import end_call
from workers.runtime.runner import Runner


class Lines:
    """Takes what handlers log."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def emit(self, type: str, data: dict[str, Any]) -> None:
        self.texts.append(str(data.get("message")))


async def act(rig: Rig, *, worker: FakeWorker | None = None, lines: Lines | None = None) -> list[str]:
    """Run what is queued, and what follows, until nothing is; gives the node ids in the order they ran.

    Typed events become history; other lines only go to `lines`.
    """
    worker = worker or rig.worker
    runner = Runner(
        worker_id=worker.worker_id,
        tools=Toolbox(),
        items=rig.store.items,
        interfaces=rig.store.interfaces,
    )
    ran: list[str] = []
    while tasks := await worker.read():
        for task in tasks:
            claim = await worker.claim(task)
            if not isinstance(claim, Claim):
                continue
            spec = orjson.loads(claim.spec)
            buffer = EventBuffer()
            sender = LineSender(rig.transitions, held_by(claim), buffer)
            result = await runner.run(claim, spec, lines or buffer, StopSignal(), sender)
            assert not isinstance(result, GivenBack)
            ended = await end_call(
                rig.transitions, claim, spec, result, output_max_bytes=1_000_000, claiming=None
            )
            assert ended.word == "ok", (held_by(claim), ended)
            ran.append(claim.node_id)
            if ended.more:
                await rig.drain_worklist(claim.execution_id)
    return ran


def output_of(text: bytes | None) -> Any:
    """Read an output as stored."""
    return None if text is None else orjson.loads(text)
