"""Everything Redis holds of one execution at one moment, and which promises two looks at it break."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orchestrator.definitions.definition import OUTPUT, Definition, Node
from orchestrator.definitions.trigger_rules import RUN
from orchestrator.execution.counters import decide_node, expected_counters
from orchestrator.states import TABLE, NodeStatus, Reason
from tests.property.model.item_checks import of_items
from tests.property.model.wait_checks import of_pauses, of_waits

#: What each event says about its node's status.
_MEANS = {row.event: row.target for row in TABLE if row.subject == "node" and row.event.startswith("node.")}
_ALLOWED = {(source, row.event, row.target) for row in TABLE for source in row.sources}
ENDED = ("COMPLETED", "FAILED", "SKIPPED", "CANCELLED")
_ONCE = ("execution.created", "execution.started")
_OVER = ("execution.completed", "execution.failed", "execution.cancelled")
#: What the record of a unit says, in order.
_OF_RECORD = (
    "attempt", "nonce", "message", "tries", "crashes", "queued_ms", "started_ms", "ended_ms", "worker",
)  # fmt: skip
_TELLING = frozenset(("waiting_on", "c", "reason"))
_TELLING_OF_RECORD = ("attempt", "tries", "crashes")
Line = tuple[str, str, int]  # event type, node id, attempt
Emitted = tuple[str, int, int]
Told = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ExecutionSnapshot:
    """One execution at one moment."""

    status: str
    runtime: dict[str, str]
    nodes: dict[str, str]
    #: Statuses of nodes, and of items and the last unit once they have one.
    units: dict[str, str]
    outputs: dict[str, bytes | None]
    worklist: tuple[str, ...]
    lines: tuple[Line, ...]
    leases: frozenset[tuple[str, int]]
    timers: frozenset[tuple[str, str, str]]
    tasks: tuple[tuple[str, str], ...]
    is_active: bool
    #: Fields of the signals hash, and members of the list of pending approvals, as (node id, attempt).
    signals: dict[str, str] = field(default_factory=dict)
    approvals: frozenset[tuple[str, str]] = frozenset()
    #: The items hash of every mapped node that has one.
    items: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Nodes a pause holds, in order.
    held: tuple[str, ...] = ()
    #: What it started, in order: (execution id, unit).
    children: tuple[tuple[str, str], ...] = ()
    #: Its history as far as it tells of children: (event type, unit, execution id).
    told: tuple[Told, ...] = ()
    #: Typed events of its history: (unit, attempt, number within it).
    events: tuple[Emitted, ...] = ()
    #: What durable units have written down, and letters to them.
    journal: dict[str, str] = field(default_factory=dict)
    inbox: dict[str, str] = field(default_factory=dict)

    def of(self, name: str, node_id: str) -> str:
        """What is kept of a unit under a name, in a field of its own or in its record; '' for nothing."""
        if name not in _OF_RECORD:
            return self.runtime.get(f"{name}|{node_id}", "")
        record = self.runtime.get(f"r|{node_id}")
        word = dict(zip(_OF_RECORD, record.split(" "), strict=True))[name] if record else "-"
        return "" if word == "-" else word

    @property
    def generation(self) -> str:
        """Kept only once it is not the first."""
        return self.runtime.get("generation", "1")

    def waits_for(self, node_id: str, on: str, what: str) -> bool:
        kept = (self.units[node_id], self.of("waiting_on", node_id), self.of("awaits", node_id))
        return kept == ("WAITING", on, what)

    @property
    def waits(self) -> dict[str, list[tuple[str, str]]]:
        """Who is listed as waiting for each signal: (node id, attempt)."""
        return {
            field.removeprefix("waits|"): [tuple(entry.split(" ")) for entry in line.split(";") if entry]  # type: ignore[misc]
            for field, line in self.signals.items()
            if field.startswith("waits|")
        }

    @property
    def named(self) -> list[str]:
        """Units that people may name; the last one, which renders the output of the whole, is nobody's."""
        return [unit for unit in self.units if unit != OUTPUT]

    @property
    def has_ended(self) -> bool:
        return self.status in ("COMPLETED", "FAILED", "CANCELLED")

    @property
    def fingerprint(self) -> int:
        """Equal for states that only times, ids and the length of the history tell apart."""
        kept = sorted((k, v) for k, v in self.runtime.items() if k.split("|")[0] in _TELLING)
        known = [field.removeprefix("r|") for field in sorted(self.runtime) if field.startswith("r|")]
        kept += [(unit, self.of(name, unit)) for unit in known for name in _TELLING_OF_RECORD]
        whole = (*(self.runtime.get(name) for name in ("left", "failed", "cancelling")), self.generation)
        queued = tuple(node_id for node_id, _ in self.tasks)
        counts = [(node_id, *sorted(each.items())) for node_id, each in self.items.items()]
        parts = (self.status, *self.units.items(), *counts, *kept, *whole, *self.worklist, *self.held)
        return hash((parts, self.leases, self.timers, queued, self.is_active))


def broken_promises(
    before: ExecutionSnapshot | None,
    now: ExecutionSnapshot,
    definition: Definition,
    *,
    is_faulty: bool,
    again: frozenset[str] = frozenset(),
) -> list[str]:
    """Compare two looks at one execution; [] when every promise is kept.

    again  the nodes that its last retry runs again.
    """
    broken = [*_of_history(before, now), *_of_nodes(now, definition), *_of_traces(now, definition)]
    broken += of_items(before, now, definition, is_faulty=is_faulty)
    broken += of_waits(now, is_faulty=is_faulty) + of_pauses(now, is_faulty=is_faulty)
    if before is not None:
        broken += _of_ends(before, now, again)
    return broken


def _of_history(before: ExecutionSnapshot | None, now: ExecutionSnapshot) -> list[str]:
    """Every unit moves along the table, its attempts only rise, and its key says what its history says."""
    types = [type for type, _, _ in now.lines]
    broken = [f"{types.count(one)} × {one}" for one in _ONCE if types.count(one) > 1]
    status: dict[str, str] = dict.fromkeys((*now.units, OUTPUT), "PENDING")
    attempts: dict[str, int] = dict.fromkeys(status, 0)
    ends = sum(type in _OVER for type in types)
    if ends != types.count("execution.retried") + now.has_ended:
        broken.append(f"{now.status}, and its history has {ends} ends")
    for type, node_id, attempt in now.lines:
        if type == "execution.retried":
            for each, word in status.items():
                # A retry resets what it runs again without a line for each; the key tells which those are.
                if word in ENDED:
                    status[each] = "?"
            status[OUTPUT] = "PENDING"
        if type == "node.waiting":
            # A map that begins anew runs again what failed.
            begun = {unit for unit, word in status.items() if word in ("FAILED", "CANCELLED")}
            status |= dict.fromkeys((unit for unit in begun if unit.startswith(f"{node_id}[")), "?")
        target = _MEANS.get(type)
        if target is None:
            continue
        # An item of a list that a retry has taken away is no unit any more.
        source = status.get(node_id, "PENDING")
        if source != "?" and (source, type, target) not in _ALLOWED:
            broken.append(f"{node_id} went from {source} to {target} by {type}")
        if type == "node.queued":
            if attempt != attempts.get(node_id, 0) + 1 and not _was_fenced(now, node_id):
                broken.append(f"{node_id} was queued as attempt {attempt} after {attempts.get(node_id)}")
            attempts[node_id] = attempt
        elif type == "node.started" and attempt != attempts[node_id]:
            broken.append(f"{node_id} started attempt {attempt}, but {attempts[node_id]} was queued last")
        status[node_id] = target
    for node_id, word in now.units.items():
        if word == "CANCELLED" and "[" in node_id and status[node_id] == "PENDING":
            continue  # An item that was never to start has no line of its own.
        if status[node_id] not in (word, "?"):
            broken.append(f"{node_id} is {word}, its history says {status[node_id]}")
    return broken


def _was_fenced(now: ExecutionSnapshot, node_id: str) -> bool:
    """A cancel or an operator who ends a running attempt takes a number without a line."""
    return ("node.cancelled", node_id) in {(type, each) for type, each, _ in now.lines} or bool(
        now.of("by_hand", node_id)
    )


def is_handled(now: ExecutionSnapshot, node: Node) -> bool:
    """Say whether a node has failed without failing anything else."""
    return now.nodes[node.id] == "FAILED" and (node.continues_on_failure or now.of("caught", node.id) != "")


def error_of(now: ExecutionSnapshot, node_id: str) -> bytes | None:
    """Give the output of a node whose failure was handled: its error."""
    error = now.of("error", node_id)
    return f'{{"error":{error}}}'.encode() if now.units[node_id] == "FAILED" and error else None


def _of_nodes(now: ExecutionSnapshot, definition: Definition) -> list[str]:
    """No node has run before its dependencies allowed it; outputs belong to COMPLETED nodes."""
    broken = []
    statuses = {node_id: NodeStatus(word) for node_id, word in now.nodes.items()}
    reasons = {node_id: Reason(word) if (word := now.of("reason", node_id)) else None for node_id in statuses}
    rejects = {node_id: frozenset(now.of("rejects", node_id).split()) for node_id in statuses}
    caught = {node_id: word for node_id in statuses if (word := now.of("caught", node_id))}
    counters = expected_counters(definition, statuses, reasons, rejects, caught)
    was_retried = now.generation != "1"
    for node in definition.nodes:
        word, total = now.nodes[node.id], len(node.dependencies)
        verdict = decide_node(
            node.trigger_rule, counters[node.id], total=total, gates=definition.gates.get(node.id, 0)
        )
        has_run = now.of("attempt", node.id) not in ("", "0") and word not in ("PENDING", "CANCELLED")
        if has_run and verdict is not RUN and not was_retried:
            broken.append(f"{node.id} is {word}, but its dependencies say {verdict}")
        if (now.outputs[node.id] is not None) != (word == "COMPLETED" or is_handled(now, node)):
            broken.append(f"{node.id} is {word} with output {now.outputs[node.id]!r}")
    return broken


def _of_traces(now: ExecutionSnapshot, definition: Definition) -> list[str]:
    """Leases, tasks and timers belong to the attempt that needs them, one each."""
    broken = []
    for node_id, number in now.leases:
        if now.units[node_id] != "RUNNING" or now.of("attempt", node_id) != str(number):
            broken.append(f"a lease of {node_id}, attempt {number}, which is {now.units[node_id]}")
    for node_id, entry in now.tasks:
        if now.units[node_id] not in ("QUEUED", "RUNNING") or now.of("message", node_id) != entry:
            broken.append(f"a task {entry} of {node_id}, which is {now.units[node_id]}")
    for kind, node_id, attempt in now.timers:
        if not node_id:
            continue
        if kind == "schedule_to_close":
            if now.units[node_id] in ENDED or now.generation != attempt:
                broken.append(f"a time limit of {node_id}, generation {attempt}: {now.units[node_id]}")
            continue
        wanted = {"schedule_to_start": "QUEUED", "start_to_close": "RUNNING"}.get(kind, "WAITING")
        if now.units[node_id] != wanted or now.of("attempt", node_id) != attempt:
            broken.append(f"a timer {kind} of {node_id}, attempt {attempt}, which is {now.units[node_id]}")
    if now.has_ended and (now.leases or now.tasks or now.timers or now.worklist or now.is_active):
        broken.append(f"ended {now.status} and left behind {now.timers or now.worklist or 'something'}")
    last = now.units.get(OUTPUT, "COMPLETED")
    if now.has_ended and any(word not in ENDED for word in (*now.nodes.values(), last)):
        broken.append(f"ended {now.status} before its nodes: {now.nodes}")
    if now.has_ended and not now.lines[-1][0].startswith("execution."):
        broken.append(f"ended {now.status}, but the last event is {now.lines[-1]}")
    return broken


def _of_ends(before: ExecutionSnapshot, now: ExecutionSnapshot, again: frozenset[str]) -> list[str]:
    """What has ended stays as it is, unless a retry runs it again."""
    if before.generation != now.generation:
        return [
            f"{node_id} was {word} and is {now.nodes[node_id]} after a retry of {sorted(again)}"
            for node_id, word in before.nodes.items()
            if now.nodes[node_id] != word and node_id not in again
        ]
    broken = []
    # A retry too large for one script resets its nodes in several turns.
    due = {item.split()[1] for item in before.worklist if item.startswith(("reset ", "renew "))}
    end = (before.status, before.nodes, before.outputs)
    if before.has_ended and (now.status, now.nodes, now.outputs) != end:
        broken.append(f"changed after it ended {before.status}")
    if before.has_ended and len(now.lines) != len(before.lines):
        broken.append(f"wrote {now.lines[len(before.lines) :]} after it ended")
    for node_id, word in before.nodes.items():
        if word in ENDED and now.nodes[node_id] != word and node_id not in due:
            broken.append(f"{node_id} was {word} and is {now.nodes[node_id]}")
        has_output = before.outputs[node_id] is not None and node_id not in due
        if has_output and now.outputs[node_id] != before.outputs[node_id]:
            broken.append(f"the output of {node_id} changed")
        if int(now.of("attempt", node_id) or 0) < int(before.of("attempt", node_id) or 0):
            broken.append(f"the attempt number of {node_id} fell")
    return broken


def facts(now: ExecutionSnapshot) -> dict[str, Any]:
    """A short picture for a failing test."""
    told = ("left", "failed", "cancelling", "worklist", "seq")
    left = {key: now.runtime.get(key) for key in told}
    return {
        "status": now.status,
        "units": now.units,
        "items": now.items,
        "children": now.children,
        **left,
        "generation": now.generation,
        "leases": now.leases,
        "timers": now.timers,
    }
