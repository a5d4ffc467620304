"""`./headrace test`: what it runs."""

from __future__ import annotations

from cli.test import steps


def pytest_words(arguments: list[str], *, is_long: bool = False) -> list[str]:
    return dict(steps(arguments, is_long=is_long))["pytest"]


def test_arguments_go_to_pytest_last() -> None:
    assert pytest_words(["tests/unit", "-k", "join"])[-5:] == ["-n", "2", "tests/unit", "-k", "join"]


def test_a_number_of_processes_given_by_hand_is_kept() -> None:
    assert "2" not in pytest_words(["-n0"])


def test_long_runs_lift_the_filter_and_the_time_limit() -> None:
    words = pytest_words([], is_long=True)

    assert words[words.index("-m", 3) + 1] == ""
    assert "--timeout" in words


def test_style_imports_and_types_come_first() -> None:
    assert [name for name, _ in steps([], is_long=False)] == ["ruff", "imports", "mypy", "pytest"]
