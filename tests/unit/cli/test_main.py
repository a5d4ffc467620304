"""The command line as a whole: it starts at once, says what it is, and is found from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import main
from cli.__main__ import COMMANDS, named_by
from docs.generate import ROOT
from tests.unit.cli.commands.invoking import run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_help_loads_nothing_that_only_a_command_needs() -> None:
    program = "import sys; import cli.__main__; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint({"asyncio", "config", "httpx2", "pydantic", "redis", "rich", "ssl", "yaml"})


def test_the_version_is_that_of_the_project() -> None:
    code, lines = run("--version")

    assert code == 0
    assert lines[0].startswith(f"headrace {PROJECT['version']} (Python {sys.version.split()[0]}")


def test_the_api_and_the_package_have_the_version_of_the_project() -> None:
    package = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text())["project"]

    assert main.VERSION == package["version"] == PROJECT["version"]


@pytest.mark.parametrize("words", [("-h",), ("list", "-h"), ("schedules", "add", "-h")])
def test_help_is_asked_for_by_one_letter_too(words: tuple[str, ...]) -> None:
    code, lines = run(*words)

    assert code == 0
    assert "--help" in "\n".join(lines)


def test_a_shell_completes_the_names_of_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "_HEADRACE_COMPLETE": "complete_bash",
            "COMP_WORDS": "headrace wor",
            "COMP_CWORD": "1",
        },
    )

    assert done.stdout.split() == ["workflow-server", "workers", "workflows"]


def test_a_link_on_the_path_leads_to_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "checkout" / ".venv" / "bin").mkdir(parents=True)
    for name in ("headrace", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / "checkout" / name)
    shutil.copy(ROOT / "requirements.lock", tmp_path / "checkout" / ".venv" / ".installed-requirements.lock")
    python = tmp_path / "checkout" / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$PYTHONPATH" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "first").symlink_to(tmp_path / "checkout" / "headrace")
    (tmp_path / "bin" / "headrace").symlink_to("first")

    done = subprocess.run(
        ["headrace", "list"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"},
    )

    assert done.stdout.split() == [str(tmp_path / "checkout"), "-P", "-m", "cli", "list"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["list", "--json"], ["list"]),
        (["lst"], list(COMMANDS)),
        (["-h"], list(COMMANDS)),
        ([], list(COMMANDS)),
    ],
)
def test_only_the_command_that_is_typed_is_built(words: list[str], named: list[str]) -> None:
    assert list(named_by(words)) == named


def test_a_command_imports_no_other() -> None:
    program = """
import runpy, sys
sys.argv = ["headrace", "explain", "-h"]
try:
    runpy.run_module("cli", run_name="__main__")
except SystemExit:
    print(*sys.modules)
"""

    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

    loaded = done.stdout.split()
    assert "cli.commands.executions" in loaded
    assert "cli.commands.schedules" not in loaded
