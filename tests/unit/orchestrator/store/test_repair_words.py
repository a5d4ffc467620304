"""Repairs and retries in words; the scripts take them apart in tests/integration/transitions."""

from __future__ import annotations

from typing import get_args

import pytest

from orchestrator.execution import planner
from orchestrator.execution.counters import Counters
from orchestrator.states import ExecutionStatus, Reason, WaitingOn
from orchestrator.store import library
from orchestrator.store.repair_words import decision_words, retry_words

DECISIONS: list[tuple[planner.Decision, str]] = [
    (planner.Recount("B", 1, 2, 3, 4, True), "recount B 1 2 3 4 1"),
    (planner.RecountLeft(7, 1), "left 7 1"),
    (planner.Drain(), "drain"),
    (planner.Skip("B", Reason.UPSTREAM_FAILED), "skip B upstream_failed"),
    (planner.Cancel("B"), "cancel B"),
    (planner.Queue("B[3]"), "queue B[3]"),
    (planner.Requeue("B", 2), "requeue B 2"),
    (planner.Relet("B", 2), "relet B 2"),
    (planner.Retime("B", 2, WaitingOn.DELAY, 90_000), "retime B 2 delay 90000"),
    (planner.Relist("B", 2), "relist B 2"),
    (planner.Remap("M", 1, 2, 3, 4), "items M 1 2 3 4"),
    (planner.Rewake("B"), "child B"),
    (planner.Deliver("B"), "letter B"),
    (planner.Hold("B"), "hold B"),
    (planner.Release("B"), "release B"),
    (planner.Finish(ExecutionStatus.COMPLETED), "finish"),
]


@pytest.mark.parametrize(("decision", "words"), DECISIONS, ids=[words for _, words in DECISIONS])
def test_a_decision_is_one_text_that_the_script_knows(decision: planner.Decision, words: str) -> None:
    script = library.sources()["repair_execution"]

    assert decision_words(decision) == words
    assert f"repairs.{words.split()[0]}" in script


def test_every_decision_of_the_planner_has_its_words() -> None:
    assert {type(decision) for decision, _ in DECISIONS} == set(get_args(planner.Decision))


def test_every_reset_of_a_retry_comes_before_every_decision() -> None:
    counters = {"A": Counters(), "B": Counters(ok=1, not_taken=True)}

    assert retry_words(counters) == ["reset A 0 0 0 0 0", "reset B 1 0 0 0 1", "decide A", "decide B"]
