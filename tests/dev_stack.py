"""`./headrace dev` as people start it: a process, with its data and its ports, that ends with its test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cli.stack.info import ROOT, is_process_alive
from tests.held_port import HeldPort
from tests.patience import PATIENCE_S

UP_WITHIN_S = DOWN_WITHIN_S = PATIENCE_S


class DevStack:
    """One `./headrace dev` on a data directory and ports of its own."""

    def __init__(self, data_dir: Path, *, cwd: Path = ROOT) -> None:
        self.data_dir, self.cwd = data_dir, cwd
        self._held = HeldPort(), HeldPort()
        self.port, self.echo_port = (held.number for held in self._held)
        dropped = (
            "REDIS_URL",
            "REDIS_HOST",
            "REDIS_PORT",
            "STACK_REDIS",
            "API_URL",
            "HANDLERS",
            "ENVIRONMENT",
        )
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        self.environment = kept | {
            "STACK_DATA_DIR": str(data_dir),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []

    def start(self, *options: str, variables: Mapping[str, str] | None = None) -> None:
        """Start it, with these variables in its environment, and wait until it says that it is up."""
        ports = ("--port", str(self.port), "--echo-port", str(self.echo_port))
        self.launch("dev", *ports, *options, variables=variables)

    def launch(self, *words: str, variables: Mapping[str, str] | None = None) -> None:
        """Type a command that goes on, and wait until it says that it is up."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            cwd=self.cwd,
            env={**self.environment, **(variables or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        is_up = threading.Event()
        threading.Thread(target=self._read, args=(self.process, is_up), daemon=True).start()
        assert is_up.wait(UP_WITHIN_S), f"not up after {UP_WITHIN_S} s:\n" + "".join(self.output)

    def _read(self, process: subprocess.Popen[str], is_up: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.output.append(line)
                if line.startswith(("Headrace is up", "Workflow server is up")):
                    is_up.set()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Type another command beside it."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call its API; gives the JSON of the answer."""
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, sent, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def children(self) -> list[int]:
        assert self.process is not None
        pid = self.process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(child) for child in listed.split()]

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait until it and all its children are gone; returns its exit code."""
        assert self.process is not None
        family = self.children()
        self.process.send_signal(number)
        code = self.process.wait(DOWN_WITHIN_S)
        give_up_at = time.monotonic() + DOWN_WITHIN_S
        while any(is_process_alive(child) for child in family):
            assert time.monotonic() < give_up_at, f"left behind: {family}\n" + "".join(self.output)
            time.sleep(0.05)
        return code

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGTERM)


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for what other processes do."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up_at, f"never: {what}"
        time.sleep(0.05)
