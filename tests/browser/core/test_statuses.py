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
