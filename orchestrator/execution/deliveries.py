"""Deliveries of messages about ends of executions: what is sent, when, and what an answer means. Pure.

The rhythm and the meaning of answers are those of Standard Webhooks 1.0.0 (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from orchestrator.definitions.targets import Target
from orchestrator.documents import exact_json
from orchestrator.documents.times import rfc3339
from orchestrator.states import ExecutionStatus

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
#: Before each attempt, after the one before.
RHYTHM_MS = (
    0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
)  # fmt: skip
#: Each pause is lengthened by a random part of it, at most this: receivers that failed together are not
#: met together again.
JITTER = 0.1
#: Answers after which other messages to the same place wait too.
THROTTLING = frozenset({429, 502, 503, 504})
GONE = 410
#: Of a message, as JSON; of the output and of the error's text in it.
BODY_BYTES, OUTPUT_BYTES, ERROR_CHARS = 20_000, 8 * 1024, 1_000
#: Of the text of an attempt that failed.
ATTEMPT_ERROR_CHARS = 500
#: Executions, each started by the end of the one before.
MOST_CHAINED = 10

_EVENTS = {
    ExecutionStatus.COMPLETED: "execution.completed",
    ExecutionStatus.FAILED: "execution.failed",
    ExecutionStatus.CANCELLED: "execution.cancelled",
}


class DeliveryState(StrEnum):
    """Where a delivery stands. All but PENDING have ended; a delivery that is sent again is PENDING again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    #: Its attempts are used up, or no other attempt can end otherwise.
    FAILED = "failed"
    #: The receiver wants no more of it: 410.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that was recorded.

    number       counted from 1, those before a resend too.
    at_ms        when it began.
    status_code  of the answer; None where none came.
    error        why it is no success; at most 500 characters.
    started      the execution that it has started.
    """

    number: int
    at_ms: int
    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    started: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt; without an error it was a success.

    retry_after_s  the receiver's wish.
    is_final       no other attempt can end otherwise: the address is forbidden, the request cannot be sent.
    """

    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    retry_after_s: float | None = None
    is_final: bool = False
    started: str | None = None


@dataclass(frozen=True, slots=True)
class NextStep:
    """What an attempt brings a delivery to. delay_ms: until the next one; 0 where it has ended."""

    state: DeliveryState
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message about one end of an execution to one target.

    delivery_id  `EXECUTION.GENERATION.NUMBER`; the id of the message is made of it, and is the same at every
                 attempt.
    status, ended_ms  of the execution, in that generation.
    tries        attempts since it was made, or last sent again by hand: its place in the rhythm.
    attempts     the last of them, oldest first.
    content      what is sent; None before the first attempt.
    is_claimed   an attempt is being made.
    """

    delivery_id: str
    tenant: str
    execution_id: str
    generation: int
    status: ExecutionStatus
    ended_ms: int
    target: Target
    state: DeliveryState
    tries: int
    due_ms: int | None = None
    closed_ms: int | None = None
    is_claimed: bool = False
    content: bytes | None = None
    attempts: tuple[Attempt, ...] = ()
    name: str = ""
    version: str = ""
    workflow_id: str | None = None
    workflow_version: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    execution_key: str | None = None
    started_ms: int | None = None
    error: Any = None
    chain: int = 0

    @classmethod
    def from_redis(cls, delivery_id: str, row: Mapping[bytes, bytes]) -> Delivery:
        """Read one from its record. Raises ValueError, KeyError for one that no engine wrote."""

        def number(name: bytes) -> int | None:
            return int(row[name]) if row.get(name) else None

        return cls(
            delivery_id=delivery_id,
            tenant=row[b"tenant"].decode(),
            execution_id=row[b"execution_id"].decode(),
            generation=int(row[b"generation"]),
            status=ExecutionStatus(row[b"status"].decode()),
            ended_ms=int(row[b"ended_ms"]),
            target=Target.from_json(row[b"target"]),
            state=DeliveryState(row[b"state"].decode()),
            tries=int(row[b"tries"]),
            due_ms=number(b"due_ms"),
            closed_ms=number(b"closed_ms"),
            is_claimed=bool(row.get(b"claim")),
            content=row.get(b"content"),
            attempts=tuple(_attempts(row)),
            name=row.get(b"name", b"").decode(),
            version=row.get(b"version", b"").decode(),
            workflow_id=row[b"workflow_id"].decode() if b"workflow_id" in row else None,
            workflow_version=number(b"workflow_version"),
            labels=orjson.loads(row[b"labels"]) if b"labels" in row else {},
            execution_key=row[b"execution_key"].decode() if b"execution_key" in row else None,
            started_ms=number(b"started_ms"),
            error=exact_json.loads(row[b"error"]) if b"error" in row else None,
            chain=number(b"chain") or 0,
        )

    @property
    def message_id(self) -> str:
        """What the message is called in its `webhook-id`: a receiver drops what it has taken before."""
        # Hashed: an id is signed together with what follows it, parted by dots.
        return f"msg_{hashlib.sha256(self.delivery_id.encode()).hexdigest()[:32]}"

    @property
    def event(self) -> str:
        """The type of the event: `execution.completed`, `execution.failed`, `execution.cancelled`."""
        return _EVENTS[self.status]


def _attempts(row: Mapping[bytes, bytes]) -> list[Attempt]:
    found = ((int(name.removeprefix(b"attempt|")), text) for name, text in row.items() if b"attempt|" in name)
    return [Attempt(number, **orjson.loads(text)) for number, text in sorted(found)]


def attempt_json(answer: Answer, *, at_ms: int) -> bytes:
    """Write an attempt as it is stored."""
    error = None if answer.error is None else answer.error[:ATTEMPT_ERROR_CHARS]
    parts = {
        "at_ms": at_ms,
        "duration_ms": answer.duration_ms,
        "status_code": answer.status_code,
        "error": error,
        "started": answer.started,
    }
    return orjson.dumps({name: value for name, value in parts.items() if value is not None})


def next_step(answer: Answer, tries: int, random: Callable[[], float]) -> NextStep:
    """Say what follows from an answer.

    tries   attempts before this one, in this rhythm.
    random  a number from 0 to 1.
    """
    if answer.error is None:
        return NextStep(DeliveryState.DELIVERED)
    if answer.status_code == GONE:
        return NextStep(DeliveryState.GONE)
    if answer.is_final or tries + 1 >= len(RHYTHM_MS):
        return NextStep(DeliveryState.FAILED)
    pause_ms = RHYTHM_MS[tries + 1]
    pause_ms += round(pause_ms * JITTER * random())
    wish_ms = round(1_000 * min(answer.retry_after_s or 0, 24 * 3_600))
    return NextStep(DeliveryState.PENDING, max(pause_ms, wish_ms))


def event_data(delivery: Delivery, *, output: bytes | None = None, failure: Any = None) -> dict[str, Any]:
    """Put together what a message says of an execution; what it has not is left out.

    output   of the whole, JSON; left out where it is large.
    failure  the newest error of a node, where the execution has none of its own.
    """
    error = delivery.error or failure if delivery.status is ExecutionStatus.FAILED else None
    found = {
        "execution_id": delivery.execution_id,
        "status": str(delivery.status),
        "generation": delivery.generation,
        "title": delivery.name,
        "version": delivery.version,
        "workflow_id": delivery.workflow_id,
        "workflow_version": delivery.workflow_version,
        "execution_key": delivery.execution_key,
        "labels": dict(delivery.labels),
        "started_at": None if delivery.started_ms is None else rfc3339(delivery.started_ms),
        "ended_at": rfc3339(delivery.ended_ms),
        "error": _short_error(error),
        "href": f"/v1/executions/{delivery.execution_id}",
    }
    data = {name: value for name, value in found.items() if value is not None}
    if output is not None and len(output) <= OUTPUT_BYTES:
        data["output"] = exact_json.loads(output)
    return data


def message_body(delivery: Delivery, data: Mapping[str, Any]) -> bytes:
    """Write the body of a message, below 20 kB: `{type, timestamp, data}`."""
    head = {"type": delivery.event, "timestamp": rfc3339(delivery.ended_ms)}
    body = exact_json.dumps({**head, "data": dict(data)})
    for name in ("output", "labels"):
        if len(body) > BODY_BYTES:
            body = exact_json.dumps({**head, "data": {k: v for k, v in data.items() if k != name}})
    return body


def _short_error(error: Any) -> dict[str, Any] | None:
    """Of an error its type, a bounded text, and the node that it is of."""
    if not isinstance(error, dict):
        return None
    found = {"type": error.get("type"), "message": error.get("message"), "node_id": error.get("node_id")}
    return {name: str(value)[:ERROR_CHARS] for name, value in found.items() if value is not None}
