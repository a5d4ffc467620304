"""The pytest fixture `headrace_client`: a client of a stack that is started for the tests of a session.

The stack has a Redis of its own in a temporary directory, an API and workers with the modules that the
setting `headrace_handlers` names, and is stopped at the end. It needs the engine: a checkout that
HEADRACE_HOME names, or the one this package lies in. Without one, tests that want it are skipped.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from headrace.client import Client
    from headrace.records import Worker

#: How long a stack may take to start, and to stop.
STARTING_S = 120.0
STOPPING_S = 20.0
#: How often it is started where another process has taken its port meanwhile.
MOST_STARTS = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting `headrace_handlers`."""
    parser.addini("headrace_handlers", "modules with handlers for the worker of headrace_client", type="args")


@pytest.fixture(scope="session")
def headrace_url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a stack of the session's own."""
    home = find_engine()
    if isinstance(home, str):
        pytest.skip(home)
    modules = pytestconfig.getini("headrace_handlers")
    with stack(home, tmp_path_factory.mktemp("headrace"), modules, pytestconfig.rootpath) as url:
        yield url


@pytest.fixture
def headrace_client(headrace_url: str) -> Iterator[Client]:
    """A client of a stack of the session's own; tests share what they start there."""
    from headrace.client import Client

    with Client(headrace_url) as client:
        yield client


def find_engine() -> Path | str:
    """The checkout of the engine, or the reason why there is none to be used."""
    named = os.environ.get("HEADRACE_HOME")
    home = Path(named) if named else Path(__file__).resolve().parents[3]
    if not (home / "headrace").is_file() or not (home / "cli").is_dir():
        found = f"{named!r} (HEADRACE_HOME) is none" if named else "HEADRACE_HOME does not name one"
        return f"headrace_client needs a checkout of the engine; {found}"
    if not (home / ".venv").exists():
        return f"the engine in {home} has never been started: run {home}/headrace doctor once"
    return home


@contextmanager
def stack(home: Path, data: Path, modules: Sequence[str], root: Path) -> Iterator[str]:
    """Run a stack; gives its address.

    Raises RuntimeError where it does not start, and where the modules cannot be loaded.
    """
    log = data / "stack.log"
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        # Whatever the environment or the engine's .env says: these tests have no keys.
        "ENVIRONMENT": "development",
        "AUTH_REQUIRED": "false",
        "STACK_REDIS": "embedded",
        "STACK_DATA_DIR": str(data),
        "HANDLERS": ",".join(modules),
        "PYTHONPATH": os.pathsep.join(paths),
    }
    for start in range(1, MOST_STARTS + 1):
        # Other stacks on this machine may take them before ours does.
        port, echo_port = _free_ports()
        url = f"http://127.0.0.1:{port}"
        process = _start(home, port, echo_port, environment, log)
        try:
            _await_worker(url, process, log, modules)
            yield url
            return
        except PortTaken:
            if start == MOST_STARTS:
                raise
        finally:
            _stop(process)


class PortTaken(RuntimeError):
    """The stack did not start, since another process listens on its port."""


def _start(
    home: Path, port: int, echo_port: int, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [home / "headrace", "dev", "--port", str(port), "--echo-port", str(echo_port)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _await_worker(url: str, process: subprocess.Popen[bytes], log: Path, modules: Sequence[str]) -> None:
    from headrace.client import Client
    from headrace.errors import HeadraceError

    until_s, problem = time.monotonic() + STARTING_S, "it has no worker"
    with Client(url, retries=0, timeout_s=5.0) as client:
        while process.poll() is None and time.monotonic() < until_s:
            try:
                if client.is_healthy() and (workers := client.workers.list()):
                    if has_loaded(workers, modules):
                        return
                    problem = f"its worker does not load the modules {', '.join(modules)}"
            except HeadraceError as error:
                problem = str(error)
            time.sleep(0.1)
    text = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    kind = PortTaken if process.poll() is not None and "in use" in text else RuntimeError
    raise kind(f"the stack of headrace_client did not start: {problem}; its last lines:\n{text}")


def has_loaded(workers: Sequence[Worker], modules: Sequence[str]) -> bool:
    """Whether all workers have loaded the modules. Raises RuntimeError with the reason where one cannot."""
    for worker in workers:
        if worker.refusal:
            named = f"the modules of headrace_handlers ({', '.join(modules)})"
            raise RuntimeError(f"{named} cannot be loaded:\n{worker.refusal}")
    # The first process of a worker has no kind until it has loaded them; without handlers there is none then.
    return all(host.get("kind") for worker in workers for host in worker.hosts)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPPING_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
