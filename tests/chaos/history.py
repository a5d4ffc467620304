"""What was seen from outside while things broke: handler calls, strikes, and how every execution ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

StrikeKind = Literal["kill", "stop", "term"]


@dataclass(frozen=True, slots=True)
class Call:
    """One handler call. Times are of the machine's monotonic clock, which all processes share.

    ended  ok, fail, stopped (told to); None when its process was gone before.
    """

    execution_id: str
    node_id: str
    attempt: int
    nonce: str
    pid: int
    start_s: float
    end_s: float | None = None
    ended: str | None = None


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


@dataclass(frozen=True, slots=True)
class Sample:
    """What a client read of one execution on the way: its status if terminal, and outputs that were there.

    at_s  when, on the machine's monotonic clock.
    """

    execution_id: str
    status: str | None
    outputs: Mapping[str, Any]
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    """Everything the checker judges by.

    left_behind  what was still in Redis at rest, in words; repairs, what the sweep counted.
    losses       spans of time, each (from, to), whose writes Redis may have lost by the way it was set up.
    counts       what the client did beside, for the report.
    """

    calls: tuple[Call, ...] = ()
    strikes: tuple[Strike, ...] = ()
    executions: tuple[EndReply, ...] = ()
    samples: tuple[Sample, ...] = ()
    left_behind: tuple[str, ...] = ()
    repairs: Mapping[str, int] = field(default_factory=dict)
    losses: tuple[tuple[float, float], ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


def read_calls(trace: Path) -> tuple[Call, ...]:
    """Join the two lines of each call, in order of their starts."""
    calls: dict[str, Call] = {}
    text = trace.read_text() if trace.exists() else ""
    for row in map(json.loads, text.splitlines()):
        phase, nonce = row.pop("phase"), row["nonce"]
        if phase == "start":
            start_s = row.pop("at_s")
            calls[nonce] = Call(**row, start_s=start_s)
        else:
            calls[nonce] = replace(calls[nonce], end_s=row["at_s"], ended=phase)
    return tuple(sorted(calls.values(), key=lambda call: call.start_s))
