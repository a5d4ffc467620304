"""Serves the LlamaIndex workflows of a file: a listener, workers that load the file, an orchestrator, Redis.

The listener never imports the file: workers register its workflows, and it serves what is registered.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from cli.stack import ports
from cli.stack.engine_records import EngineRecords, brought_workflows, read_records
from cli.stack.info import ROOT
from cli.stack.process import MOST_STARTS, Child
from cli.stack.redis_server import RedisPlace, find_redis, lock
from cli.stack.stack import PortTaken, engine_environment
from cli.stack.supervision import Supervision
from config import Settings

#: The module that makes handlers of the workflows of a file.
HANDLERS = "headrace.workflow_server"
#: What the host of a worker says before the reason, which names that module and not the file.
_ABOUT_HANDLERS = f"cannot load handler module {HANDLERS!r} (HANDLERS): "
LOOK_EVERY_S = 0.1
#: How long processes are heard in silence; then their lines are shown, though nothing is served yet.
QUIET_S = 10.0


class FileRefused(Exception):
    """A file whose workflows cannot be served; the message says why."""


@dataclass(frozen=True, slots=True)
class FileServerOptions:
    """What `./headrace workflow-server FILE` was asked for. python: None for the one of the settings."""

    file: Path
    host: str
    port: int
    data_dir: Path
    workers: int = 1
    python: str | None = None


@dataclass(slots=True)
class FileServer:
    """The running group. `run` returns when it has been stopped.

    announce  called once it serves.
    """

    options: FileServerOptions
    settings: Settings
    emit: Callable[[str, str], None]
    announce: Callable[[FileServer], None]

    redis: RedisPlace | None = None
    #: Names of the workflows of the file, once they are registered, and of others that are.
    workflows: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    supervision: Supervision = field(init=False)
    #: What processes have said before it is announced; None after that.
    _held: list[tuple[str, str]] | None = field(default_factory=list)

    def __post_init__(self) -> None:
        self.supervision = Supervision(self._say)

    async def run(self) -> None:
        """Start everything, wait for a signal, stop everything.

        Raises FileRefused, and what else keeps it from starting.
        """
        check_file(self.options.file)
        lock_fd = lock(self.options.data_dir)
        self.supervision.listen_for_signals()
        watchers: list[asyncio.Task[None]] = []
        listener: socket.socket | None = None
        is_said = False
        try:
            # Open from here to the end, and handed to the process that answers: no other can take the port.
            listener = ports.listen(self.options.port, host=self.options.host)
            if listener is None:
                raise PortTaken(f"port {self.options.port} is in use; --port takes another")
            self.redis = await find_redis(
                self.settings,
                data_dir=self.options.data_dir,
                lock_fd=lock_fd,
                emit=self._say,
                takes_near=False,
            )
            self.supervision.groups = self._plan(self.redis, listener.fileno())
            watchers += [asyncio.create_task(child.supervise()) for child in self.supervision.children]
            if await self._wait_until_served():
                self.others = await asyncio.to_thread(self._find_others)
                self._let_out()
                self.announce(self)
            await self.supervision.wait_for_stop(watchers)
        except (FileRefused, FileServerBroken):
            is_said = True
            raise
        finally:
            await self.supervision.stop_all(watchers)
            if listener is not None:
                listener.close()
            if not is_said:  # The message has all that they say of it.
                self._let_out()
            os.close(lock_fd)

    @property
    def url(self) -> str:
        """Where it is reached on this machine."""
        return f"http://{reached(self.options.host)}:{self.options.port}"

    @property
    def redis_dsn(self) -> str:
        """The URL of its Redis, as its processes reach it."""
        place = self.redis
        if place is None or place.host is None:
            return self.settings.redis_dsn
        return f"redis://{place.host}:{place.port}/{self.settings.redis_db}"

    def _plan(self, place: RedisPlace, fd: int) -> list[list[Child]]:
        """The children, grouped in the order of stopping. fd: the socket on which the listener answers."""
        options = self.options
        environment = engine_environment(os.environ, self.settings, place=place)
        of_file = file_environment(options, self.settings)
        # Those of a deployment are not of this file: the listener is to read none.
        no_files = options.data_dir / "workflow_files"
        no_files.mkdir(exist_ok=True)

        def child(
            name: str,
            *arguments: str,
            grace_s: float,
            keep_fds: tuple[int, ...] = (),
            extra: Mapping[str, str] = MappingProxyType({}),
        ) -> Child:
            return Child(
                name=name,
                command=[sys.executable, "-m", *arguments],
                environment={**environment, **extra},
                working_dir=ROOT,
                emit=self._say,
                grace_s=grace_s,
                keep_fds=keep_fds,
                is_worker="workers.worker" in arguments,
            )

        serve = ("cli.stack.api_server", str(fd), "main:workflow_server")
        workers = [
            child(
                name,
                "workers.worker",
                grace_s=self.settings.drain_s + 5,
                extra={**of_file, "WORKER_NAME": f"{options.file.stem[:40]}-{name}"},
            )
            for name in (f"worker-{number}" for number in range(1, options.workers + 1))
        ]
        listener = child(
            "listener", *serve, grace_s=6.0, keep_fds=(fd,), extra={"WORKFLOWS_DIR": str(no_files)}
        )
        orchestrator = child("orchestrator", "orchestrator.starter", grace_s=10.0)
        # Also where another one looks at the timers of that Redis: it may leave before this group does.
        groups = [workers, [orchestrator], [listener]]
        return [*groups, [place.server] if place.server is not None else []]

    # What has become of it

    async def _wait_until_served(self) -> bool:
        """Wait until the workflows of the file are registered and the listener answers; False after a stop.

        Raises FileRefused.
        """
        health, quiet_until_s = f"{self.url}/health", time.monotonic() + QUIET_S
        while not self.supervision.stopping.is_set():
            # On threads: what is stuck would otherwise hold up the output of all others.
            found = await asyncio.to_thread(self._look)
            is_registered = found is not None and self._is_registered(found)
            if is_registered and await asyncio.to_thread(ports.http_status, health) == 200:
                return True
            for child in self.supervision.children:
                if child.starts >= MOST_STARTS:
                    raise FileServerBroken(f"{child.name} could not start:\n{self._last_words(child.name)}")
            if self._held is not None and time.monotonic() > quiet_until_s:
                self._let_out()
                missing = "the listener" if is_registered else "the workflows of the file"
                self._say("stack", f"still waiting for {missing}")
            await asyncio.sleep(LOOK_EVERY_S)
        return False

    def _look(self) -> EngineRecords | None:
        from redis.exceptions import RedisError

        try:
            return read_records(self.redis_dsn)
        except (RedisError, OSError):
            return None  # Given up by its own processes, or not for long.

    def _is_registered(self, found: EngineRecords) -> bool:
        """Whether the workflows of the file are in the registry. Raises FileRefused."""
        pids = {child.process.pid for child in self.supervision.groups[0] if child.process is not None}
        for record in found.of_pids(pids):
            if refusal := record.get("refusal"):
                raise FileRefused(refusal.removeprefix(_ABOUT_HANDLERS).rstrip())
            workflows = brought_workflows(record)
            if any(workflows.values()):
                refused = [f"workflow {name!r}: {why}" for name, why in workflows.items() if why]
                raise FileRefused("\n".join(refused))
            self.workflows = self.workflows or tuple(workflows)
        return bool(self.workflows)

    def _find_others(self) -> tuple[str, ...]:
        """Name what is listed and not of the file; nothing where the list takes a key."""
        try:
            with urllib.request.urlopen(f"{self.url}/workflows", timeout=3.0) as answer:
                listed = json.load(answer)["workflows"]
        except (OSError, ValueError, KeyError):
            return ()
        return tuple(name for name in listed if name not in self.workflows)

    # What its processes say

    def _say(self, name: str, line: str) -> None:
        if self._held is None:
            self.emit(name, line)
        else:
            self._held.append((name, line))

    def _let_out(self) -> None:
        held, self._held = self._held, None
        for name, line in held or ():
            self.emit(name, line)

    def _last_words(self, name: str) -> str:
        if self._held is None:
            return "its lines are above"
        return "\n".join([line for each, line in self._held if each == name][-8:])


class FileServerBroken(Exception):
    """A process of the group that does not run; the message has its last lines."""


def check_file(file: Path) -> None:
    """Refuse what is no file of Python. Raises FileRefused."""
    if file.is_dir():
        raise FileRefused("it is a folder; name a file with a `WorkflowServer` in it")
    if not file.is_file():
        raise FileRefused("there is no such file")
    if file.suffix != ".py":
        raise FileRefused("its name must end with .py")


def data_dir_of(file: Path) -> Path:
    """Where the runs of a file are kept that names no Redis: each file has a directory of its own."""
    digest = hashlib.sha256(os.fsencode(file)).hexdigest()[:8]
    return ROOT / ".data" / "workflow-server" / f"{file.stem}-{digest}"


def file_environment(options: FileServerOptions, settings: Settings) -> dict[str, str]:
    """The variables by which a worker loads a file."""
    folders = [str(options.file.parent), *filter(None, settings.handler_path.split(os.pathsep))]
    found: Mapping[str, str | None] = {
        "HANDLERS": HANDLERS,
        "WORKFLOW_SERVER_FILE": str(options.file),
        "HANDLER_PATH": os.pathsep.join(dict.fromkeys(folders)),
        "HANDLER_PYTHON": options.python or settings.handler_python,
    }
    return {name: value for name, value in found.items() if value}


def reached(host: str) -> str:
    """An address that is listened on as it stands in a URL; every address is reached by its name."""
    if host in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host
