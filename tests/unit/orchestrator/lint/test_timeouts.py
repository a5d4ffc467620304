"""Time limits of one node that contradict each other, and rules that never decide."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.lint.timeouts import format_ms
from tests.dags import node
from tests.unit.orchestrator.lint.cases import codes, delay


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"heartbeat_timeout": "2m", "start_to_close_timeout": "1m"}, "heartbeat_timeout"),
        ({"heartbeat_timeout": "1m", "start_to_close_timeout": "2m"}, None),
        ({"start_to_close_timeout": "2m", "schedule_to_close_timeout": "1m"}, "start_to_close_timeout"),
        ({"schedule_to_start_timeout": "2m", "schedule_to_close_timeout": "1m"}, "schedule_to_start_timeout"),
    ],
)
def test_a_limit_behind_a_shorter_one_never_passes(fields: dict[str, Any], expected: str | None) -> None:
    warned = [] if expected is None else [(f"[0].{expected}", "timeout_never_passes")]

    assert codes(node("A", **fields)) == warned


def test_a_delay_longer_than_its_node_may_live_never_completes() -> None:
    assert codes(delay("A", "2m", schedule_to_close_timeout="1m")) == [
        ("[0].config.seconds", "delay_outlasts_node")
    ]


def test_a_rule_whose_errors_earlier_rules_name_never_decides() -> None:
    rules = [{"errors": ["Http.*"], "max_attempts": 2}, {"errors": ["Http.5xx"], "max_attempts": 2}]

    assert codes(node("A", retry=rules)) == [("[0].retry[1]", "rule_never_matches")]
    assert codes(node("A", retry=rules[::-1])) == []


@pytest.mark.parametrize(
    ("duration_ms", "words"), [(0, "0s"), (250, "250ms"), (5_400_000, "1h30m"), (86_401_000, "1d1s")]
)
def test_durations_are_written_as_authors_write_them(duration_ms: int, words: str) -> None:
    assert format_ms(duration_ms) == words
