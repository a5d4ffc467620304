"""The local stack: Redis, API, orchestrator, workers and the echo service as one supervised group.

Started as soon as Redis answers; stopped in the order workers, orchestrator, API, Redis, so that
what runs can still be recorded. A process that dies by itself is restarted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cli.stack import info as stack_info
from cli.stack import ports
from cli.stack.demo import DemoRun, demo_environment, require_development, start_demo
from cli.stack.info import ROOT, StackInfo
from cli.stack.live_workers import LiveWorkers, find_live_workers
from cli.stack.process import Child
from cli.stack.redis_server import RedisPlace, find_redis, lock
from cli.stack.supervision import Supervision
from config import Settings

API_PORT = 8000
ECHO_PORT = 8090
#: How long the processes the first execution needs start alone.
HEAD_START_S = 4.0
#: How long the modules of HANDLERS are waited for, before it is said what runs.
HANDLERS_WAIT_S = 5.0
#: The host names in the documented sample workflows; nothing of that name exists anywhere.
SAMPLE_SERVICES = ("service-a", "consumer")


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What `./headrace dev` was asked for. A port of None means: the usual one, or the next free."""

    data_dir: Path
    workers: int = 2
    host: str = ports.LOCAL
    port: int | None = None
    echo_port: int | None = None
    #: Whether the demo is served, and an execution of it is started.
    is_demo: bool = False


class PortTaken(Exception):
    """The port asked for by name is in use."""


@dataclass(slots=True)
class Stack:
    """The running group. `run` returns when it has been stopped."""

    options: StackOptions
    settings: Settings
    emit: Callable[[str, str], None]
    announce: Callable[[Stack, float], None]

    api_port: int = 0
    echo_port: int = 0
    redis: RedisPlace | None = None
    #: Its workers when it is up; None where that is not known.
    live_workers: LiveWorkers | None = None
    #: What came of starting the demo; None without one.
    demo_run: DemoRun | None = None
    supervision: Supervision = field(init=False)

    def __post_init__(self) -> None:
        self.supervision = Supervision(self.emit)

    async def run(self) -> None:
        """Start everything, wait for a signal, stop everything. Raises what keeps it from starting."""
        began = time.monotonic()
        if self.options.is_demo:
            require_development(self.settings)
        lock_fd = lock(self.options.data_dir)
        self.supervision.listen_for_signals()
        watchers: list[asyncio.Task[None]] = []
        info: StackInfo | None = None
        try:
            self.api_port = self._choose_port(self.options.port, API_PORT)
            self.echo_port = self._choose_port(self.options.echo_port, ECHO_PORT, avoid=self.api_port)
            self.redis = await find_redis(
                self.settings, data_dir=self.options.data_dir, lock_fd=lock_fd, emit=self.emit
            )
            self.supervision.groups = self._plan(self.redis)
            children = self.supervision.children
            # Importing is what takes time. On a small machine, six processes that import side by side would
            # each take three times as long; with these three the first execution can already run.
            first = [child for child in children if child.name in ("redis", "api", "echo", "worker-1")]
            watchers += [asyncio.create_task(child.supervise()) for child in first]
            info = self._info(self.redis)
            info.write()
            is_up = await self._wait_for_api(watchers, within_s=HEAD_START_S)
            rest = [child for child in children if child not in first and not self._stop.is_set()]
            watchers += [asyncio.create_task(child.supervise()) for child in rest]
            if is_up or await self._wait_for_api(watchers):
                if self.options.is_demo:
                    key = stack_info.api_key()
                    self.demo_run = await asyncio.to_thread(start_demo, self.api_port, key)
                self.live_workers = await self._find_live_workers()
                self.announce(self, time.monotonic() - began)
            await self.supervision.wait_for_stop(watchers)
        finally:
            await self.supervision.stop_all(watchers)
            if info is not None:
                info.remove()
            os.close(lock_fd)

    @property
    def groups(self) -> list[list[Child]]:
        """Its processes, in the order in which they are stopped."""
        return self.supervision.groups

    @property
    def _stop(self) -> asyncio.Event:
        return self.supervision.stopping

    @property
    def api_url(self) -> str:
        return f"http://localhost:{self.api_port}"

    @property
    def echo_url(self) -> str:
        return f"http://localhost:{self.echo_port}"

    def _choose_port(self, asked: int | None, usual: int, *, avoid: int = 0) -> int:
        if asked is None:
            return ports.free_port(usual + 1 if usual == avoid else usual, host=self.options.host)
        if not ports.is_port_free(asked, host=self.options.host):
            raise PortTaken(f"port {asked} is in use; leave the option out to take the next free one")
        return asked

    def _plan(self, place: RedisPlace) -> list[list[Child]]:
        """The children, grouped in the order of stopping."""
        environment = child_environment(os.environ, self.settings, place=place, echo_url=self.echo_url)
        if self.options.is_demo:
            services = json.loads(environment["SERVICES"])
            environment |= demo_environment(self.settings, services, api_port=self.api_port)

        def child(name: str, *arguments: str, grace_s: float, **extra: str) -> Child:
            return Child(
                name=name,
                command=[sys.executable, "-m", *arguments],
                environment=environment | extra,
                working_dir=ROOT,
                emit=self.emit,
                grace_s=grace_s,
            )

        workers = [
            # A little more than the worker gives itself: it hands back what it cannot finish, then ends.
            child(
                f"worker-{n}", "workers.worker", grace_s=self.settings.drain_s + 5, WORKER_NAME=f"worker-{n}"
            )
            for n in range(1, self.options.workers + 1)
        ]
        serve = ("uvicorn", "main:app", "--host", self.options.host, "--port", str(self.api_port))
        quiet = ("--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3")
        echo = ("cli.stack.echo_service", "--host", ports.LOCAL, "--port", str(self.echo_port))
        groups = [
            workers,
            [child("orchestrator", "orchestrator.starter", grace_s=10.0)],
            [child("api", *serve, *quiet, grace_s=6.0), child("echo", *echo, grace_s=2.0)],
        ]
        if place.server is not None:
            groups.append([place.server])
        return groups

    def _info(self, place: RedisPlace) -> StackInfo:
        return StackInfo(
            pid=os.getpid(),
            api_url=self.api_url,
            echo_url=self.echo_url,
            redis_host=place.host,
            redis_port=place.port,
            data_dir=str(self.options.data_dir),
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )

    async def _wait_for_api(
        self, watchers: list[asyncio.Task[None]], *, within_s: float = float("inf")
    ) -> bool:
        """True as soon as the API answers; False after a stop, or out of time."""
        health = f"http://{ports.LOCAL}:{self.api_port}/health"
        give_up_at = time.monotonic() + within_s
        while not self._stop.is_set() and time.monotonic() < give_up_at:
            # On a thread: a stuck API would otherwise hold up the output of all others.
            if await asyncio.to_thread(ports.http_status, health) == 200:
                return True
            if any(watcher.done() for watcher in watchers):
                return False
            await asyncio.sleep(0.03)
        return False

    async def _find_live_workers(self) -> LiveWorkers | None:
        """Look which workers of this stack live; handlers of your own are waited for, for a moment."""
        key = stack_info.operator_key()
        pids = {child.process.pid for child in self.groups[0] if child.process is not None}
        until_s = time.monotonic() + HANDLERS_WAIT_S
        while True:
            found = await asyncio.to_thread(find_live_workers, self.api_port, key, pids)
            if not self.settings.handler_modules or time.monotonic() > until_s or self._stop.is_set():
                return found
            if found is not None and (found.is_loaded or found.refusal):
                return found
            await asyncio.sleep(0.1)


def child_environment(
    environment: Mapping[str, str], settings: Settings, *, place: RedisPlace, echo_url: str
) -> dict[str, str]:
    """The environment of every child: ours, led to the stack's Redis and to the echo service."""
    services = dict.fromkeys(SAMPLE_SERVICES, echo_url) | settings.services
    return {
        **engine_environment(environment, settings, place=place),
        "SERVICES": json.dumps(services),
        # Modules are found where the command was typed, and in the checkout, as the examples are.
        "HANDLER_PATH": settings.handler_path or os.pathsep.join(dict.fromkeys((os.getcwd(), str(ROOT)))),
    }


def engine_environment(
    environment: Mapping[str, str], settings: Settings, *, place: RedisPlace
) -> dict[str, str]:
    """The environment of a process of the engine that a command starts: ours, led to a Redis."""
    return {
        **environment,
        **place.child_environment(),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH", "")])),
        # Their own output is a pipe to us; whether a person reads along, we know.
        "LOG_FORMAT": settings.log_format or ("text" if sys.stdout.isatty() else "json"),
    }
