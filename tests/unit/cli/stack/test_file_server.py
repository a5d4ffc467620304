"""A file is served by processes that find it, keep its runs apart, and are given up when they cannot run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.stack.engine_records import EngineRecords
from cli.stack.file_server import (
    FileRefused,
    FileServer,
    FileServerBroken,
    FileServerOptions,
    data_dir_of,
    file_environment,
    reached,
)
from cli.stack.process import Child
from config import Settings


class Running:
    """A process of which only the id is looked at."""

    pid = 7


def options(tmp_path: Path, python: str | None = None) -> FileServerOptions:
    return FileServerOptions(tmp_path / "app.py", "0.0.0.0", 8080, tmp_path / "data", python=python)


def server(tmp_path: Path) -> FileServer:
    """One whose only worker has the process id 7."""
    made = FileServer(options(tmp_path), Settings(), emit=lambda *_: None, announce=lambda _: None)
    worker = Child("worker-1", [], {}, tmp_path, lambda *_: None)
    worker.process = Running()  # type: ignore[assignment]
    made.supervision.groups = [[worker]]
    return made


def records(monkeypatch: pytest.MonkeyPatch, **fields: str) -> EngineRecords:
    """What Redis knows: the worker of the server, and one of another."""
    monkeypatch.setattr("cli.stack.engine_records.socket.gethostname", lambda: "here")
    other = {"host": "here", "pid": "8", "refusal": "of another", "workflows": '{"other": ""}'}
    return EngineRecords(1_000, None, [other, {"host": "here", "pid": "7", **fields}])


def test_each_file_has_its_own_directory() -> None:
    one, other = data_dir_of(Path("/a/app.py")), data_dir_of(Path("/b/app.py"))

    assert one == data_dir_of(Path("/a/app.py")) != other
    assert one.name.startswith("app-")


def test_workers_find_the_file_and_what_it_imports(tmp_path: Path) -> None:
    found = file_environment(options(tmp_path), Settings(handler_path="/more:/other"))
    chosen = file_environment(options(tmp_path, python="/v/bin/python"), Settings(handler_python="python3"))

    assert found == {
        "HANDLERS": "headrace.workflow_server",
        "WORKFLOW_SERVER_FILE": str(tmp_path / "app.py"),
        "HANDLER_PATH": f"{tmp_path}:/more:/other",
    }
    assert chosen["HANDLER_PYTHON"] == "/v/bin/python"


def test_it_serves_once_its_own_worker_has_registered_the_workflows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = server(tmp_path)

    assert not made._is_registered(records(monkeypatch))
    assert made._is_registered(records(monkeypatch, workflows='{"greet": "", "human": ""}'))
    assert made.workflows == ("greet", "human")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"refusal": "cannot load handler module 'headrace.workflow_server' (HANDLERS): ImportError: x\n"},
            "ImportError: x",
        ),
        ({"workflows": '{"a": "", "b": "taken"}'}, "workflow 'b': taken"),
    ],
)
def test_what_its_worker_refuses_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], says: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        server(tmp_path)._is_registered(records(monkeypatch, **fields))

    assert str(refused.value) == says


async def test_a_process_that_does_not_run_is_given_up_with_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_away(dsn: str) -> EngineRecords:
        raise ConnectionRefusedError

    monkeypatch.setattr("cli.stack.file_server.read_records", is_away)
    made = server(tmp_path)
    made.supervision.groups[0][0].starts = 3
    made._say("worker-1", "no such setting")
    made._say("listener", "of another")

    with pytest.raises(FileServerBroken) as broken:
        await made._wait_until_served()

    assert str(broken.value) == "worker-1 could not start:\nno such setting"


@pytest.mark.parametrize(
    ("host", "shown"), [("0.0.0.0", "localhost"), ("::", "localhost"), ("::1", "[::1]"), ("a.b", "a.b")]
)
def test_every_address_is_reached_by_a_name(host: str, shown: str) -> None:
    assert reached(host) == shown
