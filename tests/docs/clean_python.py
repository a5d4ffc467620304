"""A Python environment with the package `headrace` and pytest, and nothing of the engine."""

from __future__ import annotations

import json
import re
import subprocess
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from docs.generate import ROOT

#: What `pip install './sdk[pydantic]' pytest` brings, beside `headrace` itself.
WANTED = ("httpx2", "pydantic", "pytest")
#: Executes blocks one after the other in one namespace, and calls the tests that they define.
SESSION = """
import contextlib, inspect, io, json, sys, traceback
namespace = {"__name__": "page"}
for line in sys.stdin:
    printed, error, known = io.StringIO(), None, set(namespace)
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(json.loads(line), "<block>", "exec"), namespace)
            for name in sorted(set(namespace) - known):
                if name.startswith("test_") and not inspect.signature(namespace[name]).parameters:
                    namespace[name]()
        except BaseException:
            error = traceback.format_exc()
    print(json.dumps([printed.getvalue(), error]), flush=True)
"""


class CleanPython:
    """The environment below a directory; its `bin` has `python`, `python3` and `pytest`."""

    def __init__(self, directory: Path) -> None:
        self.bin = directory / "bin"
        venv.EnvBuilder(symlinks=True).create(directory)
        packages = next(directory.glob("lib/python*/site-packages"))
        for distribution in _with_requirements(WANTED):
            for name in _top_levels(distribution):
                if not (link := packages / name).exists():
                    link.symlink_to(distribution.locate_file(name))
        (packages / "headrace.pth").write_text(f"{ROOT / 'sdk' / 'src'}\n", encoding="utf-8")
        script = self.bin / "pytest"
        script.write_text(f'#!/bin/sh\nexec {self.bin}/python -m pytest "$@"\n', encoding="utf-8")
        script.chmod(0o755)

    def session(self, cwd: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
        """A process that `execute` speaks to."""
        return subprocess.Popen(
            [self.bin / "python", "-c", SESSION],
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def execute(session: subprocess.Popen[str], code: str) -> str:
    """Run a block; gives what it printed. Fails with its traceback."""
    assert session.stdin is not None and session.stdout is not None
    session.stdin.write(json.dumps(code) + "\n")
    session.stdin.flush()
    printed, error = json.loads(session.stdout.readline() or '["", "the process has ended"]')
    assert error is None, f"{error}\nprinted:\n{printed}\n{code}"
    return str(printed)


def _with_requirements(names: tuple[str, ...]) -> Iterator[Any]:
    """The distributions of these names, and all that they require here."""
    waiting, seen = list(names), set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # for another platform or Python
            continue
        yield found
        waiting += [
            re.split(r"[^\w.-]", wanted, maxsplit=1)[0]
            for wanted in found.requires or ()
            if "extra ==" not in wanted
        ]


def _top_levels(distribution: Any) -> set[str]:
    """Names in site-packages, of packages, modules and metadata."""
    firsts = {path.parts[0] for path in distribution.files or ()}
    return {name for name in firsts if name not in ("..", "__pycache__") and not name.endswith(".pth")}
