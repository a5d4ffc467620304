"""Someone who reads a page and does what it says: types its commands, saves its files, runs its Python."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from docs.generate import ROOT
from tests.dev_stack import DevStack
from tests.docs.blocks import Block
from tests.docs.clean_python import CleanPython, execute
from tests.docs.comparing import missing
from tests.file_stack import FileStack
from tests.patience import PATIENCE_S

#: A line that starts the stack: variables, the command, its options, and perhaps a comment.
DEV = re.compile(
    r"^(?P<variables>(?:\w+=\S+ )*)\./headrace dev\b(?P<options>[^#\n]*)(?:#.*)?\n", re.MULTILINE
)
#: A line that serves the workflows of a file.
SERVE = re.compile(r"^\./headrace workflow-server (?P<file>\S+\.py)\n", re.MULTILINE)
#: One worker is enough for every page, and starts faster than two.
FEW = ("--workers", "1")
#: What the clean environment has already.
INSTALL = re.compile(
    r"^pip install ['\"]?\./sdk(?:\[pydantic\])?['\"]?(?: pytest)?(?: +#.*)?\n", re.MULTILINE
)
RUN_FOR = re.compile(r"run for (\d+) s")
EXITS = re.compile(r"exits (\d+)")
#: Runs a block with the variables that the blocks before it have set, and keeps those that are set then, but
#: for what the environment of the reader gives anyway.
SCRIPT = """
if [ -f .variables ]; then . ./.variables; fi
trap 'export -p | grep -Ev " ({given})=" > .variables || true' EXIT
set -ae -o pipefail
"""


class Reader:
    """A reader of one page, in a folder of their own.

    shared  gives the stack that runs already: what a plain `./headrace dev` would start. One with variables
            or options is started for the page, and used from then on.
    """

    def __init__(self, home: Path, shared: Callable[[], DevStack], python: CleanPython) -> None:
        self.home, self._shared = home, shared
        self._own: DevStack | None = None
        self._files: FileStack | None = None
        bin_path = home / ".bin"
        bin_path.mkdir()
        command = home / "headrace"
        command.write_text(
            f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m cli "$@"\n', encoding="utf-8"
        )
        command.chmod(0o755)
        for name in ("examples", "workflows", "docker-compose.yml"):
            (home / name).symlink_to(ROOT / name)
        self._python = python
        self._session: subprocess.Popen[str] | None = None
        self.printed = ""

    @property
    def stack(self) -> DevStack:
        return self._own or self._shared()

    @property
    def environment(self) -> dict[str, str]:
        """What the reader's shell has: commands find the stack, and `python` is the clean one."""
        return {
            **{name: value for name, value in self.stack.environment.items() if name != "PYTHONPATH"},
            "PATH": os.pathsep.join((str(self._python.bin), os.environ["PATH"])),
            "PYTEST_ADDOPTS": "-p no:cacheprovider",
        }

    def close(self) -> None:
        if self._session is not None:
            self._session.kill()
            self._session.communicate()
        for stack in (self._own, self._files):
            if stack is not None:
                stack.close()

    def do(self, block: Block) -> None:
        """Do what one block says. What it prints is kept for the block behind it."""
        text = self._here(block.text)
        if block.answers and block.language in ("text", "json"):
            line = missing(block.text, self._there(self.printed), is_json=block.language == "json")
            assert line is None, f"{block}: not printed: {line}\nprinted was:\n{self.printed}"
        elif block.file_name is not None:
            path = self.home / block.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif block.language == "sh":
            self.printed = self._type(block, text)
        elif block.language == "python":
            if self._session is None:
                self._session = self._python.session(self.home, self.environment)
            self.printed = execute(self._session, text)

    def _type(self, block: Block, text: str) -> str:
        started = ""
        for found in DEV.finditer(text):
            if found["variables"] or found["options"].strip():
                self._start(found["variables"], found["options"])
            started = "".join(self.stack.output)
        for found in SERVE.finditer(text):
            self._files = FileStack(self.home / found["file"], self.home / "runs")
            self._files.start()
            started += "".join(self._files.output)
        text = INSTALL.sub("", SERVE.sub("", DEV.sub("", text)))
        return started + (self._run(block, text) if text.strip() else "")

    def _start(self, variables: str, options: str) -> None:
        if self._own is not None:
            self._own.close()
        self._own = DevStack(self.home / "redis", cwd=self.home)
        pairs = [word.partition("=") for word in shlex.split(variables)]
        self._own.start(*FEW, *shlex.split(options), variables={name: value for name, _, value in pairs})

    def _run(self, block: Block, text: str) -> str:
        limit, environment = RUN_FOR.search(block.mark), self.environment
        given = "|".join([*environment, "PWD", "OLDPWD", "SHLVL", "_"])
        process = subprocess.Popen(
            ["bash", "-c", SCRIPT.replace("{given}", given) + text],
            cwd=self.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=int(limit[1]) if limit else PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            printed, _ = process.communicate()
            assert limit, f"{block}: does not end; printed was:\n{printed}"
            return printed
        exits = EXITS.search(block.mark)
        code = int(exits[1]) if exits else 0
        assert process.returncode == code, f"{block}: exit code {process.returncode}; printed was:\n{printed}"
        return printed

    def _here(self, text: str) -> str:
        """A text of the page with the addresses of this stack."""
        text = re.sub(r"localhost:8000\b", f"127.0.0.1:{self.stack.port}", text)
        if self._files is not None:
            text = text.replace("localhost:8080", f"127.0.0.1:{self._files.port}")
        return re.sub(r"localhost:8090\b", f"127.0.0.1:{self.stack.echo_port}", text)

    def _there(self, text: str) -> str:
        """What was printed, with the addresses of the page."""
        if self._files is not None:
            text = re.sub(rf"(localhost|127\.0\.0\.1):{self._files.port}\b", "localhost:8080", text)
        text = re.sub(rf"(localhost|127\.0\.0\.1):{self.stack.port}\b", "localhost:8000", text)
        return re.sub(rf"(localhost|127\.0\.0\.1):{self.stack.echo_port}\b", "localhost:8090", text)
