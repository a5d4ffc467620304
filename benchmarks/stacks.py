"""The measured systems as stacks of processes: the two floors and the engine, each with its own Redis."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import dags
from benchmarks.door import Door, HttpDoor, HttpError, RedisDoor
from benchmarks.floor_http import PORT_VARIABLE
from benchmarks.processes import Child, spawn_module
from benchmarks.redis_server import free_port, start_redis
from benchmarks.stamps import STAMPS_VARIABLE, StampReader

WORKERS = 2
OPERATOR_KEY = "the-operator-of-a-benchmark"
_READY_TIMEOUT_S = 30.0
_SERVER_FLAGS = ("--host", "127.0.0.1", "--no-access-log", "--log-level", "warning")


@dataclass
class Stack:
    """A running system: its processes, its stamps, and how to reach it."""

    name: str
    directory: Path
    stamps: StampReader
    redis_port: int
    http_port: int | None = None
    children: dict[str, Child] = field(default_factory=dict)
    #: Where requests need a key: the operator's, with which a tenant's is made.
    operator_key: str | None = None
    _key: str | None = None

    async def door(self) -> Door:
        """Open another door, for one more client."""
        if self.http_port is None:
            return await RedisDoor.open(self.redis_port)
        if self.operator_key and not self._key:
            operator = await HttpDoor.open(self.http_port, self.operator_key)
            made = await operator.call("POST", "/v1/tenants/default/keys", {"name": "benchmark"})
            self._key = made["key"]
            await operator.close()
        return await HttpDoor.open(self.http_port, self._key)

    def environment(self) -> dict[str, str]:
        return {STAMPS_VARIABLE: str(self.stamps.path)}

    def start(self, name: str, *arguments: str, **variables: str) -> None:
        """Start one more process of the stack, `python -m <arguments>`."""
        environment = {**self.environment(), **variables}
        self.children[name] = spawn_module(name, arguments, directory=self.directory, environment=environment)

    def raise_if_dead(self) -> None:
        """Fail when any process of the stack has exited."""
        for child in self.children.values():
            child.raise_if_dead()

    def stop(self) -> None:
        """End the processes, those that use Redis first, and remove what they left."""
        for child in reversed(list(self.children.values())):
            child.stop()
        self.stamps.path.unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    async def ready(self) -> None:
        """Wait until a workflow of one node has run through both the door and a worker."""
        until = time.monotonic() + _READY_TIMEOUT_S
        problem = "no answer"
        while time.monotonic() < until:
            self.raise_if_dead()
            try:
                door = await self.door()
                try:
                    execution_id = await door.submit(dags.chain(1))
                    await door.trigger(execution_id)
                    while time.monotonic() < until and await door.status(execution_id) != "COMPLETED":
                        await asyncio.sleep(0.01)
                finally:
                    await door.close()
                if time.monotonic() < until:
                    return
                problem = "the first workflow did not complete"
            except (OSError, HttpError) as error:
                problem = str(error)
                await asyncio.sleep(0.05)
        raise RuntimeError(f"system '{self.name}' was not ready within {_READY_TIMEOUT_S:g} s: {problem}")


def _new(name: str, *, aof: bool = False, http: bool = True) -> Stack:
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    # Not a file on a disk where that can be helped: it would be written back while something is measured.
    memory = Path("/dev/shm")
    stamps = StampReader((memory if memory.is_dir() else directory) / f"{directory.name}.stamps")
    redis, port = start_redis(directory, aof=aof)
    return Stack(name, directory, stamps, port, free_port() if http else None, {"redis": redis})


def start_floor_hop() -> Stack:
    """Start floor B: Redis and two workers."""
    stack = _new("floor B", http=False)
    for index in range(WORKERS):
        stack.start(f"worker-{index}", "benchmarks.floor_hop", str(stack.redis_port), f"worker-{index}")
    return stack


def start_floor_http() -> Stack:
    """Start the HTTP floor: Redis, server and two workers."""
    stack = _new("HTTP floor")
    variables = {PORT_VARIABLE: str(stack.redis_port)}
    server = ("uvicorn", "benchmarks.floor_http:app", "--port", str(stack.http_port), *_SERVER_FLAGS)
    stack.start("api", *server, **variables)
    for index in range(WORKERS):
        stack.start(f"worker-{index}", "benchmarks.floor_http", str(stack.redis_port), f"worker-{index}")
    return stack


def start_engine(
    *, name: str = "engine", aof: bool = False, orchestrator: bool = True, keys: bool = False
) -> Stack:
    """Start the engine as documented: Redis, API, orchestrator and two workers.

    keys  requests need one.
    """
    stack = _new(name, aof=aof)
    stack.operator_key = OPERATOR_KEY if keys else None
    variables = {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(stack.redis_port),
        "REDIS_DB": "0",
        "DEBUG": "False",
        "LOG_LEVEL": "WARNING",
        "HANDLERS": "benchmarks.computing_handler",
        "HANDLER_PROCESSES": "1",
    }
    if keys:
        variables |= {"AUTH_REQUIRED": "true", "OPERATOR_KEY": OPERATOR_KEY}
    stack.start("api", "uvicorn", "main:app", "--port", str(stack.http_port), *_SERVER_FLAGS, **variables)
    if orchestrator:
        stack.start("orchestrator", "orchestrator.starter", **variables)
    for index in range(WORKERS):
        stack.start(f"worker-{index}", "benchmarks.worker", WORKER_NAME=f"worker-{index}", **variables)
    return stack


#: Every system that can take part in a round.
SYSTEMS: dict[str, Callable[[], Stack]] = {
    "floor B": start_floor_hop,
    "HTTP floor": start_floor_http,
    "engine": start_engine,
    "engine, AOF": lambda: start_engine(name="engine, AOF", aof=True),
    "engine, keys": lambda: start_engine(name="engine, keys", keys=True),
    "engine, no orchestrator": lambda: start_engine(name="engine, no orchestrator", orchestrator=False),
}
