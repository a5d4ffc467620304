"""`./headrace test`: what it runs."""

from __future__ import annotations

import pytest

from cli.commands.test import steps


def pytest_words(arguments: list[str], *, is_long: bool = False) -> list[str]:
    return dict(steps(arguments, is_long=is_long))["pytest"]


def test_arguments_go_to_pytest_last() -> None:
    assert pytest_words(["tests/unit", "-k", "join"])[-5:] == ["-n", "3", "tests/unit", "-k", "join"]


def test_a_number_of_processes_given_by_hand_is_kept() -> None:
    assert "2" not in pytest_words(["-n0"])


def test_long_runs_lift_the_filter_and_the_time_limit() -> None:
    words = pytest_words([], is_long=True)

    assert words[words.index("-m", 3) + 1] == ""
    assert "--timeout" in words


def test_style_imports_and_types_come_first() -> None:
    assert [name for name, _ in steps([], is_long=False)][:4] == ["ruff", "imports", "mypy", "pytest"]


def test_the_scripts_are_tested_on_an_installed_redis_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_REDIS_SERVER", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/redis-server")

    name, command = steps([], is_long=False)[-1]

    assert name == "pytest on /usr/bin/redis-server"
    assert "TEST_REDIS_SERVER=/usr/bin/redis-server" in command


def test_a_selection_of_tests_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/redis-server")

    assert len(steps(["tests/unit"], is_long=False)) == 4
