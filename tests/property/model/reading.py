"""Reads everything Redis holds of some executions, raw, in two round trips.

Reads the keys itself, not through `orchestrator.store.reader`, so that reader and scripts cannot share a
mistake.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from clients.redis_wire import Wire
from orchestrator.definitions.definition import OUTPUT
from orchestrator.redis_keys import SEPARATOR
from tests.property.model.drawn_dag import QUEUES
from tests.property.model.item_checks import statuses_of_items
from tests.property.model.snapshots import ExecutionSnapshot

if TYPE_CHECKING:
    from tests.property.model.world import Case

TASKS = {queue: "workflow:tasks" if queue == "default" else f"workflow:tasks:{queue}" for queue in QUEUES}

#: Both tenants' lists of those who are asked.
APPROVALS = ("approvals", "approvals:other")
#: An execution that was there and is not any more.
GONE = ExecutionSnapshot("", {}, {}, {}, {}, (), (), frozenset(), frozenset(), (), is_active=False)


@dataclass(slots=True)
class Shared:
    """What one execution has of what all share: leases, timers, tasks, who is asked, who is active."""

    leases: list[tuple[str, int]] = field(default_factory=list)
    timers: list[tuple[str, str, str]] = field(default_factory=list)
    tasks: list[tuple[str, str]] = field(default_factory=list)
    approvals: list[tuple[str, str]] = field(default_factory=list)
    is_active: bool = False


class Reader:
    """Looks at executions, and remembers what it was answered: most have not changed since."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._answers: dict[str, tuple[Any, Shared]] = {}

    async def shared(self) -> dict[str, Shared]:
        """What each execution has of what all share, by its id."""
        names = ("leases", "timers", *APPROVALS)
        commands = [("ZRANGE", f"workflows:{name}", 0, -1) for name in names]
        streams = [("XRANGE", key, "-", "+") for key in TASKS.values()]
        answers = await self._wire.send([*commands, ("SMEMBERS", "workflows:active"), *streams])
        leases, timers, approvals, others, active, *tasks = answers
        found: dict[str, Shared] = {}
        for owner, unit, attempt in map(_parts, leases):
            found.setdefault(owner, Shared()).leases.append((unit, int(attempt)))
        for kind, owner, unit, attempt in map(_parts, timers):
            found.setdefault(owner, Shared()).timers.append((kind, unit, attempt))
        for owner, unit, attempt in map(_parts, [*approvals, *others]):
            found.setdefault(owner, Shared()).approvals.append((unit, attempt))
        for entry_id, flat in (entry for stream in tasks for entry in stream):
            task = _pairs(flat)
            entry = (task["node_id"], entry_id.decode())
            found.setdefault(task["execution_id"], Shared()).tasks.append(entry)
        for member in active:
            found.setdefault(member.decode(), Shared()).is_active = True
        return found

    async def look(
        self, cases: Sequence[Case], shared: dict[str, Shared]
    ) -> list[tuple[Case, ExecutionSnapshot | None]]:
        """Read executions; None for one of which nothing has changed since it was read last."""
        commands = [_commands(case) for case in cases]
        answers = iter(await self._wire.send([command for each in commands for command in each]))
        found: list[tuple[Case, ExecutionSnapshot | None]] = []
        for case, asked in zip(cases, commands, strict=True):
            events, *rest = [next(answers) for _ in asked]
            if case.seen and rest[1] is None:
                found.append((case, GONE))
                continue
            own = shared.get(case.execution_id, Shared())
            is_known = not events and self._answers.get(case.execution_id) == (rest, own)
            self._answers[case.execution_id] = (rest, own)
            found.append((case, None if is_known else _snapshot(case, events, rest, own)))
        return found


def _commands(case: Case) -> list[tuple[Any, ...]]:
    """Ask for all of one execution; of its history only for what is new, whose ids must follow on."""
    base = f"workflow:{case.execution_id}"
    nodes = [f"{base}:node:{node.id}" for node in case.definition.nodes] + [f"{base}:node:{OUTPUT}"]
    first = len(case.seen.lines) + 1 if case.seen else 1
    return [
        ("XRANGE", f"{base}:events", f"{first}-0", "+"),
        ("XLEN", f"{base}:events"),
        ("GET", f"{base}:status"),
        ("HGETALL", f"{base}:runtime"),
        ("MGET", *nodes),
        ("MGET", *(f"{node}:output" for node in nodes)),
        ("LRANGE", f"{base}:worklist", 0, -1),
        ("HGETALL", f"{base}:signals"),
        ("LRANGE", f"{base}:held", 0, -1),
        ("LRANGE", f"{base}:children", 0, -1),
        ("HGETALL", f"{base}:journal"),
        ("HGETALL", f"{base}:inbox"),
        *(("HGETALL", f"{base}:node:{node.id}:items") for node in case.definition.nodes if node.map),
    ]


def _snapshot(case: Case, events: list[Any], rest: list[Any], own: Shared) -> ExecutionSnapshot:
    length, status, runtime, nodes, outputs, worklist, signals, held, children, journal, inbox, *rows = rest
    before = case.seen
    known = before.lines if before else ()
    fresh, told, emitted = [], [], []
    for number, (entry_id, flat) in enumerate(events, len(known) + 1):
        assert entry_id == b"%d-0" % number, f"event ids are not dense: {entry_id!r} where {number} was due"
        line = _pairs(flat)
        unit = f"{line['node_id']}[{line['item']}]" if "item" in line else line["node_id"]
        fresh.append((line["type"], unit, int(line["attempt"] or 0)))
        if line["type"] == "node.event":
            emitted.append((unit, int(line["attempt"]), int(orjson.loads(line["data"])["value"])))
        if unit and (child := re.search('"child":"([^"]+)"', line["data"])):
            told.append((line["type"], unit, child[1]))
    assert length == len(known) + len(fresh), "the history has changed behind what was read"
    ids = [*(node.id for node in case.definition.nodes), OUTPUT]
    words = dict(zip(ids, ((word or b"").decode() for word in nodes), strict=True))
    last = words.pop(OUTPUT)
    mapped = [node.id for node in case.definition.nodes if node.map]
    items = {node_id: _pairs(flat) for node_id, flat in zip(mapped, rows, strict=True) if flat}
    return ExecutionSnapshot(
        status=(status or b"").decode(),
        runtime=_pairs(runtime),
        nodes=words,
        units=words | statuses_of_items(items) | ({OUTPUT: last} if last else {}),
        outputs=dict(zip(ids, outputs, strict=True)),
        worklist=tuple(item.decode() for item in worklist),
        lines=(*known, *fresh),
        leases=frozenset(own.leases),
        timers=frozenset(own.timers),
        tasks=tuple(own.tasks),
        is_active=own.is_active,
        signals=_pairs(signals),
        approvals=frozenset(own.approvals),
        items=items,
        held=tuple(unit.decode() for unit in held),
        children=tuple(tuple(entry.decode().split(" ")) for entry in children),
        told=(*(before.told if before else ()), *told),
        events=(*(before.events if before else ()), *emitted),
        journal=_pairs(journal),
        inbox=_pairs(inbox),
    )


def _parts(member: bytes) -> list[str]:
    return member.decode().split(SEPARATOR)


def _pairs(flat: list[bytes]) -> dict[str, str]:
    """Take a flat list of fields and values for what it is."""
    values = [each.decode() for each in flat]
    return dict(zip(values[::2], values[1::2], strict=True))
