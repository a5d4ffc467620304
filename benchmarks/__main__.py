"""`python -m benchmarks`: measure the engine beside the floors and print what holds."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import uvloop

from benchmarks.driver import WORKLOADS, Plan, run
from benchmarks.redis_server import redis_version
from benchmarks.report import Measurement, figure_table, judge, target_table, unusable_note
from benchmarks.stacks import SYSTEMS
from benchmarks.targets import TARGETS

_PACKAGES = ("fastapi", "uvicorn", "uvloop", "redis", "hiredis", "orjson")


def main() -> int:
    """Run as asked. Exit code 1 when a target that was measured is missed."""
    arguments = _parse()
    # Ended from outside it must still end its processes and remove their files, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = Plan(
        rounds=arguments.rounds,
        only=frozenset(arguments.only),
        systems=frozenset(arguments.systems),
        aof=arguments.aof,
        patience_s=arguments.patience,
        repeats=arguments.repeats,
        seed=arguments.seed,
    )
    measurements = uvloop.run(run(plan))
    text = _render(plan, measurements)
    print(text)
    if arguments.save:
        arguments.save.write_text(text)
    missed = any(verdict.word == "MISSED" for verdict in judge(TARGETS, measurements))
    return 1 if missed or not measurements else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=_workloads, default=(), help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--systems", type=_systems, default=(), help="separated by ';'")
    parser.add_argument("--aof", action="store_true", help="also measure W1-W4 with AOF (everysec)")
    parser.add_argument(
        "--patience", type=float, default=20, help="seconds to wait for a quiet machine each time"
    )
    parser.add_argument(
        "--repeats", type=int, default=2, help="repeat a measurement spoilt by others, so often"
    )
    parser.add_argument("--seed", type=int, help="draw the order from this seed")
    parser.add_argument("--save", type=Path, help="also write the report to this file")
    return parser.parse_args()


def _workloads(text: str) -> tuple[str, ...]:
    return _known(text.split(","), tuple(WORKLOADS))


def _systems(text: str) -> tuple[str, ...]:
    # Names of systems hold commas.
    return _known(text.split(";"), tuple(SYSTEMS))


def _known(names: list[str], allowed: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(name.strip() for name in names)
    for name in found:
        if name not in allowed:
            raise argparse.ArgumentTypeError(f"'{name}' is none of: {'; '.join(allowed)}")
    return found


def _render(plan: Plan, measurements: list[Measurement]) -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return "\n\n".join(
        (
            f"# Benchmarks of {when}",
            (
                f"{plan.rounds} rounds; {cores} processors, {platform.machine()}, {platform.system()}; "
                f"Python {platform.python_version()}; {redis_version()}; {packages}."
            ),
            unusable_note(measurements),
            "## Targets\n\nMedian over the usable rounds; ratios are taken within a round.",
            target_table([item for item in judge(TARGETS, measurements) if item.value is not None]),
            "## All figures\n\nMedian over the usable rounds.",
            figure_table(measurements),
            "",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
