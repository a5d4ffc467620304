"""The live picture of a running execution: a bar, then a line for each node, as many as there is room for."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from cli.output.progress import MARKS, NodeProgress, Progress
from cli.output.text import printable, span_words
from headrace.values import seconds_between

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Which nodes to show first where there is no room for all.
URGENCY = ("RUNNING", "FAILED", "WAITING", "QUEUED", "CANCELLED", "PENDING", "COMPLETED", "SKIPPED")
BAR_WIDTH = 40
#: Deeper nodes are indented no further.
MOST_INDENT = 12
#: A wait on a queue that is shorter is not worth a word once it is over.
LONG_QUEUED_S = 1.0


def ordered(progress: Progress, *, room: int) -> tuple[list[NodeProgress], int]:
    """The nodes to show within `room` lines, in definition order, and how many were left out.

    Left out first are those that are done well, then those not yet begun.
    """
    if len(progress.nodes) <= room:
        return list(progress.nodes.values()), 0
    urgent = (node for status in URGENCY for node in progress.by_status.get(status, {}).values())
    chosen = sorted(islice(urgent, max(room - 1, 0)), key=lambda node: node.index)
    return chosen, len(progress.nodes) - len(chosen)


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
    """Draw the bar and the lines, each indented by its depth.

    The numbers beside the bar come first: a narrow terminal gets a shorter bar, or none.
    """
    from rich.text import Text

    total, done = len(progress.nodes), progress.done
    numbers = f"  {done:,}/{total:,}  {progress.status}  {span_words(progress.took_s)}"
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
        text.append("\n" + "  " * min(indent.get(node.node_id, 0), MOST_INDENT))
        text.append(f"{mark} {node.node_id}", style).append(f"  {node_words(node)}", "dim")
        if words := " ".join(progress.notes.get(node.node_id, "").split()):
            text.append(f"  {printable(words[:160])}", "dim" if node.status == "RUNNING" else style)
    if left_out:
        text.append(f"\n… and {left_out:,} more: {_summary(progress)}", "dim")
    return text


def node_words(node: NodeProgress) -> str:
    """A node in words: its status, its try, its items, how long it takes, and what has delayed it."""
    words = [node.status.lower()]
    if node.status == "QUEUED":
        words.append(_span(node.queued_at, None))
    elif node.status != "PENDING" and node.started_at is not None:
        words.append(_span(node.started_at, node.ended_at))
    if node.max_attempts > 1 and node.try_number > 1:
        words[0] += f" (try {min(node.try_number, node.max_attempts)} of {node.max_attempts})"
    if node.total is not None:
        words.append(_items(node, node.total))
    if node.queued_s >= LONG_QUEUED_S:
        words.append(f"queued {span_words(node.queued_s)}")
    if node.lost:
        words.append(f"lost {node.lost} worker{'s' if node.lost > 1 else ''}")
    return "  ".join(filter(None, words))


def _span(began: str | None, ended: str | None) -> str:
    seconds = seconds_between(began, ended)
    return "" if seconds is None else span_words(seconds)


def _items(node: NodeProgress, total: int) -> str:
    """`3 of 8 items, 2 running, 1 failed`; those of a mapped node that has ended well are all over."""
    counts = node.item_counts
    over = counts["COMPLETED"] + counts["SKIPPED"]
    parts = [f"{over:,} of {total:,} items"]
    for status in ("RUNNING", "FAILED"):
        if counts[status]:
            parts.append(f"{counts[status]:,} {status.lower()}")
    return ", ".join(parts)


def _summary(progress: Progress) -> str:
    return ", ".join(f"{count:,} {status.lower()}" for status, count in sorted(progress.counts.items()))
