"""What is odd about the fields of cron expressions that are taken, and why some are never due."""

from __future__ import annotations

import pytest

from orchestrator.definitions.cron_fields import idle_steps, never_due, wrong_fields


def test_every_wrong_field_is_named_with_what_was_found_and_what_is_allowed() -> None:
    found = wrong_fields(["60", "8", "32", "*", "8"])

    assert [each.partition(" must be ")[0] for each in found] == ["minute", "day of month", "day of week"]
    assert found[0] == "minute must be 0-59; found '60'"


def test_what_is_never_due_has_its_reason() -> None:
    assert never_due(["0", "0", "31", "2,4", "*"]).endswith(
        "day of month '31', but February, April have 30 days at most"
    )


@pytest.mark.parametrize(
    ("expression", "odd"),
    [
        ("*/70 * * * *", ["minute '*/70' is 0 alone: a step of 70 leads beyond 0-59"]),
        ("5/70 */25 * * *",
         ["minute '5/70' is 5 alone: a step of 70 leads beyond 5-59",
          "hour '*/25' is 0 alone: a step of 25 leads beyond 0-23"]),
        ("0 0 * * MON-FRI/9", ["day of week 'MON-FRI/9' is 1 alone: a step of 9 leads beyond 1-5"]),
        ("*/60 */24 */31 */12 *", []),
        ("*/7,3 0 L/2 * 5L", []),
    ],
)  # fmt: skip
def test_a_step_that_is_longer_than_its_field_is_odd(expression: str, odd: list[str]) -> None:
    assert list(idle_steps(expression.split())) == odd
