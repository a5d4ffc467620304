"""Hashes of days are added up; what a retry has taken back leaves nothing."""

from __future__ import annotations

from collections import Counter

from orchestrator.execution.statistics import Ends, NodeCounts, read_statistics
from orchestrator.states import ExecutionStatus

E = ExecutionStatus

MONDAY = {
    b"executions|COMPLETED|wf_a": b"2",
    b"ms|COMPLETED|wf_a": b"300",
    b"executions|FAILED|-": b"1",
    b"ms|FAILED|-": b"60",
    b"nodes|http": b"4",
    b"failed|http": b"1",
    b"delivery|accepted": b"3",
    b"delivery|received": b"3",
}
TUESDAY = {
    b"executions|COMPLETED|wf_a": b"1",
    b"ms|COMPLETED|wf_a": b"30",
    # Of an execution that failed and was retried.
    b"executions|FAILED|wf_a": b"0",
    b"ms|FAILED|wf_a": b"0",
    b"nodes|http": b"1",
    b"failed|http": b"0",
    b"nodes|llm": b"0",
}


def test_days_are_added_up() -> None:
    found = read_statistics([MONDAY, {}, TUESDAY])

    assert found.executions.counts == {E.COMPLETED: 3, E.FAILED: 1}
    assert (found.executions.total, found.executions.average_ms) == (4, 97.5)
    assert found.workflows["wf_a"] == Ends(Counter({E.COMPLETED: 3}), Counter({E.COMPLETED: 330}))
    assert found.workflows[None].average_ms == 60
    assert found.handlers == {"http": NodeCounts(5, 1)}
    assert found.handlers["http"].failure_rate == 0.2
    assert found.deliveries == {"received": 3, "accepted": 3, "rejected": 0, "error": 0}


def test_nothing_is_no_division() -> None:
    found = read_statistics([])

    assert (found.executions.total, found.executions.average_ms, found.handlers) == (0, None, {})
    assert NodeCounts().failure_rate == 0
