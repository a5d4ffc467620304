"""`./headrace test`: style, types, import rules and tests, all that has to pass before a change is sent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from cli.stack.info import ROOT

#: Processes of a run. One more than the processors of a small machine: tests wait for browsers and stores.
PROCESSES = "3"
#: Long runs have tests of up to half an hour; a test's own mark still wins.
LONG_TIMEOUT_S = 1800
#: Tests of the scripts themselves, run again on an installed Redis.
ON_EVERY_SERVER = (
    "tests/integration/transitions",
    "tests/property/test_random_dags.py",
)


def test(
    context: typer.Context,
    long: Annotated[
        bool, typer.Option("--long", help="Also the chaos, long model and mutation runs.")
    ] = False,
) -> None:
    """Run ruff, mypy, the import rules and pytest. Other arguments go to pytest.

    Every step runs even when one before it failed; the exit code is 0 if all passed.
    """
    began = time.monotonic()
    failed = [
        name for name, command in steps(context.args, is_long=long) if not passes(name, command, is_long=long)
    ]
    took_s = time.monotonic() - began
    if failed:
        typer.echo(f"\nfailed: {', '.join(failed)} ({took_s:.0f} s)", err=True)
        raise typer.Exit(1)
    typer.echo(f"\nall passed ({took_s:.0f} s)")


def steps(arguments: list[str], *, is_long: bool) -> list[tuple[str, list[str]]]:
    """What is run, in order: the quick ones first."""
    tools = Path(sys.executable).parent
    pytest = [sys.executable, "-m", "pytest"]
    if not any(argument == "-n" or argument.startswith(("-n", "--numprocesses")) for argument in arguments):
        pytest += ["-n", PROCESSES]
    if is_long:
        # pyproject.toml leaves the long ones out; the last -m given wins, so a caller's own still does.
        pytest += ["-m", "", "--timeout", str(LONG_TIMEOUT_S)]
    found = [
        ("ruff", [sys.executable, "-m", "ruff", "check", "."]),
        ("imports", [str(tools / "lint-imports")]),
        ("mypy", [sys.executable, "-m", "mypy", "."]),
        ("pytest", [*pytest, *arguments]),
    ]
    other = shutil.which("redis-server")
    if other and not arguments and "TEST_REDIS_SERVER" not in os.environ:
        # The suite runs on the embedded Valkey; what the scripts promise must hold on this server too.
        on_other = [
            "env",
            f"TEST_REDIS_SERVER={other}",
            sys.executable,
            "-m",
            "pytest",
            "-n",
            PROCESSES,
            *ON_EVERY_SERVER,
        ]
        found.append((f"pytest on {other}", on_other))
    return found


def passes(name: str, command: list[str], *, is_long: bool) -> bool:
    """Run one step, its output straight through."""
    typer.echo(f"--- {name}")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sdk" / "src")])}
    if is_long:
        # Read by the property tests: more examples, longer runs.
        environment["HEADRACE_LONG"] = "1"
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0
