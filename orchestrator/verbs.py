"""What all transitions are made of: how a worker names what it holds, and how a verb becomes a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestrator.courier import Argument, Call, Courier
from orchestrator.replies import Ended, read_ended

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Take:
    """What a worker asks for in the call that ends an attempt: further tasks, so that a node costs one round
    trip.

    request_id  new for every call; the same one again gets the same claims.
    lease_ms    until the claims must be renewed.
    queues    what the worker reads, in order; handlers  what it can run: a space on either side of each name.
    """

    count: int
    request_id: str
    worker_id: str
    consumer: str
    lease_ms: int
    queues: str
    handlers: str

    def arguments(self) -> tuple[Argument, ...]:
        return (
            self.count, self.request_id, self.worker_id, self.consumer, self.lease_ms,
            self.queues, self.handlers,
        )  # fmt: skip


_NOTHING = (0, "", "", "", 0, "", "")


@dataclass(frozen=True, slots=True)
class Holding:
    """A running attempt as its worker holds it: everything the fence compares."""

    execution_id: str
    node_id: str
    attempt: int
    nonce: str


class Verbs(Courier):
    """Builds calls. A verb of a running attempt may claim further tasks in the same call."""

    def _call(
        self, name: str, execution_id: str, arguments: tuple[Argument, ...], read: Callable[[Any], R]
    ) -> Call[R]:
        return Call(self, name, self.keys.runtime(execution_id), (execution_id, *arguments), read)

    def _end(self, name: str, holding: Holding, take: Take | None, *own: Argument) -> Call[Ended]:
        taking = take.arguments() if take else _NOTHING
        return self._call(name, holding.execution_id, (*held(holding), *taking, *own), read_ended)


def held(holding: Holding) -> tuple[Argument, ...]:
    return (holding.node_id, holding.attempt, holding.nonce)
