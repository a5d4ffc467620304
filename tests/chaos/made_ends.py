"""Executions of one node as they end, for the tests of the checker."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.documents.times import rfc3339
from tests.chaos.history import EndReply, Line
from tests.dags import node, workflow

DOCUMENT = workflow(node("a"))
LINES = (
    Line(1, "execution.created"),
    Line(2, "execution.started"),
    Line(3, "node.queued", "a", 1),
    Line(4, "node.started", "a", 1),
    Line(5, "node.completed", "a", 1),
    Line(6, "execution.completed"),
)


def fired(second: int, **changed: object) -> EndReply:
    """What was started for the slot of a second: it goes on for a second."""
    made = EndReply(
        f"x{second}",
        DOCUMENT,
        "COMPLETED",
        {"a": "COMPLETED"},
        {"a": {}},
        LINES,
        created_ms=1_000 * second + 10,
        ended_ms=1_000 * second + 900,
        workflow_id="wf",
        trigger={"source": "schedule", "scheduled_time": rfc3339(1_000 * second)},
    )
    return replace(made, **changed)  # type: ignore[arg-type]
