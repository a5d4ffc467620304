"""What `dev` says when it is up, and that what it cannot do is said in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands.dev import announce
from cli.output.process_lines import print_line
from cli.stack import info
from cli.stack.demo import DemoRun
from cli.stack.live_workers import LiveWorkers
from cli.stack.ports import NoSuchHost, listen
from cli.stack.redis_server import RedisPlace, RedisUnavailable, lock
from cli.stack.stack import Stack, StackOptions
from config import Settings
from tests.unit.cli.commands.invoking import run


def test_a_host_that_leads_nowhere_is_named() -> None:
    with pytest.raises(NoSuchHost, match=r"--host: 'no host\.invalid' is no address of this machine"):
        listen(8000, host="no host.invalid")


def test_a_data_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(RedisUnavailable, match=r"--data-dir: cannot make the directory .*taken: File exists"):
        lock(tmp_path / "taken")


def announced(
    capsys: pytest.CaptureFixture[str],
    data_dir: Path,
    found: DemoRun | None,
    *,
    live: LiveWorkers | None = None,
    handlers: str = "",
    is_demo: bool = False,
    workers: int = 2,
) -> list[str]:
    """The lines that a stack on port 8000 begins with."""
    settings = Settings(_env_file=None, handlers=handlers)
    options = StackOptions(data_dir, is_demo=is_demo, workers=workers)
    stack = Stack(options, settings, emit=print_line, announce=announce)
    stack.api_port, stack.echo_port, stack.demo_run, stack.live_workers = 8000, 8090, found, live
    stack.redis = RedisPlace("embedded", "127.0.0.1", 6379)
    announce(stack, 1.0)
    return capsys.readouterr().out.strip().splitlines()


def test_the_address_of_the_page_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    lines = announced(capsys, info.DEFAULT_DATA_DIR, None)

    assert lines[0].startswith("Headrace is up")
    assert lines[1].split() == ["page", "http://localhost:8000/"]
    assert not [line for line in lines if "demo" in line]


def test_with_the_demo_its_run_and_what_to_do_with_it_come_next(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    new = announced(capsys, info.DEFAULT_DATA_DIR, DemoRun("e1"))
    old = announced(capsys, tmp_path, DemoRun("e1", is_new=False))
    none = announced(capsys, info.DEFAULT_DATA_DIR, DemoRun(problem="a key is required"))

    assert new[2].split() == ["demo", "http://localhost:8000/ui/runs/e1", "(started)"]
    assert new[3].endswith(": ./headrace approve e1 approve --by YOU")
    assert new[4].endswith("curl -X POST http://localhost:8000/demo/workers/kill")
    assert old[2].endswith("/ui/runs/e1  (continued)")
    assert f": STACK_DATA_DIR={tmp_path} ./headrace approve e1" in old[3]
    assert none[2].split(maxsplit=1) == ["demo", "nothing was started: a key is required"]


def test_the_demo_is_refused_in_production_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("STACK_DATA_DIR", str(tmp_path / "data"))

    code, lines = run("dev", "--demo")

    assert code == 1
    assert lines == ["headrace dev: --demo is for development only; found ENVIRONMENT=production"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (LiveWorkers(("worker-1", "worker-2"), False, ""), "2: worker-1, worker-2"),
        (LiveWorkers(("worker-1",), False, ""), "1 of 2 running: worker-1; 1 still starting"),
        (LiveWorkers((), False, ""), "none of 2 running yet; 2 still starting"),
        (None, "2"),
    ],
)
def test_workers_that_live_are_counted(
    capsys: pytest.CaptureFixture[str], live: LiveWorkers | None, words: str
) -> None:
    lines = announced(capsys, info.DEFAULT_DATA_DIR, None, live=live)

    assert [line.split(maxsplit=1)[1] for line in lines if line.split()[0] == "workers"] == [words]
    assert not [line for line in lines if line.split()[:1] == ["handlers"]]


@pytest.mark.parametrize(
    ("handlers", "workers", "row"),
    [
        ("", 2, ["handlers", "examples.handlers:", "loaded"]),
        ("mine", 2, ["handlers", "mine,", "examples.handlers:", "loaded"]),
        ("mine", 0, None),
    ],
)
def test_with_the_demo_its_handlers_are_named_too(
    capsys: pytest.CaptureFixture[str], handlers: str, workers: int, row: list[str] | None
) -> None:
    live = LiveWorkers(("worker-1",), True, "")

    lines = announced(
        capsys,
        info.DEFAULT_DATA_DIR,
        DemoRun("e1"),
        live=live,
        handlers=handlers,
        is_demo=True,
        workers=workers,
    )

    assert [line.split() for line in lines if line.split()[:1] == ["handlers"]] == ([row] if row else [])


def test_why_handlers_do_not_load_is_the_last_thing_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    broken = LiveWorkers(("worker-1",), False, "cannot load handler module 'mine'\nTypeError: no")

    lines = announced(capsys, info.DEFAULT_DATA_DIR, None, live=broken, handlers="mine")
    good = announced(
        capsys, info.DEFAULT_DATA_DIR, None, live=LiveWorkers(("w",), True, ""), handlers="mine,b"
    )

    assert lines[-2:] == ["cannot load handler module 'mine'", "TypeError: no"]
    (row,) = [line for line in lines if line.split()[:1] == ["handlers"]]
    assert "cannot be loaded, see below" in row
    assert [line.split() for line in good if line.split()[:1] == ["handlers"]] == [
        ["handlers", "mine,", "b:", "loaded"]
    ]
