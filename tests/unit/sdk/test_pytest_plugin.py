"""The fixture headrace_client: skipped with a reason where there is no engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace import pytest_plugin
from headrace.pytest_plugin import find_engine, has_loaded
from headrace.records import Worker


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


@pytest.mark.parametrize(
    ("hosts", "is_loaded"),
    [
        ([{"kind": None, "state": "starting"}], False),
        ([{"kind": "sync", "state": "idle"}, {"kind": "async", "state": "starting"}], True),
        # The modules declare no handler.
        ([], True),
    ],
)
def test_a_stack_is_ready_once_the_handlers_are_loaded(hosts: list[dict[str, Any]], is_loaded: bool) -> None:
    worker = Worker.from_dict({"worker_id": "w", "hosts": hosts, "refusal": None})

    assert has_loaded([worker], ["mine"]) is is_loaded


def test_handlers_that_cannot_be_loaded_are_an_error_with_the_reason() -> None:
    worker = Worker.from_dict({"worker_id": "w", "hosts": [], "refusal": "SyntaxError: line 3"})

    with pytest.raises(RuntimeError, match=r"\(mine\) cannot be loaded:\nSyntaxError: line 3"):
        has_loaded([worker], ["mine"])


def test_a_port_that_was_taken_meanwhile_is_another_one_next_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = iter([(1, 2), (3, 4)])
    started: list[int] = []

    def start(home: Path, port: int, *_: Any) -> None:
        started.append(port)

    def await_worker(url: str, *_: Any) -> None:
        if url.endswith(":1"):
            raise pytest_plugin.PortTaken("port 1 is in use")

    monkeypatch.setattr(pytest_plugin, "_free_ports", lambda: next(asked))
    monkeypatch.setattr(pytest_plugin, "_start", start)
    monkeypatch.setattr(pytest_plugin, "_await_worker", await_worker)
    monkeypatch.setattr(pytest_plugin, "_stop", lambda process: None)

    with pytest_plugin.stack(tmp_path, tmp_path, [], tmp_path) as url:
        assert (url, started) == ("http://127.0.0.1:3", [1, 3])
