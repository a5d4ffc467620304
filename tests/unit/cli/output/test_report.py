"""The report at the end of an execution."""

from __future__ import annotations

from dataclasses import replace

from cli.output.report import report
from tests.unit.cli.output.making import node, view


def test_the_report_tells_failures_and_outputs_nobody_used() -> None:
    ended = view(
        node("A", status="COMPLETED", output={"x": 1}),
        node("B", after=("A",), status="COMPLETED", output={"y": 2}),
        node(
            "C",
            status="FAILED",
            try_number=3,
            error={"type": "Stock.Empty", "message": "no", "details": {"sku": "a\x1b7", "left": 0}},
        ),
        status="FAILED",
        cancelling="fail_fast",
    )

    ended = replace(ended, started_at="2026-11-20T08:15:30.123Z", ended_at="2026-11-20T08:15:32.123Z")

    lines = list(report(ended))

    assert lines[0] == "demo e1: FAILED in 2.0 s (fail_fast)"
    assert lines[1] == ('  ✗ C after 3 tries: Stock.Empty: no\n      details {"sku": "a\\u001b7", "left": 0}')
    assert lines[2] == '  ✓ B: {"y": 2}'


def test_the_time_between_an_end_and_a_retry_is_told_apart() -> None:
    ended = replace(
        view(node("A", status="COMPLETED"), status="COMPLETED"),
        started_at="2026-11-20T08:15:30.123Z",
        ended_at="2026-11-20T08:16:32.123Z",
    )

    (first, *_) = report(ended, paused_s=60.0)

    assert first == "demo e1: COMPLETED in 2.0 s, without the 60 s between its end and its retry"


def test_items_that_failed_are_listed_and_the_next_command_is_named() -> None:
    below = [{"index": 2, "error": {"type": "Http.4xx", "message": "answered 404"}}]
    error = {
        "type": "ItemsFailed",
        "message": "2 of 5 items failed",
        "details": {"failed": 2, "first": below},
    }

    lines = list(report(view(node("A", status="FAILED", error=error), status="FAILED")))

    assert lines[1].splitlines() == [
        "  ✗ A: ItemsFailed: 2 of 5 items failed",
        "      item 2: Http.4xx: answered 404",
        "      … and 1 more",
    ]
    assert lines[-1] == "  next: ./headrace explain e1"


def test_further_failed_nodes_of_a_child_are_listed() -> None:
    error = {"type": "Http.4xx", "message": "answered 404"}
    below = [{"node_id": "call", "error": error}, {"node_id": "post", "error": error}]
    details = {"execution_id": "c1", "name": "kid", "status": "FAILED", "failed": below}
    failed = {"type": "ChildFailed", "message": "its node 'call' failed", "details": details}

    lines = list(report(view(node("A", status="FAILED", error=failed), status="FAILED")))

    assert lines[1].splitlines()[1:] == ["      post failed too: Http.4xx: answered 404"]


def test_details_of_the_same_names_that_a_handler_gave_are_shown_as_they_are() -> None:
    error = {"type": "Mine", "message": "no", "details": {"failed": 2, "first": ["a"], "nothing": None}}

    lines = list(report(view(node("A", status="FAILED", error=error), status="FAILED")))

    assert lines[1].splitlines()[1:] == ['      details {"failed": 2, "first": ["a"]}']


def test_an_execution_that_failed_as_a_whole_says_why() -> None:
    error = {"type": "Timeout.Execution", "message": "passed its deadline"}
    ended = replace(view(status="FAILED"), document={"error": error})

    assert "  ✗ Timeout.Execution: passed its deadline" in list(report(ended))
