"""The fixture headrace_client: skipped with a reason where there is no engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.pytest_plugin import find_engine


def test_without_an_engine_the_reason_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path))

    assert find_engine() == (
        f"headrace_client needs a checkout of the engine; {str(tmp_path)!r} (HEADRACE_HOME) is none"
    )


def test_an_engine_that_was_never_installed_is_not_installed_by_a_test(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "headrace").touch()
    (tmp_path / "cli").mkdir()
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path))

    assert "has never been started" in str(find_engine())


def test_the_checkout_around_the_package_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_HOME", raising=False)

    found = find_engine()

    assert isinstance(found, Path)
    assert (found / "headrace").is_file()
