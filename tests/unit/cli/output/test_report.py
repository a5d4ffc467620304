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
