"""A definition says how long its executions are kept: for all ends at once, or for some."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.retention import DAY_MS, FOR_EVER, Retention, parse_retention_ms
from orchestrator.errors import DefinitionInvalid
from orchestrator.store.layout import lay_out
from tests.dags import compiled, node, workflow


def words(retention: Any) -> str:
    return compiled(workflow(node("A"), retention=retention)).retention


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (None, ""),
        ({}, ""),
        ("1h", "3600000 3600000 3600000 3600000"),
        (90, "90000 90000 90000 90000"),
        ("never", "- - - -"),
        ({"failed": "2d"}, f"? {2 * DAY_MS} ? ?"),
        ({"completed": 1, "failed": "Never", "cancelled": "1s", "unstarted": "1m"}, "1000 - 1000 60000"),
    ],
)
def test_it_is_read_into_what_scripts_read(written: Any, read: str) -> None:
    assert words(written) == read


def test_only_a_definition_that_has_one_stores_it() -> None:
    with_one = lay_out(compiled(workflow(node("A"), retention="1h"))).last.fields
    without = lay_out(compiled(workflow(node("A")))).last.fields

    assert with_one[with_one.index("retention") + 1] == "3600000 3600000 3600000 3600000"
    assert "retention" not in without


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        ("soon", "retention", "'retention': 'soon' is not a duration; allowed: seconds, or '250ms', '30s'"),
        ("soon", "retention", "or 'never'"),
        (0, "retention", "0 is shorter than the allowed 1000 ms"),
        ([], "retention", "expected a duration, got"),
        ({"failed": "11y"}, "retention.failed", "'retention.failed': '11y' is not a duration"),
        ({"complete": "1d"}, "retention.complete", "unknown field 'complete' in 'retention'"),
    ],
)
def test_what_is_no_retention_is_named(written: Any, path: str, message: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        words(written)

    (problem,) = refused.value.problems
    assert problem.path == path
    assert message in problem.message


def test_settings_keep_a_week_a_month_or_for_ever() -> None:
    assert Retention().words() == f"{7 * DAY_MS} {30 * DAY_MS} {7 * DAY_MS} {7 * DAY_MS}"
    assert FOR_EVER.words() == "- - - -"
    assert (parse_retention_ms("never"), parse_retention_ms("1m")) == (None, 60_000)
