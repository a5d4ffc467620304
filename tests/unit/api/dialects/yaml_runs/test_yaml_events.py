"""Histories are worded as the events of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from api.dialects.yaml_runs.events import RunEvents
from orchestrator.definitions.definition import Definition
from tests.dags import compiled, node, workflow

NO_FAILURES: Mapping[int, str] = {}
DEFINITION = compiled(workflow(node("A"), node("B", after=["A"], when="true"), node("C", after=["B"])))


class History:
    """Gives events of the engine to a renderer; collects what it makes of them."""

    def __init__(
        self, definition: Definition = DEFINITION, failures: Mapping[int, str] = NO_FAILURES
    ) -> None:
        self.renderer = RunEvents("x1", definition, failures)

    def tell(self, kind: str, node_id: str | None = None, **more: Any) -> list[dict[str, Any]]:
        event = {"type": kind, "seq": 7, "ts": "2026-01-01T00:00:00.000Z", "data": {}, **more}
        if node_id is not None:
            event["node_id"] = node_id
        text = self.renderer.render(event)
        frames = [frame for frame in text.split(b"\n\n") if frame]
        return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]


def said(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(each["type"], each["status"], each.get("steps_completed")) for each in events]


def test_what_is_no_step_of_a_run_is_not_told() -> None:
    history = History()

    for kind in ("execution.created", "execution.paused", "node.queued", "node.log", "node.token", "gap"):
        assert history.tell(kind, "A") == []
    assert history.tell("node.completed", "A", item=0) == []
    assert history.tell("node.completed", "$output") == []
    assert history.tell("gap") == []


def test_progress_is_a_whole_percentage_rounded_down() -> None:
    history = History()

    found = [history.tell("node.completed", step_id)[-1]["progress"] for step_id in "ABC"]

    assert found == [33, 66, 100]


def test_a_step_that_may_be_skipped_is_told_to_have_started_once_it_has_run() -> None:
    history = History()

    assert said(history.tell("node.started", "A")) == [("step_started", "running", 0)]
    assert history.tell("node.started", "B") == []
    assert said(history.tell("node.completed", "B")) == [
        ("step_started", "running", 0),
        ("step_completed", "completed", 1),
    ]
    assert said(History().tell("node.skipped", "B")) == [("step_completed", "skipped", 1)]
    assert said(History().tell("node.failed", "B")) == [("step_started", "running", 0)]


def test_a_run_that_failed_says_what_failed_first() -> None:
    history = History()
    history.tell("node.failed", "A", data={"error": {"message": "first"}})
    history.tell("node.failed", "C", data={"error": {"message": "second"}})

    (last,) = history.tell("execution.failed", data={"reason": "fail_fast"})

    assert (last["type"], last["error_message"]) == ("run_failed", "first")
    assert History().tell("execution.failed", data={"reason": "timeout"})[0]["error_message"] == "timeout"
    assert History().tell("execution.failed")[0]["error_message"] == "failed"
    assert History().tell("execution.cancelled", data={"reason": "user"})[0]["error_message"] == "cancelled"


def test_a_failure_that_was_handled_is_not_why_a_run_failed() -> None:
    handled = compiled(
        workflow(
            node("A", catch=[{"errors": ["Http.*"], "goto": "B"}]),
            node("B", after=["A"]),
            node("C", critical=False),
            node("D", retry={"max_attempts": 1, "on_exhausted": "continue"}),
            node("E"),
        )
    )

    def failing(*steps: tuple[str, str], failures: Mapping[int, str] = NO_FAILURES) -> str:
        history = History(handled, failures)
        for step_id, kind in steps:
            history.tell("node.failed", step_id, data={"error": {"type": kind, "message": step_id}})
        message: str = history.tell("execution.failed")[0]["error_message"]
        return message

    before = [("A", "Http.5xx"), ("C", "Broken"), ("D", "Broken")]
    assert failing(*before, ("E", "Broken")) == "E"
    assert failing(*before) == "failed"
    assert failing(("A", "Broken"), ("E", "Broken")) == "A"
    # What the run itself says comes before what its steps have said.
    assert failing(*before, ("E", "Broken"), failures={7: "too late"}) == "too late"
    assert failing(*before, ("E", "Broken"), failures={6: "too late"}) == "E"


def test_a_run_that_goes_on_counts_what_runs_again_once() -> None:
    history = History()
    for kind, step_id in (("node.completed", "A"), ("node.completed", "B"), ("node.failed", "C")):
        history.tell(kind, step_id, data={"error": {"message": "broke"}})
    history.tell("execution.failed")

    assert said(history.tell("execution.retried")) == [("run_started", "running", None)]
    history.tell("node.started", "A")
    assert said(history.tell("node.completed", "A")) == [("step_completed", "completed", 2)]
    history.tell("node.completed", "C")
    assert said(history.tell("execution.completed")) == [("run_completed", "completed", 3)]
