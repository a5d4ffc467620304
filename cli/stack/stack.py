"""The local stack: Redis, API, orchestrator, workers and the echo service as one supervised group.

Started as soon as Redis answers; stopped in the order workers, orchestrator, API, Redis, so that
what runs can still be recorded. A process that dies by itself is restarted.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cli.stack import info as stack_info
from cli.stack import ports
from cli.stack.demo import DemoRun, demo_environment, handler_modules, require_development, start_demo
from cli.stack.info import ROOT, StackInfo
from cli.stack.live_workers import LiveWorkers, find_live_workers
from cli.stack.process import MOST_STARTS, Child
from cli.stack.redis_server import RedisPlace, find_redis, lock
from cli.stack.supervision import Supervision
from config import Settings

API_PORT = 8000
ECHO_PORT = 8090
#: How long the processes the first execution needs start alone.
HEAD_START_S = 4.0
#: How long the modules of HANDLERS are waited for, before it is said what runs.
HANDLERS_WAIT_S = 5.0
#: How long workers may take to start, before it is said which of them does not run; looked for so often.
WORKERS_WAIT_S, LOOK_EVERY_S = 60.0, 0.5
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
    #: Whether a Redis that answers on localhost:6379 is used, too; not where a data directory was named.
    takes_near: bool = True
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
        follower: asyncio.Task[None] | None = None
        listeners: list[socket.socket] = []
        info: StackInfo | None = None
        try:
            # Open from here to the end, and handed to the processes that answer: no other process can take
            # the ports in between, and who connects while one is restarted waits.
            listeners.append(self._listen(self.options.port, API_PORT, host=self.options.host))
            listeners.append(self._listen(self.options.echo_port, ECHO_PORT))
            self.api_port, self.echo_port = map(ports.port_of, listeners)
            self.redis = await find_redis(
                self.settings,
                data_dir=self.options.data_dir,
                lock_fd=lock_fd,
                emit=self.emit,
                takes_near=self.options.takes_near,
            )
            self.supervision.groups = self._plan(self.redis, *(listener.fileno() for listener in listeners))
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
                follower = asyncio.create_task(self._follow_workers())
            await self.supervision.wait_for_stop(watchers)
        finally:
            if follower is not None:
                watchers.append(follower)
            await self.supervision.stop_all(watchers)
            for listener in listeners:
                listener.close()
            if info is not None:
                info.remove()
            os.close(lock_fd)

    @property
    def handler_modules(self) -> tuple[str, ...]:
        """Modules of handlers that its workers load beside the built-in ones."""
        return handler_modules(self.settings, is_demo=self.options.is_demo)

    @property
    def starting_workers(self) -> list[Child]:
        """Workers that have not announced themselves yet; none where that is not known."""
        if self.live_workers is None:
            return []
        return [child for child in self.groups[0] if child.name not in self.live_workers.names]

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

    def _listen(self, asked: int | None, usual: int, *, host: str = ports.LOCAL) -> socket.socket:
        if asked is None:
            return ports.listen_from(usual, host=host)
        if (listener := ports.listen(asked, host=host)) is None:
            raise PortTaken(f"port {asked} is in use; leave the option out to take the next free one")
        return listener

    def _plan(self, place: RedisPlace, api_fd: int, echo_fd: int) -> list[list[Child]]:
        """The children, grouped in the order of stopping.

        api_fd, echo_fd  sockets on which API and echo service answer.
        """
        environment = child_environment(os.environ, self.settings, place=place, echo_url=self.echo_url)
        if self.options.is_demo:
            services = json.loads(environment["SERVICES"])
            environment |= demo_environment(self.settings, services, api_port=self.api_port)

        def child(
            name: str, *arguments: str, grace_s: float, keep_fds: tuple[int, ...] = (), **extra: str
        ) -> Child:
            return Child(
                name=name,
                command=[sys.executable, "-m", *arguments],
                environment=environment | extra,
                working_dir=ROOT,
                emit=self.emit,
                grace_s=grace_s,
                keep_fds=keep_fds,
                is_worker="workers.worker" in arguments,
            )

        workers = [
            # A little more than the worker gives itself: it hands back what it cannot finish, then ends.
            child(
                f"worker-{n}", "workers.worker", grace_s=self.settings.drain_s + 5, WORKER_NAME=f"worker-{n}"
            )
            for n in range(1, self.options.workers + 1)
        ]
        serve = ("cli.stack.api_server", str(api_fd))
        echo = ("cli.stack.echo_service", "--fd", str(echo_fd))
        groups = [
            workers,
            [child("orchestrator", "orchestrator.starter", grace_s=10.0)],
            [
                child("api", *serve, grace_s=6.0, keep_fds=(api_fd,)),
                child("echo", *echo, grace_s=2.0, keep_fds=(echo_fd,)),
            ],
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
        until_s = time.monotonic() + HANDLERS_WAIT_S
        while True:
            found = await self._look_for_workers()
            are_expected = self.handler_modules and self.groups[0]
            if not are_expected or time.monotonic() > until_s or self._stop.is_set():
                return found
            if found is not None and (found.is_loaded or found.refusal):
                return found
            await asyncio.sleep(0.1)

    async def _look_for_workers(self) -> LiveWorkers | None:
        pids = {child.process.pid for child in self.groups[0] if child.process is not None}
        return await asyncio.to_thread(find_live_workers, self.api_port, stack_info.operator_key(), pids)

    async def _follow_workers(self) -> None:
        """Say when all workers run, or which does not, where some still started when it was announced."""
        if not self.starting_workers:
            return
        until_s = time.monotonic() + WORKERS_WAIT_S
        while (missing := self.starting_workers) and not self._stop.is_set():
            is_late = time.monotonic() > until_s
            if failing := [child.name for child in missing if is_late or child.starts >= MOST_STARTS]:
                verb = "do" if len(failing) > 1 else "does"
                self.emit("stack", f"{' and '.join(failing)} {verb} not run yet; see the lines above")
                return
            await asyncio.sleep(LOOK_EVERY_S)
            self.live_workers = await self._look_for_workers() or self.live_workers
        if not self._stop.is_set():
            self.emit("stack", f"all {self.options.workers} workers run")


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
