"""The command line as a whole: it starts at once, says what it is, and is found from anywhere."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import main
from cli.__main__ import COMMANDS, app, build, lists_commands, named_by
from docs.generate import ROOT
from tests.unit.cli.commands.invoking import run
from tests.unit.clients.http.target_server import reply, running_target

#: Commands that have commands of their own.
GROUPS = ["workflows", "schedules", "webhooks", "node", "dead", "deliveries", "keys", "tenants"]
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


def test_the_quick_list_of_commands_says_what_the_whole_command_line_says() -> None:
    listed = CliRunner().invoke(build(COMMANDS, is_list=True), ["--help"]).output.splitlines()
    whole = CliRunner().invoke(app, ["--help"]).output.splitlines()

    assert sorted(listed) == sorted(whole)
    below = listed[listed.index("Commands:") + 1 :]
    assert [line.split()[0] for line in below] == list(COMMANDS)


@pytest.mark.parametrize("words", [[], *([name] for name in GROUPS)])
def test_the_first_sentence_on_each_command_fits_its_line_in_a_list(words: list[str]) -> None:
    lines = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"}).output.splitlines()

    below = lines[lines.index("Commands:") + 1 :]
    assert below
    assert [line for line in below if line.endswith("...")] == []


@pytest.mark.parametrize(
    ("words", "is_list"),
    [
        ([], True),
        (["-h"], True),
        (["--help", "list"], True),
        (["list", "-h"], False),
        (["--", "list"], False),
    ],
)
def test_only_the_list_of_commands_goes_without_their_options(words: list[str], is_list: bool) -> None:
    assert lists_commands(words) is is_list


def make_checkout(root: Path) -> None:
    """A checkout whose Python prints how it was started, and whose lock has not been installed."""
    (root / ".venv" / "bin").mkdir(parents=True)
    for name in ("headrace", "requirements.lock"):
        shutil.copy(ROOT / name, root / name)
    make_script(root / ".venv" / "bin" / "python", 'echo "$PYTHONPATH" "$@"')


def make_script(file: Path, line: str) -> None:
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(("flag", "compiles"), [("1", True), ("", False)])
def test_what_is_installed_is_compiled_where_the_first_run_may_not(
    tmp_path: Path, flag: str, compiles: bool
) -> None:
    make_checkout(tmp_path)
    (tmp_path / "bin").mkdir()
    make_script(tmp_path / "bin" / "uv", f'echo "$@" >> {tmp_path}/asked')

    subprocess.run(
        [tmp_path / "headrace", "list"],
        check=True,
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": flag},
    )

    asked = (tmp_path / "asked").read_text().split()
    assert asked[:2] == ["pip", "install"]
    assert asked[-2:] == ["-r", str(tmp_path / "requirements.lock")]
    assert ("--compile-bytecode" in asked) is compiles


def test_a_link_on_the_path_leads_to_the_checkout(tmp_path: Path) -> None:
    make_checkout(tmp_path / "checkout")
    shutil.copy(ROOT / "requirements.lock", tmp_path / "checkout" / ".venv" / ".installed-requirements.lock")
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


#: Runs a command, then prints the modules that are loaded.
PROGRAM = """
import runpy, sys
sys.argv = ["headrace", *sys.argv[1:]]
try:
    runpy.run_module("cli", run_name="__main__")
except SystemExit as end:
    print(*sys.modules, file=sys.stderr)
    raise
"""


async def modules_after(*words: str) -> set[str]:
    """The modules that a command has loaded when it has succeeded."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", PROGRAM, *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    printed, loaded = await started.communicate()
    assert started.returncode == 0, (printed, loaded)
    return set(loaded.decode().split())


async def test_a_command_imports_no_other() -> None:
    loaded = await modules_after("explain", "-h")

    assert "cli.commands.executions" in loaded
    assert "cli.commands.schedules" not in loaded


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["list", "--limit", "5", "--status", "failed"],
        ["run", "greet", "--no-watch", "-i", "name=Ada"],
    ],
)
async def test_a_short_command_imports_only_what_asks_the_server(words: list[str]) -> None:
    async with running_target() as server:
        server.answers = {
            "/v1/executions": reply(200, b'{"items": [], "next_cursor": null}'),
            "/v1/workflows/greet": reply(200, b'{"id": "wf_1", "name": "greet", "definition": {}}'),
            "/v1/workflows/greet/executions": reply(202, b'{"execution_id": "e1", "status": "RUNNING"}'),
        }
        loaded = await modules_after(*words, "--server", server.url)

    assert server.seen
    assert "httpx2" in loaded
    assert loaded.isdisjoint({"config", "dotenv", "pydantic", "redis", "rich", "yaml"})
    assert loaded.isdisjoint({"headrace.api.access", "headrace.api.operations", "headrace.run"})


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["schedules", "add", "--help"]])
async def test_help_imports_no_reader_of_words_and_no_client(words: list[str]) -> None:
    loaded = await modules_after(*words)

    assert loaded.isdisjoint({"asyncio", "config", "headrace", "httpx2", "pydantic", "rich", "ssl", "yaml"})
