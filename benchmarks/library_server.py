"""What a run of a library workflow takes, beside the library's server: `python -m benchmarks.library_server`.

Three steps, one after the other, by `POST /workflows/three/run`: from `./headrace workflow-server`, from the
library's own server with its store in memory, and from that with SQLite. One client calls them in random
order, at once or after a pause: five processes that take turns lose more by what ran before than one does.
Needs the extra of `requirements-workflows.lock`, and `uv`, which installs the library's server apart.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.redis_server import free_port

ROOT = Path(__file__).resolve().parents[1]
SERVER_PACKAGE = "llama-agents-server==0.8.0"
START_S = 90.0
FLOWS = """
from llama_agents.server import WorkflowServer
from workflows import Context, Workflow, step
from workflows.events import Event, StartEvent, StopEvent


class A(Event):
    n: int


class B(Event):
    n: int


class Three(Workflow):
    @step
    async def one(self, ctx: Context, ev: StartEvent) -> A:
        await ctx.store.set("x", 1)
        return A(n=1)

    @step
    async def two(self, ctx: Context, ev: A) -> B:
        async with ctx.store.edit_state() as state:
            state["x"] += 1
        return B(n=2)

    @step
    async def three(self, ctx: Context, ev: B) -> StopEvent:
        return StopEvent(result=await ctx.store.get("x"))


server = WorkflowServer()
server.add_workflow("three", Three())
"""
#: Serves the same workflow by the library. Arguments: port, and where SQLite keeps its file.
LIBRARY = """
import asyncio, sys
import flows
from llama_agents.server import SqliteWorkflowStore, WorkflowServer

kept = {"workflow_store": SqliteWorkflowStore(sys.argv[2])} if len(sys.argv) > 2 else {}
server = WorkflowServer(**kept)
server.add_workflow("three", flows.Three())
asyncio.run(server.serve("127.0.0.1", int(sys.argv[1])))
"""


def run(connection: http.client.HTTPConnection) -> float:
    """Run the workflow once; gives milliseconds as the client sees them."""
    began = time.perf_counter()
    connection.request("POST", "/workflows/three/run", b"{}", {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return (time.perf_counter() - began) * 1000


@contextlib.contextmanager
def served(command: list[str], port: int, folder: Path) -> Iterator[http.client.HTTPConnection]:
    """Start a server, and wait until it has answered a run."""
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": os.fspath(ROOT)}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until_s = time.monotonic() + START_S
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            with contextlib.suppress(OSError, AssertionError):
                run(connection)
                break
            if process.poll() is not None or time.monotonic() > until_s:
                raise SystemExit(f"did not start: {' '.join(command)}")
            time.sleep(0.2)
        yield connection
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def library_python(folder: Path) -> str:
    """Make an environment with the library's server; gives its interpreter."""
    uv = Path(sys.executable).with_name("uv")
    python = folder / "library" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", folder / "library"], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, SERVER_PACKAGE], check=True)
    return os.fspath(python)


def main() -> None:
    """Start all servers, call them in turns, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--rounds", type=int, default=150, help="calls of each server (150)")
    parser.add_argument("--pause-ms", type=float, default=0.0, help="between two calls (0)")
    parser.add_argument("--without-sqlite", action="store_true", help="which waits for the disk at each step")
    asked = parser.parse_args()
    rounds = asked.rounds
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        (folder / "flows.py").write_text(FLOWS)
        (folder / "serve.py").write_text(LIBRARY)
        python, ports = library_python(folder), [free_port() for _ in range(3)]
        own = [sys.executable, "-P", "-m", "cli", "workflow-server", os.fspath(folder / "flows.py")]
        commands = {
            "Headrace": [*own, "--port", str(ports[0]), "--data-dir", os.fspath(folder / "data")],
            "in memory": [python, "serve.py", str(ports[1])],
            "SQLite": [python, "serve.py", str(ports[2]), os.fspath(folder / "runs.db")],
        }
        if asked.without_sqlite:
            del commands["SQLite"]
        open_to = {
            name: stack.enter_context(served(command, port, folder))
            for (name, command), port in zip(commands.items(), ports, strict=False)
        }
        took: dict[str, list[float]] = {name: [] for name in open_to}
        for number in range(rounds + 10):
            for name in random.sample(list(open_to), len(open_to)):
                time.sleep(asked.pause_ms / 1000)
                each_ms = run(open_to[name])
                if number >= 10:
                    took[name].append(each_ms)
    own_ms = statistics.median(took["Headrace"])
    for name, times in took.items():
        p50 = statistics.median(times)
        print(f"{name:10} p50 {p50:6.1f} ms  min {min(times):6.1f}  Headrace takes {own_ms / p50:.2f} of it")


if __name__ == "__main__":
    main()
