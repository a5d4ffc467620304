"""The values that the verbs of `Transitions` take, and how each becomes arguments of a script."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from orchestrator.states import WaitingOn
from orchestrator.store.layout import Field, Slice
from orchestrator.store.script_client import Argument

Decision = Literal["approve", "deny"]
Word = Literal["complete", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class ClaimRequest:
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


#: The arguments of a call that asks for no further task.
NOTHING_TAKEN: tuple[Argument, ...] = (0, "", "", "", 0, "", "")


@dataclass(frozen=True, slots=True)
class AttemptToken:
    """A running attempt as its worker holds it: everything the fence compares."""

    execution_id: str
    node_id: str
    attempt: int
    nonce: str

    def arguments(self) -> tuple[Argument, ...]:
        return (self.node_id, self.attempt, self.nonce)


@dataclass(frozen=True, slots=True)
class Wait:
    """What a node waits for, and what becomes of it.

    awaits       name of the signal, or hash of what the people asked are shown.
    ask          all about it, JSON: what the answer is checked by, and what is shown.
    timeout_ms   from now; None waits for ever.
    is_fatal     whether the time limit fails the node, with `late` as its error; else `late` is its output.
    late         JSON.
    crowded      the error, JSON, if too many nodes of the execution wait for the same name.
    unless_late, if_late   branch targets left aside when the answer comes, and when it does not.
    """

    on: WaitingOn
    awaits: str
    ask: bytes
    timeout_ms: int | None
    is_fatal: bool
    late: bytes
    crowded: bytes
    quorum: int = 1
    unless_late: tuple[str, ...] = ()
    if_late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Idempotency:
    """One arrival of a request from outside, so that the request takes effect once.

    key      names the request, a hex digest: equal for every arrival of it.
    digest   of what it carries: another one under the same key is refused.
    call_id  new for every arrival, so that a call sent again is told from a request made again.
    name     the idempotency key as the client chose it; empty for a request without one.
    """

    key: str
    digest: str
    call_id: str
    name: str = ""

    @classmethod
    def named(cls, name: str, *, route: str, body: bytes) -> Idempotency:
        """Identify a request by its idempotency key, which counts for one route, and its body."""
        return cls(digest_of(f"{route}\n{name}"), digest_of(body), uuid.uuid4().hex, name)

    @classmethod
    def unnamed(cls) -> Idempotency:
        """Identify a request without an idempotency key: it equals no other."""
        call_id = uuid.uuid4().hex
        return cls(digest_of(call_id), digest_of(call_id), call_id)

    def arguments(self) -> tuple[Argument, ...]:
        return (self.key, self.digest, self.call_id)


@dataclass(frozen=True, slots=True)
class OperatorNote:
    """Who overrides a node, and why; both are kept in the history.

    attempt  the attempt number the override is meant for; None for any.
    """

    by: str
    reason: str | None = None
    attempt: int | None = None

    def arguments(self, idempotency: Idempotency) -> tuple[Argument, ...]:
        attempt: Argument = "" if self.attempt is None else self.attempt
        return (attempt, *idempotency.arguments(), orjson.dumps({"by": self.by, "reason": self.reason}))


@dataclass(frozen=True, slots=True)
class Child:
    """An execution to be started for a unit; every slice of it but the last is staged.

    definition   as it is stored, JSON.
    extra        runtime fields and values in turn; they beat those of the layout.
    most_levels  levels of children allowed below the root.
    too_deep     the error, JSON, of the unit whose child would be one level deeper.
    output       of a unit that does not wait for its child, JSON.
    """

    execution_id: str
    definition: bytes
    last: Slice
    extra: Sequence[Field]
    most_levels: int
    too_deep: bytes
    output: bytes


def digest_of(text: bytes | str) -> str:
    """Shorten a text to 40 hex digits that no other text has."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:40]
