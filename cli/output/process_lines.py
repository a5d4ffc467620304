"""Prints what several processes say, each line headed by the name of its process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

COLOURS = {"redis": "31", "api": "36", "listener": "36", "orchestrator": "35", "echo": "90", "stack": "1"}
WORKER_COLOUR = "32"
NAME_WIDTH = 12


def has_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def print_line(name: str, line: str) -> None:
    """One line of output, headed by the name of its process."""
    prefix = f"{name:<{NAME_WIDTH}} |"
    if has_colour():
        prefix = f"\x1b[{COLOURS.get(name, WORKER_COLOUR)}m{prefix}\x1b[0m"
    write(f"{prefix} {line}\n")


def write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        # The reader of our output left (`| head`); the stack keeps running without one.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # open for good
