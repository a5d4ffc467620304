"""A node began with the first of those attempts that belong together."""

from __future__ import annotations

import pytest

from cli.commands.first_starts import first_start
from headrace.values import Attempt


@pytest.mark.parametrize(
    ("ends", "began"),
    [
        ([], None),
        (["completed"], "t0"),
        (["waiting", "completed"], "t0"),
        (["retrying", "lost", "drained", "running"], "t0"),
        (["failed", "waiting", "completed"], "t1"),
        (["waiting", "failed", "completed"], "t2"),
    ],
)
def test_the_first_start_is_that_of_the_newest_run(ends: list[str], began: str | None) -> None:
    attempts = [Attempt(n + 1, outcome, started_at=f"t{n}") for n, outcome in enumerate(ends)]

    assert first_start(attempts) == began


def test_an_attempt_that_never_began_is_passed_over() -> None:
    assert first_start([Attempt(1, "waiting", started_at="t0"), Attempt(2, "queued")]) == "t0"
