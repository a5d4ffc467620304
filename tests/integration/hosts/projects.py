"""Projects of users, as folders with handler modules, and workers that run them in real processes."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any

import orjson

from orchestrator.engine import Engine
from orchestrator.execution.model import NodeState
from tests.fake_handlers import ended, start
from tests.makers import WorkerFleet, until
from workers.hosts.launch import HostSettings, host_environment
from workers.worker import Worker

HEAD = """
import asyncio, ctypes, logging, os, signal, sys, time
from headrace import Cancelled, Completed, Context, Parked, Retryable, Skip, Terminal, Waiting, handler
"""


class Project:
    """A user's folder, and the workers that run what is in it."""

    def __init__(self, folder: Path, fleet: WorkerFleet, engine: Engine) -> None:
        self.folder = folder
        self.fleet = fleet
        self.engine = engine

    def write(self, text: str, name: str = "handlers.py", *, head: str = HEAD) -> None:
        """Write a module of the user's."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + textwrap.dedent(text))

    async def start(self, text: str | None = None, *, expects: str | None = None, **settings: Any) -> Worker:
        """Write the module `handlers`, and start a worker that has loaded it.

        settings  of hosts, or of the worker.
        """
        if text is not None:
            self.write(text)
        of_hosts = {
            name: settings.pop(name) for name in list(settings) if name in HostSettings.__dataclass_fields__
        }
        environment = of_hosts.pop("environment", dict(os.environ))
        chosen: dict[str, Any] = {
            "modules": ("handlers",),
            "folders": (str(self.folder),),
            "processes": 1,
            **of_hosts,
            "environment": host_environment(environment, frozenset()),
        }
        hosts = HostSettings(**chosen)
        worker = await self.fleet.start(hosts=hosts, **settings)

        async def has_loaded() -> bool:
            cards = worker.hosts.cards
            is_ready = worker.hosts.refusal is not None if expects == "refusal" else bool(cards)
            kinds = {"async" if card.is_async else "sync" for card in cards.values()}
            return is_ready and all(
                any(host.kind == kind and host.free for host in worker.hosts._hosts) for kind in kinds
            )

        await until(has_loaded)

        async def is_announced() -> bool:
            # A beat that was written before may come after it.
            await worker.announcement.call()
            (info,) = await self.engine.workers.list()
            return worker.hosts.cards.keys() <= info.handlers

        await until(is_announced)
        return worker

    async def run(self, *nodes: dict[str, Any]) -> str:
        """Start an execution of these nodes and wait for its end; gives its id."""
        execution_id = await start(self.engine, *nodes)
        await ended(self.engine, execution_id)
        return execution_id

    async def output(self, execution_id: str, node_id: str = "A") -> Any:
        text = await self.engine.store.output(execution_id, node_id)
        return None if text is None else orjson.loads(text)

    async def state(self, execution_id: str, node_id: str = "A") -> NodeState:
        return (await self.engine.nodes.get(execution_id, node_id)).state

    async def error(self, execution_id: str, node_id: str = "A") -> dict[str, Any]:
        error = (await self.state(execution_id, node_id)).error
        assert error is not None
        return error

    async def events(self, execution_id: str, type: str, node_id: str | None = None) -> list[dict[str, Any]]:
        """The data of events of a type, of one node or all."""
        found = await self.engine.store.events(execution_id, after=0, limit=10_000)
        return [
            orjson.loads(each.data) if isinstance(each.data, bytes) else each.data
            for each in found
            if each.type == type and node_id in (None, each.node_id)
        ]
