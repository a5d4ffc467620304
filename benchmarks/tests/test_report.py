import pytest

from benchmarks.report import (
    Measurement,
    figure_table,
    judge,
    round_values,
    target_table,
    unusable_note,
)
from benchmarks.targets import TARGETS, Target

RATIO = Target("W1", "hop", at_most=1.5, against="floor")


def measured(number: int, system: str, hop: float, *, contention: float = 1.0) -> Measurement:
    return Measurement(number, "W1", system, {"hop": hop}, contention)


def test_ratio_is_taken_within_a_round() -> None:
    # The machine was twice as slow in the second round: the medians of both sides would say 2.
    measurements = [
        measured(1, "engine", 2.0),
        measured(1, "floor", 1.0),
        measured(2, "engine", 6.0),
        measured(2, "floor", 2.0),
    ]

    assert round_values(RATIO, measurements) == [2.0, 3.0]


def test_round_with_contention_on_either_side_is_left_out() -> None:
    measurements = [
        measured(1, "engine", 1.0),
        measured(1, "floor", 1.0, contention=1.6),
        measured(2, "engine", 1.2),
        measured(2, "floor", 1.0),
    ]

    assert round_values(RATIO, measurements) == [1.2]
    assert unusable_note(measurements).startswith("1 of 4 measurements left out")


def test_round_without_the_other_system_has_no_ratio() -> None:
    (verdict,) = judge([RATIO], [measured(1, "engine", 1.0)])

    assert (verdict.value, verdict.word) == (None, "not measured")


@pytest.mark.parametrize(
    ("target", "value", "holds"),
    [
        (Target("W1", "hop", at_most=1.5), 1.5, True),
        (Target("W1", "hop", at_most=1.5), 1.6, False),
        (Target("W3", "rate", at_least=0.7), 0.7, True),
        (Target("W3", "rate", at_least=0.7), 0.6, False),
    ],
)
def test_target_holds_up_to_its_bound(target: Target, value: float, holds: bool) -> None:
    assert target.holds(value) is holds


def test_median_of_the_rounds_decides() -> None:
    measurements = [
        item
        for number, hop in enumerate([1.0, 9.0, 1.2])
        for item in (measured(number, "engine", hop), measured(number, "floor", 1.0))
    ]

    (verdict,) = judge([RATIO], measurements)

    assert (verdict.value, verdict.rounds, verdict.word) == (1.2, 3, "holds")


def test_tables_name_systems_figures_and_bounds() -> None:
    measurements = [measured(1, "engine", 2.0), measured(1, "floor", 1.0)]

    targets, figures = target_table(judge([RATIO], measurements)), figure_table(measurements)

    assert "≤ 1.5× floor" in targets
    assert "MISSED" in targets
    assert figures.splitlines()[0].split("|")[3:5] == [" engine ", " floor "]


def test_each_promise_has_one_bound() -> None:
    assert all((target.at_most is None) != (target.at_least is None) for target in TARGETS)
