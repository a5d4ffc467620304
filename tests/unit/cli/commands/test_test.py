"""`./headrace test`: what it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cli.commands.test import Step, failing, steps


def program(name: str, text: str, *, is_aside: bool = False) -> Step:
    return Step(name, [sys.executable, "-c", text], is_aside)


def pytest_words(arguments: list[str], *, is_long: bool = False) -> list[str]:
    return next(step.command for step in steps(arguments, is_long=is_long) if step.name == "pytest")


def test_arguments_go_to_pytest_last() -> None:
    assert pytest_words(["tests/unit", "-k", "join"])[-5:] == ["-n", "3", "tests/unit", "-k", "join"]


def test_a_number_of_processes_given_by_hand_is_kept() -> None:
    assert "2" not in pytest_words(["-n0"])


def test_long_runs_lift_the_filter_and_the_time_limit() -> None:
    words = pytest_words([], is_long=True)

    assert words[words.index("-m", 3) + 1] == ""
    assert "--timeout" in words


def test_style_imports_and_types_come_first() -> None:
    assert [step.name for step in steps([], is_long=False)][:4] == ["ruff", "imports", "mypy", "pytest"]


def test_the_scripts_are_tested_on_an_installed_redis_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_REDIS_SERVER", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/redis-server")

    step = steps([], is_long=False)[-1]

    assert step.name == "pytest on /usr/bin/redis-server"
    assert "TEST_REDIS_SERVER=/usr/bin/redis-server" in step.command


def test_a_selection_of_tests_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/redis-server")

    assert len(steps(["tests/unit"], is_long=False)) == 4


def test_every_step_that_fails_is_named_whatever_fails_before_it() -> None:
    run = [
        program("one", "raise SystemExit(1)"),
        program("beside", "raise SystemExit(1)", is_aside=True),
        program("two", "pass"),
        program("three", "raise SystemExit(2)"),
    ]

    assert failing(run, os.environ) == ["one", "three", "beside"]


def test_what_runs_beside_the_others_is_shown_behind_them(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one, beside = str(tmp_path / "one"), str(tmp_path / "beside")
    wait = "import os, time\nwhile not os.path.exists({!r}): time.sleep(0.01)\n"
    run = [
        program("beside", f"open({beside!r}, 'w'); print('checked')\n{wait.format(one)}", is_aside=True),
        program("one", f"{wait.format(beside)}open({one!r}, 'w'); print('tested')"),
    ]

    assert failing(run, os.environ) == []
    assert capfd.readouterr().out.splitlines() == ["--- one", "tested", "--- beside", "checked"]
