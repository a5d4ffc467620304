"""Every status that the engine has has a look."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from tests.browser.modules import Module
from tests.source_tree import ROOT, source_text


@pytest.fixture
def statuses(pure: Callable[[str], Module]) -> Module:
    return pure("core/statuses.js")


def test_every_status_and_kind_of_waiting_is_a_state_with_a_colour(statuses: Module) -> None:
    nodes = [{"status": str(status)} for status in NodeStatus if status is not NodeStatus.WAITING]
    nodes += [{"status": "WAITING", "waiting_on": str(kind)} for kind in WaitingOn]
    nodes += [{"status": "SKIPPED", "reason": str(Reason.UPSTREAM_FAILED)}]
    executions = [{"status": str(status)} for status in ExecutionStatus]

    states = statuses.each("stateOf", *((each,) for each in [*nodes, *executions]))

    assert set(states) <= set(statuses.get("STATES"))
    tokens = source_text(ROOT / "ui" / "styles" / "tokens.css")
    colours = set(statuses.each("colourOf", *((state,) for state in set(states))))
    for theme in tokens.split(":root")[1:3]:
        assert not [colour for colour in colours if f"--state-{colour}:" not in theme]
    assert all(statuses.each("wordOf", *((state,) for state in set(states))))


def test_what_is_over_is_what_the_engine_ends(statuses: Module) -> None:
    ends = {str(status): statuses.call("isOver", str(status)) for status in [*NodeStatus, *ExecutionStatus]}

    assert ends == {str(status): status.is_terminal for status in [*NodeStatus, *ExecutionStatus]}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "RUNNING"}, "try 1 of 3"),
        ({"status": "FAILED", "error": {"retryable": True}}, "try 1 of 3"),
        ({"status": "FAILED", "error": {"retryable": False}}, "try 1"),
        ({"status": "FAILED", "items": {"total": 2}}, ""),
        ({"status": "RUNNING", "max_attempts": 1}, ""),
        ({"status": "QUEUED", "try": 0}, ""),
    ],
)
def test_a_number_of_tries_is_said_only_where_there_could_be_so_many(
    statuses: Module, fields: dict[str, object], words: str
) -> None:
    node = {"try": 1, "max_attempts": 3, "items": None, "error": None, **fields}

    assert statuses.call("tryWords", node) == words
