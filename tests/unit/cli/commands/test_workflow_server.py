"""`workflow-server` becomes the server it starts; with a file it runs what serves that, or says why not."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.commands.workflow_server import engine_hint, interpreter
from cli.stack import info
from cli.stack.redis_server import RedisPlace


class Became(Exception):
    """What the process would have become."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.command = list(command)
        self.environment = environment


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def become(path: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        raise Became(command, environment)

    monkeypatch.setattr(os, "execve", become)
    monkeypatch.setattr(os, "chdir", lambda path: None)
    # No stack of this machine is looked at.
    monkeypatch.setenv("STACK_DATA_DIR", str(tmp_path))
    for name in ("WORKFLOWS_PY_SERVER_HOST", "WORKFLOWS_PY_SERVER_PORT", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def became(*arguments: str) -> tuple[str, Became]:
    result = CliRunner().invoke(app, ["workflow-server", *arguments])
    assert isinstance(result.exception, Became), result.output
    return result.stdout, result.exception


def test_it_listens_where_the_documented_variables_say(place: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told, first = became()
    monkeypatch.setenv("WORKFLOWS_PY_SERVER_HOST", "127.0.0.1")
    monkeypatch.setenv("WORKFLOWS_PY_SERVER_PORT", "8123")
    other, second = became()
    third = became("--host", "::1", "--port", "8124")[1]

    assert first.command[1:8] == [
        "-m", "uvicorn", "--factory", "main:workflow_server", "--host", "0.0.0.0", "--port",
    ]  # fmt: skip
    assert first.command[8] == "8080"
    assert told == "workflow server on http://localhost:8080, with the Redis at localhost:6379/0\n"
    assert (second.command[6], second.command[8]) == ("127.0.0.1", "8123")
    assert other.startswith("workflow server on http://127.0.0.1:8123, ")
    assert (third.command[6], third.command[8]) == ("::1", "8124")


def test_it_works_on_the_redis_of_the_settings_or_of_the_running_stack(
    place: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = became()[1].environment["REDIS_URL"]
    info.StackInfo(os.getpid(), "http://x", "http://y", "127.0.0.1", 7777, str(tmp_path), "").write()
    said, process = became()
    running = process.environment["REDIS_URL"]
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6380/2")

    assert usual.startswith("redis://localhost:6379/")
    assert running.startswith("redis://127.0.0.1:7777/")
    assert said.endswith(", with the Redis at 127.0.0.1:7777/0\n")
    assert became()[1].environment["REDIS_URL"] == "redis://elsewhere:6380/2"


def test_settings_that_cannot_be_used_are_a_line_each(place: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOWS_PY_SERVER_PORT", "eighty")

    result = CliRunner().invoke(app, ["workflow-server"])

    assert result.exit_code == 1
    assert (
        "headrace workflow-server: WORKFLOWS_PY_SERVER_PORT: 'eighty' is not a whole number" in result.output
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.py", "missing.py cannot be served: there is no such file"),
        ("text.txt", "text.txt cannot be served: its name must end with .py"),
        (".", "cannot be served: it is a folder; name a file with a `WorkflowServer` in it"),
    ],
)
def test_what_cannot_be_a_file_of_workflows_is_refused(
    place: None, tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "text.txt").write_text("x = 1")

    result = CliRunner().invoke(app, ["workflow-server", str(tmp_path / name), "--data-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert result.stderr.startswith("headrace workflow-server: ")
    assert says in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("option", ["--workers=2", "--python=python3", "--data-dir=."])
def test_options_of_a_file_need_one(place: None, option: str) -> None:
    result = CliRunner().invoke(app, ["workflow-server", option])

    assert result.exit_code == 2
    assert "needs a FILE" in result.stderr


def test_an_interpreter_of_this_folder_is_found_from_others_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert interpreter("venv/bin/python") == str(tmp_path / "venv" / "bin" / "python")
    assert interpreter("python3.12") == "python3.12"
    assert interpreter(None) is None


def test_it_says_how_to_have_the_engine_beside_it() -> None:
    dev = "./headrace dev --workers 0  (page; resume, retry, explain)"

    assert engine_hint(RedisPlace("own", "127.0.0.1", 7001)) == f"REDIS_URL=redis://127.0.0.1:7001 {dev}"
    assert engine_hint(RedisPlace("named by the settings", None, None)) == dev
