"""The state of a running execution, kept from its events, as a live tree or plain lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cli.output.text import json_line, printable
from headrace.values import Event, Execution, Node, seconds_between

if TYPE_CHECKING:
    from rich.console import RenderableType

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
#: Which nodes to show first where there is no room for all.
URGENCY = {"RUNNING": 0, "FAILED": 1, "WAITING": 2, "QUEUED": 3, "CANCELLED": 4, "PENDING": 5}
BAR_WIDTH = 40
#: How much of a streamed answer is shown.
STREAM_CHARS = 200


@dataclass(slots=True)
class Progress:
    """An execution, brought up to date by its events. Applying an event twice changes nothing."""

    execution_id: str
    name: str
    status: str
    nodes: dict[str, Node]
    #: RFC 3339, from its events.
    started_at: str | None = None
    ended_at: str | None = None
    #: The newest progress report or log line of each running node.
    notes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, view: Execution) -> Progress:
        """Every node at its beginning: the events, read from the first, bring it up to date.

        A node that a fork has reused has no events: it begins as it is.
        """
        fresh = {
            node.node_id: node if node.reused else replace(node, status="PENDING", reason=None, try_number=0)
            for node in view.nodes
        }
        return cls(view.execution_id, view.name, "PENDING", fresh)

    def apply(self, event: Event) -> None:
        """Apply one event."""
        kind, _, verb = event.type.partition(".")
        if kind == "execution":
            after = {"created": "PENDING", "started": "RUNNING", "resumed": "RUNNING", "retried": "RUNNING"}
            self.status = after.get(verb, verb.upper())
            if verb == "started":
                self.started_at = event.ts
            self.ended_at = event.ts if event.is_terminal else None
            if verb == "retried":
                self._begin_again(event.data.get("nodes") or ())
            return
        node = self.nodes.get(event.node_id or "")
        if node is None:
            return
        status = STATUS_AFTER.get(event.type)
        if event.item is not None:
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
        reason = event.data.get("reason")
        self.nodes[node.node_id] = replace(
            node,
            status=status,
            attempt=event.attempt or node.attempt,
            reason=reason if isinstance(reason, str) else None,
            try_number=node.try_number + (event.type == "node.started"),
        )

    def _begin_again(self, node_ids: Iterable[str]) -> None:
        """Put back the nodes that a retry names; those of a large one change when their turn comes."""
        for node_id in node_ids:
            self.notes.pop(node_id, None)
            if node := self.nodes.get(node_id):
                self.nodes[node_id] = replace(node, status="PENDING", reason=None, try_number=0)

    @property
    def took_s(self) -> float:
        """How long it has run, however late the watching began."""
        return seconds_between(self.started_at, self.ended_at) or 0.0

    @property
    def counts(self) -> Counter[str]:
        return Counter(node.status for node in self.nodes.values())

    @property
    def done(self) -> int:
        return sum(node.status in DONE for node in self.nodes.values())


def note(event: Event) -> str:
    """The text an event carries: what a handler says, an error, or why and until when it waits."""
    data = event.data
    if event.type == "node.progress":
        fraction, message = data.get("fraction"), data.get("message")
        percent = f"{float(fraction):.0%}" if isinstance(fraction, int | float) else ""
        return " ".join(filter(None, [percent, str(message) if message else ""]))
    if event.type == "node.token":
        return str(data.get("text", ""))
    if event.type == "node.log":
        return str(data.get("message", ""))
    if event.type == "node.event":
        return f"{data.get('type', '')} {shorten(data.get('value'), longest=STREAM_CHARS)}"
    if event.type in ("node.failed", "node.retrying") and (text := error_text(data.get("error"))):
        return text
    if event.type in ("execution.failed", "execution.cancelled"):
        return str(data.get("reason") or "")
    if event.type in ("execution.paused", "execution.resumed"):
        return " - ".join(str(data[name]) for name in ("by", "reason") if data.get(name))
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


def plain_line(event: Event) -> str:
    """One event as one line, for logs and pipes."""
    clock = event.ts[11:23] or "-"
    words = [clock, f"{event.type:<19}"]
    if event.node_id:
        attempt = f" (attempt {event.attempt})" if (event.attempt or 0) > 1 else ""
        words.append(f"{event.unit}{attempt}")
    if text := " ".join(note(event).split()):
        words.append(f"- {text[:200]}")
    return "  ".join(words).rstrip()


def ordered(progress: Progress, *, room: int) -> tuple[list[Node], int]:
    """The nodes to show within `room` lines, in definition order, and how many were left out.

    Left out first are those that are done well, then those not yet begun.
    """
    nodes = list(progress.nodes.values())
    if len(nodes) <= room:
        return nodes, 0
    ranked = sorted(range(len(nodes)), key=lambda i: (URGENCY.get(nodes[i].status, 6), i))
    chosen = sorted(ranked[: max(room - 1, 0)])
    return [nodes[i] for i in chosen], len(nodes) - len(chosen)


def depths(progress: Progress) -> dict[str, int]:
    """How far each node is from a root, for the indent. Nodes may be defined before what they depend on."""
    known: dict[str, int] = {}
    successors: dict[str, list[str]] = {node_id: [] for node_id in progress.nodes}
    missing: dict[str, int] = {}
    for node in progress.nodes.values():
        present = [dependency for dependency in node.dependencies if dependency in successors]
        missing[node.node_id] = len(present)
        for dependency in present:
            successors[dependency].append(node.node_id)
    layer = [node_id for node_id, count in missing.items() if count == 0]
    while layer:
        following = []
        for node_id in layer:
            dependencies = progress.nodes[node_id].dependencies
            known[node_id] = 1 + max((known.get(dependency, -1) for dependency in dependencies), default=-1)
            for successor in successors[node_id]:
                missing[successor] -= 1
                if missing[successor] == 0:
                    following.append(successor)
        layer = following
    return known


def render(progress: Progress, *, indent: dict[str, int], room: int, width: int = 80) -> RenderableType:
    """The live picture: a bar, then a line for each node, indented by its depth.

    The numbers beside the bar come first: a narrow terminal gets a shorter bar, or none.
    """
    from rich.text import Text

    total, done = len(progress.nodes), progress.done
    numbers = f"  {done}/{total}  {progress.status}  {progress.took_s:.1f} s"
    bar = max(0, min(BAR_WIDTH, width - len(numbers)))
    filled = round(bar * done / total) if total else bar
    has_failed = progress.counts["FAILED"] > 0
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(printable(progress.name), "bold").append(f"  {progress.execution_id}\n", "dim")
    # Two marks, not two colours: a terminal may have none.
    text.append("━" * filled, "red" if has_failed else "green").append("─" * (bar - filled), "dim")
    text.append(numbers if bar else numbers.lstrip())
    shown, left_out = ordered(progress, room=room)
    for node in shown:
        mark, style = MARKS.get(node.status, ("?", ""))
        text.append("\n" + "  " * min(indent.get(node.node_id, 0), 12))
        text.append(f"{mark} {node.node_id}", style).append(f"  {_state_words(node)}", "dim")
        if words := " ".join(progress.notes.get(node.node_id, "").split()):
            text.append(f"  {words[:160]}", "dim" if node.status == "RUNNING" else style)
    if left_out:
        text.append(f"\n… and {left_out} more: {_summary(progress)}", "dim")
    return text


def _state_words(node: Node) -> str:
    words = node.status.lower()
    if node.max_attempts > 1 and node.try_number > 1:
        words += f" (try {min(node.try_number, node.max_attempts)} of {node.max_attempts})"
    return words


def _summary(progress: Progress) -> str:
    return ", ".join(f"{count} {status.lower()}" for status, count in sorted(progress.counts.items()))


def report(view: Execution) -> Iterator[str]:
    """The summary at the end: result, failures, and the outputs of nodes without successors."""
    why, took_s = view.reason or view.cancelling, view.took_s()
    took = "" if took_s is None else f" in {took_s:.1f} s"
    yield f"{printable(view.name)} {view.execution_id}: {view.status}{took}" + (f" ({why})" if why else "")
    for node in view.nodes:
        if node.status == "FAILED":
            tries = f" after {node.try_number} tries" if node.try_number > 1 else ""
            yield f"  ✗ {node.node_id}{tries}: {error_text(node.error) or node.reason or 'failed'}"
    if view.output_error is not None:
        yield f"  ✗ output: {error_text(view.output_error)}"
    if view.output is not None:
        # The output of the workflow; those of single nodes are beside the point.
        yield f"  = {shorten(view.output)}"
        return
    consumed = {dependency for node in view.nodes for dependency in node.dependencies}
    for node in view.nodes:
        if node.status == "COMPLETED" and node.node_id not in consumed:
            yield f"  ✓ {node.node_id}: {shorten(node.output)}"


def shorten(output: Any, *, longest: int = 300) -> str:
    """An output on one line, cut where it gets long."""
    from headrace.api.outputs import left_out_bytes

    if (size_bytes := left_out_bytes(output)) is not None:
        return f"({size_bytes:,} bytes; --json has it whole)"
    text = json_line(output)
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"
