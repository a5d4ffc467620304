"""The state of a running execution, kept from its events; one event, and the end, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.output.text import excerpt, json_line
from headrace.values import Event, Execution, seconds_between

MARKS = {
    "PENDING": ("·", "dim"),
    "QUEUED": ("◌", "cyan"),
    "RUNNING": ("●", "bold blue"),
    "WAITING": ("◷", "yellow"),
    "COMPLETED": ("✓", "green"),
    "FAILED": ("✗", "bold red"),
    "SKIPPED": ("↷", "dim"),
    "CANCELLED": ("■", "magenta"),
}
#: The status a node has after an event of this type.
STATUS_AFTER = {
    "node.queued": "QUEUED",
    "node.held": "PENDING",
    "node.started": "RUNNING",
    "node.retrying": "WAITING",
    "node.waiting": "WAITING",
    "node.completed": "COMPLETED",
    "node.failed": "FAILED",
    "node.skipped": "SKIPPED",
    "node.cancelled": "CANCELLED",
}
DONE = frozenset({"COMPLETED", "FAILED", "SKIPPED", "CANCELLED"})
#: Statuses of items that a retry of their node leaves as they are.
KEPT = frozenset({"COMPLETED", "SKIPPED"})
#: How much of a streamed answer is shown.
STREAM_CHARS = 200
#: Why a unit is queued again whose attempt ended without a fault of its own; its try is not charged.
UNCHARGED = {"lease_lost": "its worker was lost", "drain": "its worker was stopped"}
#: Why a unit is queued for an attempt that is no further try.
CONTINUED = {"map": "its items have ended", "child": "its child has ended"}


@dataclass(slots=True)
class NodeProgress:
    """One node as its events leave it. Times are RFC 3339.

    started_at  of its first attempt since it began, or began again.
    queued_s    how long it has waited on queues before its attempts.
    lost        how often its worker was lost, or that of an item.
    total       items of a mapped node, once that is known; items: the status of each that has had an event.
    """

    node_id: str
    dependencies: tuple[str, ...]
    max_attempts: int
    index: int
    status: str = "PENDING"
    reason: str | None = None
    waiting_on: str | None = None
    try_number: int = 0
    queued_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    queued_s: float = 0.0
    worker: str | None = None
    lost: int = 0
    total: int | None = None
    items: dict[int, str] = field(default_factory=dict)
    item_counts: Counter[str] = field(default_factory=Counter)

    def begin_again(self, *, keeps_items: bool) -> None:
        """Forget what came before a retry; its status is changed by whoever calls this.

        keeps_items  items that are done stay, as those of a map do that does not run anew as a whole.
        """
        self.reason = self.waiting_on = self.queued_at = self.started_at = self.ended_at = None
        self.try_number, self.queued_s, self.total, self.lost = 0, 0.0, None, 0
        kept = self.items if keeps_items else {}
        self.items = {index: status for index, status in kept.items() if status in KEPT}
        self.item_counts = Counter(self.items.values())

    def queue(self, event: Event) -> None:
        """It is on a queue; not charged with a try that its worker did not finish."""
        if self.ended_at is not None:
            # Of a retry of more nodes than it names. Items that are made anew are queued again, each in turn.
            self.begin_again(keeps_items=True)
        self.queued_at = event.ts
        cause = event.data.get("cause")
        self.lost += cause == "lease_lost"
        if cause in UNCHARGED:
            self.try_number = max(self.try_number - 1, 0)

    def start(self, event: Event) -> None:
        """A worker runs it."""
        self.started_at = self.started_at or event.ts
        self.queued_s += seconds_between(self.queued_at, event.ts) or 0.0
        self.queued_at = None
        self.try_number += 1
        self.worker = str(event.data.get("worker") or "") or None

    def change_item(self, event: Event, status: str) -> None:
        """One of its items has another status."""
        assert event.item is not None
        self.lost += event.data.get("cause") == "lease_lost"
        if before := self.items.get(event.item):
            self.item_counts[before] -= 1
        self.items[event.item] = status
        self.item_counts[status] += 1


@dataclass(slots=True)
class Progress:
    """An execution, brought up to date by its events. Applying an event twice changes nothing."""

    execution_id: str
    name: str
    status: str
    nodes: dict[str, NodeProgress]
    #: RFC 3339, from its events.
    started_at: str | None = None
    ended_at: str | None = None
    #: How long it had ended before it was retried, each time.
    paused_s: float = 0.0
    #: The newest progress report or log line of each running node.
    notes: dict[str, str] = field(default_factory=dict)
    #: Nodes by status, in the order in which they got there, to find the few that are shown among thousands.
    by_status: dict[str, dict[str, NodeProgress]] = field(default_factory=dict)
    #: How many events have been applied.
    revision: int = 0

    @classmethod
    def of(cls, view: Execution) -> Progress:
        """Every node at its beginning: the events, read from the first, bring it up to date.

        A node that a fork has reused has no events: it begins as it is.
        """
        progress = cls(view.execution_id, view.name, "PENDING", {})
        for index, each in enumerate(view.nodes):
            node = NodeProgress(each.node_id, each.dependencies, each.max_attempts, index)
            progress.nodes[node.node_id] = node
            progress._move(node, each.status if each.reused else "PENDING")
        return progress

    def apply(self, event: Event) -> None:
        """Apply one event."""
        self.revision += 1
        kind, _, verb = event.type.partition(".")
        if kind == "execution":
            self._apply_to_execution(event, verb)
            return
        node = self.nodes.get(event.node_id or "")
        if node is None:
            return
        status = STATUS_AFTER.get(event.type)
        if event.item is not None:
            if status is not None:
                node.change_item(event, status)
            # The end of an item is not its node's; of all items' reports, the newest is shown.
            if text := note(event):
                self.notes[node.node_id] = f"[{event.item}] {text}"[:STREAM_CHARS]
            return
        if status is None:
            # The end of a streamed answer.
            before = self.notes.get(node.node_id, "") if event.type == "node.token" else ""
            self.notes[node.node_id] = (before + note(event))[-STREAM_CHARS:]
            return
        # A handler's last report is of interest while it runs, and no longer.
        self.notes.pop(node.node_id, None)
        if text := note(event):
            self.notes[node.node_id] = text
        self._apply_to_node(node, event, status)

    def _apply_to_execution(self, event: Event, verb: str) -> None:
        after = {"created": "PENDING", "started": "RUNNING", "resumed": "RUNNING", "retried": "RUNNING"}
        self.status = after.get(verb, verb.upper())
        if verb == "started":
            self.started_at = event.ts
        if verb == "retried":
            self.paused_s += seconds_between(self.ended_at, event.ts) or 0.0
        self.ended_at = event.ts if event.is_terminal else None
        if verb == "retried":
            self._begin_again(event.data.get("nodes") or ())

    def _apply_to_node(self, node: NodeProgress, event: Event, status: str) -> None:
        reason, waiting_on = event.data.get("reason"), event.data.get("waiting_on")
        if event.type == "node.queued":
            node.queue(event)
        elif event.type == "node.started":
            node.start(event)
        elif event.type == "node.waiting" and isinstance(items := event.data.get("items"), int):
            node.total = items
        elif status in DONE:
            node.ended_at = event.ts
        node.reason = reason if isinstance(reason, str) else None
        node.waiting_on = waiting_on if isinstance(waiting_on, str) else None
        self._move(node, status)

    def _move(self, node: NodeProgress, status: str) -> None:
        self.by_status.get(node.status, {}).pop(node.node_id, None)
        self.by_status.setdefault(status, {})[node.node_id] = node
        node.status = status

    def _begin_again(self, node_ids: Iterable[str]) -> None:
        """Put back the nodes that a retry names; those of a large one change when their turn comes."""
        again = frozenset(node_ids)
        for node_id in again:
            self.notes.pop(node_id, None)
            if node := self.nodes.get(node_id):
                # What depends on a node that runs again gets other inputs, and makes all of its items anew.
                node.begin_again(keeps_items=again.isdisjoint(node.dependencies))
                self._move(node, "PENDING")

    @property
    def took_s(self) -> float:
        """How long it has run, however late the watching began, without the time before a retry."""
        return (seconds_between(self.started_at, self.ended_at) or 0.0) - self.paused_s

    @property
    def counts(self) -> Counter[str]:
        return Counter({status: len(nodes) for status, nodes in self.by_status.items() if nodes})

    @property
    def done(self) -> int:
        return sum(len(self.by_status.get(status, ())) for status in DONE)


def note(event: Event, *, most: int = STREAM_CHARS) -> str:
    """The text an event carries: what a handler says, an error, or why and until when it waits.

    most  characters of data beside it.
    """
    data = event.data
    if event.type == "node.progress":
        fraction, message = data.get("fraction"), data.get("message")
        percent = f"{float(fraction):.0%}" if isinstance(fraction, int | float) else ""
        return " ".join(filter(None, [percent, str(message) if message else ""]))
    if event.type == "node.token":
        return str(data.get("text", ""))
    if event.type == "node.log":
        level, more = data.get("level"), data.get("data")
        words = [f"{level}:"] if level not in (None, "info") else []
        return " ".join(
            [*words, str(data.get("message", "")), *([shorten(more, longest=most)] if more else [])]
        )
    if event.type == "node.event":
        return f"{data.get('type', '')} {shorten(data.get('value'), longest=most)}"
    if event.type in ("node.failed", "node.retrying") and (text := error_text(data.get("error"))):
        return text
    if event.type in ("execution.failed", "execution.cancelled"):
        return str(data.get("reason") or "")
    if event.type in ("execution.paused", "execution.resumed"):
        return " - ".join(str(data[name]) for name in ("by", "reason") if data.get(name))
    if event.type == "node.queued":
        return (UNCHARGED | CONTINUED).get(str(data.get("cause")), "")
    if event.type == "node.held":
        return "held"
    if event.type == "stream.reset":
        return str(data.get("reason") or "")
    if event.type in ("node.waiting", "node.skipped", "node.cancelled"):
        return str(data.get("waiting_on") or data.get("on") or data.get("reason") or "")
    return ""


def error_text(error: object) -> str:
    """`Http.5xx: HTTP 503 from …`; empty for no error."""
    if not isinstance(error, Mapping):
        return str(error) if error else ""
    if "type" not in error and "message" not in error:
        return ""
    return f"{error.get('type', 'error')}: {error.get('message', '')}".strip()


def plain_line(event: Event, *, most: int = STREAM_CHARS) -> str:
    """One event as one line, for logs and pipes. most: characters of what it says."""
    clock = event.ts[11:23] or "-"
    words = [clock, f"{event.type:<19}"]
    if event.node_id:
        attempt = f" (attempt {event.attempt})" if (event.attempt or 0) > 1 else ""
        words.append(f"{event.unit}{attempt}")
    if text := excerpt(note(event, most=most), most):
        words.append(f"- {text}")
    return "  ".join(words).rstrip()


def shorten(output: Any, *, longest: int = 300) -> str:
    """An output on one line, cut where it gets long."""
    from headrace.api.outputs import left_out_bytes

    if (size_bytes := left_out_bytes(output)) is not None:
        return f"({size_bytes:,} bytes; --json has it whole)"
    text = json_line(output)
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"
