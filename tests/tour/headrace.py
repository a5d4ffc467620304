"""Headrace as its users meet it: the HTTP API, workers behind it, and a clock that the reader moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from orchestrator.loops import timers
from tests.makers import Rig, until

ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@dataclass
class Headrace:
    """The API of a running Headrace. Paths are those of docs/api.md."""

    http: httpx2.AsyncClient
    #: The same Redis seen from below, for the timers.
    rig: Rig

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Send a request that must succeed; the fields of its body by name."""
        answer = await self.http.post(path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.http.get(path)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def start(self, definition: str | dict[str, Any], **inputs: Any) -> str:
        """Submit a definition, as YAML or as JSON, and start it; gives the id of the execution."""
        body = {"definition": definition, "trigger": True} | ({"inputs": inputs} if inputs else {})
        made: str = (await self.post("/v1/executions", **body))["execution_id"]
        return made

    async def ended(self, execution_id: str) -> str:
        """Wait for the end of an execution; gives its status."""

        async def has_ended() -> bool:
            return (await self.show(execution_id))["status"] in ENDED

        await until(has_ended)
        status: str = (await self.show(execution_id))["status"]
        return status

    async def node_is(self, execution_id: str, node_id: str, status: str) -> None:
        """Wait until a node has a status."""

        async def is_so() -> bool:
            return (await self.statuses(execution_id))[node_id] == status

        await until(is_so)

    async def show(self, execution_id: str) -> dict[str, Any]:
        return await self.get(f"/v1/executions/{execution_id}")

    async def statuses(self, execution_id: str) -> dict[str, str]:
        """The status of each node."""
        return {node["node_id"]: node["status"] for node in (await self.show(execution_id))["nodes"]}

    async def reasons(self, execution_id: str) -> dict[str, str]:
        """Why nodes ended as they did, of those that have a reason."""
        nodes = (await self.show(execution_id))["nodes"]
        return {node["node_id"]: node["reason"] for node in nodes if node["reason"]}

    async def outputs(self, execution_id: str) -> dict[str, Any]:
        """The output of each node that has one."""
        results = (await self.get(f"/v1/executions/{execution_id}/results"))["results"]
        return {node_id: output for node_id, output in results.items() if output != {}}

    async def history(self, execution_id: str) -> list[str]:
        """What happened, in order: `started A`, `completed A`, …, without what handlers report meanwhile."""
        lines = []
        for event in await self.rig.store.events(execution_id, after=0, limit=10_000):
            subject, _, verb = event.type.partition(".")
            if subject == "node" and verb not in ("log", "progress", "token"):
                lines.append(f"{verb} {event.node_id}")
        return lines

    async def let_pass(self, *, minutes: int) -> None:
        """Let time pass: every timer that falls due meanwhile fires."""
        store, transitions = self.rig.store, self.rig.transitions
        transitions.now_ms = await store.now_ms() + minutes * 60_000
        await timers.run_once(store, transitions, transitions.now_ms)
