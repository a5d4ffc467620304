"""Waits that nothing ends, limits that do not bound a wait, and decisions that nothing reads."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers
from orchestrator.lint.lint import lint
from tests.dags import node, workflow

HANDLERS = PlainHandlers(frozenset({"noop", "delay", "wait_for_signal", "approval"}))


def codes(*nodes: dict[str, Any], **extras: Any) -> list[tuple[str, str]]:
    found = lint(compile_definition(workflow(*nodes, **extras), handlers=HANDLERS))
    return [(problem.path.removeprefix("dag.nodes"), problem.code) for problem in found]


def wait(**config: Any) -> dict[str, Any]:
    return node("W", handler="wait_for_signal") | {"config": {"name": "paid", **config}}


def test_a_wait_needs_a_limit_of_its_own_or_of_the_execution() -> None:
    assert codes(wait()) == [("[0].config", "wait_without_timeout")]
    assert codes(wait(timeout="1h")) == []
    assert codes(wait(), execution_timeout="1h") == []


def test_a_wait_longer_than_the_execution_never_passes() -> None:
    assert codes(wait(timeout="2h"), execution_timeout="1h") == [
        ("[0].config.timeout", "timeout_never_passes")
    ]


def test_start_to_close_does_not_bound_a_wait() -> None:
    assert codes(wait(timeout="1h") | {"start_to_close_timeout": "1m"}) == [
        ("[0].start_to_close_timeout", "wait_not_bounded")
    ]


def test_an_approval_whose_decision_nothing_reads_changes_nothing() -> None:
    approval = node("P", handler="approval") | {"config": {"timeout": "1h"}}

    assert codes(approval, node("B", after=["P"])) == [("[0]", "decision_never_read")]
    assert codes(approval, node("B", after=["P"], when="{{ P.decision == 'approve' }}")) == []
