"""What the tests of the contract of workflow servers share: workflows, and calls of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

import httpx2
from fastapi import FastAPI

from config import ROOT
from tests.makers import Rig, node, until, workflow
from tests.unit.api.streaming.watching import Client

PREFIXES = ("", "/llama")
STREAM_EVENT = {
    "qualified_name": "my_server.StreamEvent",
    "schema": {
        "type": "object",
        "properties": {"sequence": {"type": "integer"}},
        "required": ["sequence"],
    },
}


def emitting(sequence: int, **extra: Any) -> dict[str, Any]:
    """A node that emits an event."""
    config = {"type": "StreamEvent", "value": {"sequence": sequence}, **extra}
    after = [f"e{sequence - 1}"] if sequence else []
    return node(f"e{sequence}", handler="emit", after=after, config=config)


def interface(**extra: Any) -> dict[str, Any]:
    return {"events": {"StreamEvent": STREAM_EVENT}, **extra}


#: Of the events of `human`.
REQUEST_SCHEMA = {
    "properties": {"prompt": {"title": "Prompt", "type": "string"}},
    "required": ["prompt"],
    "title": "RequestEvent",
    "type": "object",
}
RESPONSE_SCHEMA = {
    "properties": {"response": {"title": "Response", "type": "string"}},
    "required": ["response"],
    "title": "ResponseEvent",
    "type": "object",
}
OUT_SCHEMA = {
    "properties": {"output": {"title": "Output", "type": "string"}},
    "required": ["output"],
    "title": "OutEvent",
    "type": "object",
}
#: As `greet`, without its pauses.
QUICK = workflow(
    emitting(0),
    emitting(1),
    emitting(2),
    name="quick",
    inputs={"type": "object", "properties": {"name": {"type": "string", "default": "World"}}},
    interface=interface(),
    output="Hello, {{ inputs.name }}!",
)
FAIL = workflow(
    node("boom", handler="test_raise", config={"what": "ValueError"}),
    name="fail",
    interface={},
)
#: Goes on when its test says so.
SLOW = workflow(
    emitting(0),
    node("held", handler="test_wait", after=["e0"], config={}),
    name="slow",
    interface=interface(),
)
PLAIN = workflow(node("A"), name="plain")


@dataclass
class Served:
    """A workflow server. prefix: where it is, `/llama` or nothing."""

    client: httpx2.AsyncClient
    rig: Rig
    prefix: str = ""

    @property
    def app(self) -> FastAPI:
        return cast(FastAPI, cast(Any, self.client)._transport.app)

    async def register(self) -> None:
        """Register the workflows of these tests, as other clients would, and those of the files."""
        for document in (QUICK, FAIL, SLOW, PLAIN):
            answer = await self.client.put(f"/v1/workflows/{document['name']}", json=document)
            assert answer.status_code == 201, answer.text
        for name in ("greet", "human"):
            text = (ROOT / "workflows" / f"{name}.yaml").read_bytes()
            answer = await self.client.put(
                f"/v1/workflows/{name}", content=text, headers={"Content-Type": "application/yaml"}
            )
            assert answer.status_code == 201, answer.text

    async def get(self, path: str, **extra: Any) -> httpx2.Response:
        return await self.client.get(self.prefix + path, **extra)

    async def post(self, path: str, body: Any = None, **extra: Any) -> httpx2.Response:
        return await self.client.post(self.prefix + path, json=body, **extra)

    async def start(self, name: str, **body: Any) -> str:
        """Start a run and give the id of its handler."""
        answer = await self.post(f"/workflows/{name}/run-nowait", body)
        assert answer.status_code == 200, answer.text
        handler_id: str = answer.json()["handler_id"]
        return handler_id

    async def finished(self, name: str, **body: Any) -> str:
        """Start a run and wait for its end; gives the id of its handler."""
        answer = await self.post(f"/workflows/{name}/run", body)
        handler_id: str = answer.json()["handler_id"]
        return handler_id

    async def lines(self, handler_id: str, **query: str) -> list[dict[str, Any]]:
        """The events of a run that has ended, as lines of JSON."""
        answer = await self.get(f"/events/{handler_id}", params={"sse": "false", **query})
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    async def frames(
        self, handler_id: str, headers: dict[str, str] | None = None, **query: str
    ) -> list[tuple[int, dict[str, Any]]]:
        """The events of a run that has ended, with their ids."""
        answer = await self.get(f"/events/{handler_id}", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return frames_of(answer.text)

    def watch(self, handler_id: str, query: str = "") -> Client:
        """Begin to stream the events of a run."""
        return Client(self.app, query, path=f"{self.prefix}/events/{handler_id}")

    async def waits(self, handler_id: str) -> None:
        """Wait until a run of `human` waits for its answer."""

        async def is_so() -> bool:
            found = (await self.client.get(f"/v1/executions/{handler_id}")).json()
            return any(each["status"] == "WAITING" for each in found["nodes"])

        await until(is_so)


def frames_of(text: str) -> list[tuple[int, dict[str, Any]]]:
    """The ids and events of server-sent events."""
    found = []
    for frame in text.split("\n\n"):
        if frame.startswith("id: "):
            head, data = frame.split("\n")
            found.append((int(head.removeprefix("id: ")), json.loads(data.removeprefix("data: "))))
    return found


def stream_event(sequence: int) -> dict[str, Any]:
    return {
        "value": {"sequence": sequence},
        "qualified_name": "my_server.StreamEvent",
        "type": "StreamEvent",
        "types": None,
    }


def stop_event(result: Any) -> dict[str, Any]:
    return {
        "value": {} if result is None else {"result": result},
        "qualified_name": "workflows.events.StopEvent",
        "type": "StopEvent",
        "types": None,
    }
