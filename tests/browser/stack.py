"""The whole of Headrace on a Redis of the test's own: the API on a port, an orchestrator and a worker.

All of it runs on one event loop in a thread, so that it is up in a fraction of a second and every module of
tests has a fresh one. What a test does by itself goes over HTTP, as the calls of a program would.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
import uvicorn

from api.http_protocol import GuardedProtocol
from clients.llm.provider import LlmSettings
from clients.redis_client import connect_commands
from config import Settings
from main import create_app
from orchestrator.engine import Engine
from orchestrator.execution.model import NodeState
from orchestrator.redis_keys import Keys
from orchestrator.starter import Orchestrator
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions
from tests.browser.handlers import Gates, registered
from tests.fake_handlers import ended, in_status
from tests.makers import LEASE_MS, WorkerFleet, until
from tests.patience import PATIENCE_S
from workers.context import Toolbox
from workers.handlers import Catalogue

T = TypeVar("T")

#: Short, so that nothing a page waits for waits for us.
TICK_MS = 50
BLOCK_MS = 100


class Stack:
    """What runs behind the pages of a module, and the means to make it do things."""

    def __init__(self, redis_url: str, gates: Gates) -> None:
        self.redis_url = redis_url
        self.gates = gates
        self.url = ""
        self.loop = asyncio.new_event_loop()
        self.engine: Engine
        self.fleet: WorkerFleet
        self.http: httpx2.Client

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the loop of the stack and give its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Call the API; gives the JSON of the answer. Fails where it refuses."""
        answer = self.http.request(method, path, json=body, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:2_000]}"
        return answer.json() if answer.content else None

    def submit(
        self, definition: Mapping[str, Any], inputs: Mapping[str, Any] | None = None, **extras: Any
    ) -> str:
        """Start a run of a definition; gives its id. Extras stand beside the definition, such as labels."""
        body = {"definition": definition, "inputs": inputs, "trigger": True, **extras}
        started: str = self.call("POST", "/v1/executions", body)["execution_id"]
        return started

    def events(self, execution_id: str, *, until_seq: int) -> list[dict[str, Any]]:
        """The events of a run up to a number, as its stream gives them to a page."""
        found: list[dict[str, Any]] = []
        headers = {"Accept": "text/event-stream"}
        with self.http.stream("GET", f"/v1/executions/{execution_id}/events", headers=headers) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    found.append(json.loads(line.removeprefix("data:")))
                    if found[-1]["seq"] >= until_seq:
                        break
        return found

    def wait_end(self, execution_id: str) -> ExecutionStatus:
        """Wait until a run has ended; gives how."""
        return self.run(ended(self.engine, execution_id))

    def wait_status(self, execution_id: str, status: ExecutionStatus | str) -> None:
        """Wait until a run has a status."""

        async def is_there() -> bool:
            return (await self.engine.executions.status(execution_id)) == status

        self.run(until(is_there))

    def wait_node(self, execution_id: str, node_id: str, status: NodeStatus | str) -> NodeState:
        """Wait until a node has a status; gives its state."""
        return self.run(in_status(self.engine, execution_id, node_id, NodeStatus(status)))

    def open_gate(self, name: str = "gate") -> None:
        """Let the `hold` nodes of a gate go on."""
        self.gates.of(name).set()


@contextmanager
def running_stack(redis_url: str, **settings: Any) -> Iterator[Stack]:
    """Start a stack on a flushed Redis; what still runs at the end is cancelled.

    settings  of the API, further to those of all stacks.
    """
    gates = Gates()
    stack = Stack(redis_url, gates)
    thread = threading.Thread(target=stack.loop.run_forever, name="stack", daemon=True)
    with pytest.MonkeyPatch.context() as patch, registered(gates):
        patch.setattr("workers.worker.BLOCK_MS", BLOCK_MS)
        thread.start()
        running = _running(stack, settings)
        stack.run(running.__aenter__())
        try:
            with httpx2.Client(base_url=stack.url, timeout=PATIENCE_S) as stack.http:
                yield stack
        finally:
            gates.open_all()
            try:
                stack.run(running.__aexit__(None, None, None))
            finally:
                stack.loop.call_soon_threadsafe(stack.loop.stop)
                thread.join(PATIENCE_S)
                stack.loop.close()


@asynccontextmanager
async def _running(stack: Stack, settings: Mapping[str, Any]) -> AsyncIterator[None]:
    redis = connect_commands(stack.redis_url)
    stack.engine = Engine(redis, redis, catalogue=Catalogue)
    await stack.engine.transitions.load()
    stack.fleet = WorkerFleet(stack.redis_url)
    keys = Keys()
    orchestrator = Orchestrator(
        Store(redis, keys, default_retry=Catalogue(frozenset()).default_retry),
        Transitions(redis, keys),
        tick_ms=TICK_MS,
        lease_ms=LEASE_MS,
        sweep_idle_ms=10_000,
    )
    keeping_time = asyncio.create_task(orchestrator.run())
    try:
        async with _serving(stack, settings):
            tools = Toolbox(llm_settings=LlmSettings(provider="echo"))
            await stack.fleet.start(tools=tools)
            yield
    finally:
        await stack.fleet.stop_all()
        orchestrator.stopping.set()
        await keeping_time
        await redis.aclose()


@asynccontextmanager
async def _serving(stack: Stack, more: Mapping[str, Any]) -> AsyncIterator[None]:
    """Serve the API on a socket that is opened here, so that no other process can take its port."""
    settings = Settings(
        redis_url=stack.redis_url,
        workflows_dir=Path(__file__).parent / "no-workflows",
        log_level="WARNING",
        **more,
    )
    config = uvicorn.Config(
        create_app(settings),
        http=GuardedProtocol,
        log_config=None,
        # A page that a test left open has a stream that never ends by itself.
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        stack.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        work = asyncio.create_task(server.serve(sockets=[listening]))

        async def has_started() -> bool:
            return server.started or work.done()

        await until(has_started)
        try:
            yield
        finally:
            server.should_exit = True
            await work
