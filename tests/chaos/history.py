"""What was seen from outside while things broke: handler calls, strikes, and how every execution ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

StrikeKind = Literal["kill", "stop", "term"]


@dataclass(frozen=True, slots=True)
class Call:
    """One handler call. Times are of the machine's monotonic clock, which all processes share.

    pid    of the worker; host, of the process of its that ran the call.
    ended  ok, fail, park, stopped (told to), crash (took its process along); None when that was gone before.
    """

    execution_id: str
    node_id: str
    attempt: int
    nonce: str
    pid: int
    start_s: float
    end_s: float | None = None
    ended: str | None = None
    host: int = 0


@dataclass(frozen=True, slots=True)
class Strike:
    """One process struck. A stopped one is resumed later."""

    kind: StrikeKind
    pid: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Line:
    """One event of an execution's history. An item is named as a unit, `node[3]`."""

    seq: int
    type: str
    node_id: str | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class EndReply:
    """One execution at the end. outputs are parsed; None where there is none.

    document  of a child: with its inputs put in.
    final     what the `output` of its definition came to.
    parent    (execution id, unit) whose child it is.
    children  (execution id, unit), in the order in which they were started.
    trigger   the document it was started with.
    """

    execution_id: str
    document: Mapping[str, Any]
    status: str
    nodes: Mapping[str, str]
    outputs: Mapping[str, Any]
    lines: tuple[Line, ...]
    final: Any = None
    parent: tuple[str, str] | None = None
    children: tuple[tuple[str, str], ...] = ()
    ended_ms: int | None = None
    created_ms: int | None = None
    tenant: str = "default"
    workflow_id: str | None = None
    trigger: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expired:
    """One execution that its retention has purged: all that can be judged is what it did outside Redis."""

    execution_id: str
    document: Mapping[str, Any]
    tenant: str = "default"


@dataclass(frozen=True, slots=True)
class Clock:
    """One schedule at the end. Its slots are the multiples of every_ms, since 1970.

    overlaps    whether executions run beside each other; else a slot gives way to one that goes on.
    created_ms  when it was made; until_ms, the next slot at a moment when none was due.
    skipped, missed, failed  slots up to that moment; runs, executions it has started, up to its pause too.
    runs_until  those up to that moment.
    """

    name: str
    workflow_id: str
    every_ms: int
    overlaps: bool
    created_ms: int
    until_ms: int
    runs_until: int
    skipped: int
    missed: int
    failed: int
    runs: int


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook at the end, with its counts of deliveries."""

    path: str
    workflow_id: str
    accepted: int
    duplicate: int
    rejected: int
    error: int


@dataclass(frozen=True, slots=True)
class Sent:
    """One request with a delivery. Of one order there may be many, under one id or without any.

    answer  the execution it was answered with, "refused", or None when no answer came.
    at_s    when the answer came, on the machine's monotonic clock.
    """

    path: str
    order: int
    delivery_id: str
    answer: str | None
    at_s: float
    is_forged: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One request with a message about an end, as the receiver saw it.

    signed_by  the tenant whose secret signed it; None for a signature that is wrong.
    answered   the status that the receiver gave.
    """

    message_id: str
    execution_id: str
    generation: int
    status: str
    signed_by: str | None
    answered: int
    body: bytes
    at_s: float


@dataclass(frozen=True, slots=True)
class Sending:
    """One delivery of a message as the engine's log has it at the end, with the numbers of its attempts."""

    execution_id: str
    generation: int
    is_start: bool
    state: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """What a client read of one execution on the way: its status if terminal, and outputs that were there.

    at_s  when, on the machine's monotonic clock.
    """

    execution_id: str
    status: str | None
    outputs: Mapping[str, Any]
    at_s: float = 0.0


@dataclass(frozen=True)
class History:
    """Everything the checker judges by.

    left_behind  what was still in Redis at rest, in words; repairs, what the sweep counted.
    losses       spans of time, each (from, to), whose writes Redis may have lost by the way it was set up.
    counts       what the client did beside, for the report.
    accepted     when the start of each execution was answered, or the execution was first seen.
    expired      executions that had a short retention.
    purged       executions that a client purged.
    """

    calls: tuple[Call, ...] = ()
    strikes: tuple[Strike, ...] = ()
    executions: tuple[EndReply, ...] = ()
    samples: tuple[Sample, ...] = ()
    left_behind: tuple[str, ...] = ()
    repairs: Mapping[str, int] = field(default_factory=dict)
    losses: tuple[tuple[float, float], ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    accepted: Mapping[str, float] = field(default_factory=dict)
    expired: tuple[Expired, ...] = ()
    purged: frozenset[str] = frozenset()
    clocks: tuple[Clock, ...] = ()
    hooks: tuple[Hook, ...] = ()
    sent: tuple[Sent, ...] = ()
    messages: tuple[Message, ...] = ()
    sendings: tuple[Sending, ...] = ()

    @cached_property
    def crashes(self) -> tuple[Call, ...]:
        """Calls that took their process along."""
        return tuple(call for call in self.calls if call.ended == "crash")

    def may_be_lost(self, at_s: float) -> bool:
        """Say whether Redis may have lost what was written at a moment."""
        return any(begin_s <= at_s <= end_s for begin_s, end_s in self.losses)


def read_calls(trace: Path) -> tuple[Call, ...]:
    """Join the two lines of each call, in order of their starts."""
    calls: dict[str, Call] = {}
    text = trace.read_text() if trace.exists() else ""
    for row in map(json.loads, text.splitlines()):
        phase, nonce = row.pop("phase"), row["nonce"]
        if phase == "start":
            start_s = row.pop("at_s")
            calls[nonce] = Call(**row, start_s=start_s)
        elif calls[nonce].ended != "crash":
            calls[nonce] = replace(calls[nonce], end_s=row["at_s"], ended=phase)
    return tuple(sorted(calls.values(), key=lambda call: call.start_s))
