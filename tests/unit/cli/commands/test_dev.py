"""What `dev` says when it is up, and that what it cannot do is said in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands.dev import announce, print_line
from cli.stack import info
from cli.stack.demo import DemoRun
from cli.stack.ports import NoSuchHost, is_port_free
from cli.stack.redis_server import RedisPlace, RedisUnavailable, lock
from cli.stack.stack import Stack, StackOptions
from config import Settings
from tests.unit.cli.commands.invoking import run


def test_a_host_that_leads_nowhere_is_named() -> None:
    with pytest.raises(NoSuchHost, match=r"--host: 'no host\.invalid' is no address of this machine"):
        is_port_free(8000, host="no host.invalid")


def test_a_data_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(RedisUnavailable, match=r"--data-dir: cannot make the directory .*taken: File exists"):
        lock(tmp_path / "taken")


def announced(capsys: pytest.CaptureFixture[str], data_dir: Path, found: DemoRun | None) -> list[str]:
    """The lines that a stack on port 8000 begins with."""
    stack = Stack(StackOptions(data_dir), Settings(_env_file=None), emit=print_line, announce=announce)
    stack.api_port, stack.echo_port, stack.demo_run = 8000, 8090, found
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
