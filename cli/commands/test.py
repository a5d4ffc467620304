"""`./headrace test`: style, types, import rules and tests, all that has to pass before a change is sent."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Step:
    """One program that has to end with 0.

    is_aside  it uses one processor at most: it runs beside the others, and what it says is shown behind them.
    """

    name: str
    command: list[str]
    is_aside: bool = False


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
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sdk" / "src")])}
    if long:
        # Read by the property tests: more examples, longer runs.
        environment["HEADRACE_LONG"] = "1"
    failed = failing(steps(context.args, is_long=long), environment)
    took_s = time.monotonic() - began
    if failed:
        typer.echo(f"\nfailed: {', '.join(failed)} ({took_s:.0f} s)", err=True)
        raise typer.Exit(1)
    typer.echo(f"\nall passed ({took_s:.0f} s)")


def steps(arguments: list[str], *, is_long: bool) -> list[Step]:
    """What is run, in order: the quick ones first."""
    pytest = [sys.executable, "-m", "pytest"]
    if not any(argument == "-n" or argument.startswith(("-n", "--numprocesses")) for argument in arguments):
        pytest += ["-n", PROCESSES]
    if is_long:
        # pyproject.toml leaves the long ones out; the last -m given wins, so a caller's own still does.
        pytest += ["-m", "", "--timeout", str(LONG_TIMEOUT_S)]
    found = [
        Step("ruff", [sys.executable, "-m", "ruff", "check", "."]),
        Step("imports", [str(Path(sys.executable).parent / "lint-imports")], is_aside=True),
        Step("mypy", [sys.executable, "-m", "mypy", "."], is_aside=True),
        Step("pytest", [*pytest, *arguments]),
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
        found.append(Step(f"pytest on {other}", on_other))
    return found


def failing(steps: list[Step], environment: Mapping[str, str]) -> list[str]:
    """Run every step, and show what each says; gives the names of those that failed."""
    with contextlib.ExitStack() as stack:
        asides = [(step, stack.enter_context(running(step, environment))) for step in steps if step.is_aside]
        failed = []
        for step in steps:
            if not step.is_aside:
                typer.echo(f"--- {step.name}")
                if subprocess.run(step.command, cwd=ROOT, env=environment, check=False).returncode:
                    failed.append(step.name)
        return failed + [step.name for step, passes in asides if not passes()]


@contextlib.contextmanager
def running(step: Step, environment: Mapping[str, str]) -> Iterator[Callable[[], bool]]:
    """Run a step beside others; gives what waits for its end, shows its output and says whether it passed."""
    # A file and not a pipe: nobody reads meanwhile, and a pipe that is full stops who writes.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            step.command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )

        def passes() -> bool:
            code = process.wait()
            output.seek(0)
            typer.echo(f"--- {step.name}\n{output.read().decode(errors='replace')}", nl=False)
            return code == 0

        try:
            yield passes
        finally:
            process.kill()
            process.wait()
