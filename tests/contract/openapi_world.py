"""An API with something in every state behind it, asked from plain functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2
from fastapi import FastAPI
from requests import PreparedRequest
from schemathesis import Response
from starlette.types import Message, Scope

from clients.redis_client import connect_commands
from config import Settings
from main import create_app
from orchestrator.engine import Engine
from orchestrator.store.requests import AttemptToken
from tests.contract.samples import UNKNOWN, node, workflow
from tests.integration.handler_steps import act
from tests.makers import FakeWorker, Rig
from tests.patience import PATIENCE_S
from workers.handlers import Catalogue

BASE_URL = "http://headrace"
#: How long a stream that does not end is listened to, and an answer that does not come is waited for.
LISTEN_S, WAIT_S = 0.2, 0.4

TWO = workflow(node("A"), node("B", after=["A"], config={"rows": "{{ A.rows | default([]) }}"}))
BRANCHED = workflow(
    node(
        "C",
        handler="condition",
        config={"expression": "inputs.n", "true_branch": ["T"], "false_branch": ["F"]},
    ),
    node("T", after=["C"], handler="delay", config={"seconds": 60}),
    node("F", after=["C"]),
)
WITH_INPUTS = workflow(
    node("A", config={"n": "{{ inputs.n }}"}),
    inputs={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
)
TELLING = workflow(node("A"), output={"all": "{{ A }}"}, on_complete={"url": "https://receiver.example/"})
STEPS = """\
name: Steps
trigger: {type: webhook, path: /triggers/orders}
steps:
  - {id: A, type: trigger}
  - {id: B, type: notify, channel: log, message: "{A.body.n}"}
"""
MAPPED = workflow(
    node(
        "M",
        handler="transform",
        config={"expression": "{{ 10 // item }}"},
        map={"items": [0, 1, 2], "tolerated_failure_count": 1},
    )
)
WAITING = node("W", handler="wait_for_signal", config={"name": "go", "timeout": "1h"})
APPROVAL = node("Y", handler="approval", config={"prompt": "Ship?", "assignees": ["ann"], "timeout": 60})
#: A workflow of the door `automation`.
FLOW = {"name": "Flow", "steps": [{"id": "A", "type": "transform", "config": {"expression": "x"}}]}
#: Gives and takes events, and waits for one.
TALKING = workflow(
    node("E", handler="emit", config={"type": "Said", "value": {"n": 1}}),
    WAITING | {"dependencies": ["E"]},
    interface={"events": {"Said": {"types": ["InputRequiredEvent"]}, "go": {}}, "stop": {"name": "Done"}},
    output={"said": "{{ W }}"},
)
#: Definitions that can be taken, and call nobody when they run.
DEFINITIONS: list[dict[str, Any]] = [
    TWO,
    BRANCHED,
    WITH_INPUTS,
    TELLING,
    MAPPED,
    workflow(WAITING, APPROVAL, node("K", handler="sub_workflow", config={"workflow": TWO})),
]


@dataclass
class World:
    """An app that is started, and what there is behind it.

    places  values of path parameters and fields of bodies that belong together, one of them for each thing.
    key     of the tenant that has all this; sent where a contract asks for one.
    """

    app: FastAPI
    redis_url: str
    runner: asyncio.Runner
    places: list[dict[str, Any]] = field(default_factory=list)
    key: str = ""

    def fill(self) -> None:
        """Make what there is, in an empty Redis."""
        self.places, self.key = self.runner.run(_fill(self.app, self.redis_url))

    def work(self) -> None:
        """Run what is queued, and what follows, on a worker."""
        self.runner.run(_work(self.redis_url))

    def send(self, request: PreparedRequest) -> Response:
        """Send a request, wait for the whole answer, and leave a stream that does not end."""
        if str(request.path_url).startswith("/api/"):
            request.headers.setdefault("X-API-Key", self.key)
        return self.runner.run(_send(self.app, request))


@contextmanager
def started(redis_url: str) -> Iterator[World]:
    """Start an app. What runs here are plain functions: Hypothesis calls no others."""
    with asyncio.Runner() as runner:
        # A call that is refused for its haste is answered as documented, and says nothing else.
        kinds = ("register", "workflows", "executions", "reads")
        rates: dict[str, Any] = {f"rate_limit_{kind}": 0 for kind in kinds}
        app, stack = create_app(Settings(redis_url=redis_url, **rates)), AsyncExitStack()
        runner.run(stack.enter_async_context(app.router.lifespan_context(app)))
        try:
            yield World(app, redis_url, runner)
        finally:
            runner.run(stack.aclose())


@asynccontextmanager
async def _rig(redis_url: str) -> AsyncIterator[Rig]:
    redis = connect_commands(redis_url)
    engine = Engine(redis, redis, catalogue=Catalogue)
    try:
        yield Rig(redis, engine.transitions, engine.store, engine, FakeWorker(engine.transitions, redis))
    finally:
        await redis.aclose()


async def _fill(app: FastAPI, redis_url: str) -> tuple[list[dict[str, Any]], str]:
    transport: Any = httpx2.ASGITransport(app=app)
    async with (
        httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as client,
        _rig(redis_url) as rig,
    ):
        filling = _Filling(client, rig)
        return await filling.places(), filling.key


async def _work(redis_url: str) -> None:
    async with _rig(redis_url) as rig:
        await act(rig)


@dataclass
class _Filling:
    """Makes executions in every state there is, by the routes and by single steps of a worker."""

    client: httpx2.AsyncClient
    rig: Rig
    key: str = ""

    async def places(self) -> list[dict[str, Any]]:
        places: list[dict[str, Any]] = [
            {"execution_id": await self.create(TWO), "node_id": "A", "attempt": 0},
            {"execution_id": await self.create(WITH_INPUTS), "node_id": "A"},
            *await self.ended(),
            *await self.unfinished(),
            {"execution_id": UNKNOWN, "node_id": "A", "entry_id": "1-0"},
        ]
        answer = await self.client.put("/v1/workflows/orders", json=TWO)
        assert answer.is_success, answer.text
        # Signals and workflows are both called `name`.
        answer = await self.client.put("/v1/workflows/go", json=TALKING)
        assert answer.is_success, answer.text
        await self.post("/v1/schedules", {"workflow": "orders", "name": "nightly", "cron": "@daily"})
        await self.post("/v1/webhooks", {"workflow": "orders", "scheme": "none", "path": "orders"})
        self.key = (await self.post("/v1/keys", {"name": "k", "scopes": ["admin"]}))["key"]
        flow = await self.client.post("/api/workflows", json=FLOW, headers={"X-API-Key": self.key})
        assert flow.is_success, flow.text
        # Nothing ends in between that a call could wait for.
        registered = {
            "workflow": "orders", "schedule": "nightly", "path": "orders", "wait": "0",
            "workflow_id": flow.json()["id"],
        }  # fmt: skip
        made = await self.post("/api/v1/workflows", {"yaml_content": STEPS})
        of_steps = registered | {"workflow_id": made["id"]}
        cursors = [{"cursor": "1"}]
        for path in ("/v1/executions", "/v1/approvals", "/v1/dead"):
            page = (await self.client.get(path, params={"limit": 1})).json()
            assert page["next_cursor"], path
            cursors.append({"cursor": page["next_cursor"]})
        dead = (await self.client.get("/v1/dead")).json()["items"]
        entries = [{"entry_id": entry["entry_id"]} for entry in dead]
        # Each has something for every name, so that whatever a call asks for is there to be found.
        return [
            (of_steps if index % 3 == 2 else registered)
            | {"name": "go", "by": "ann", "accept": "application/x-ndjson" if index % 2 else "*/*"}
            | cursors[index % len(cursors)]
            | entries[index % len(entries)]
            | {"from_node": places[index]["node_id"]}
            | dict.fromkeys(("job_id", "run_id", "handler_id"), places[index]["execution_id"])
            | places[index]
            for index in range(len(places))
        ]

    async def ended(self) -> list[dict[str, Any]]:
        completed, held = await self.run(TWO)
        await self.rig.worker.complete(held["A"], {"rows": [1, 2], "text": "x" * 5_000})
        await act(self.rig)
        failed = []
        for _ in range(2):
            execution_id, held = await self.run(TWO)
            await self.rig.worker.fail(held["A"], is_dead=True)
            failed.append(execution_id)
        cancelled, _ = await self.run(TWO)
        await self.post(f"/v1/executions/{cancelled}/cancel", {"grace": 0})
        mapped, told = await self.create(MAPPED, trigger=True), await self.create(TELLING, trigger=True)
        await act(self.rig)
        return [
            {"execution_id": completed, "node_id": "A", "attempt": 1},
            {"execution_id": completed, "node_id": "B"},
            *({"execution_id": each, "node_id": "A", "generation": 1} for each in failed),
            {"execution_id": cancelled, "node_id": "B"},
            {"execution_id": mapped, "node_id": "M"},
            {"execution_id": mapped, "node_id": "M[0]"},
            {"execution_id": told, "node_id": "A", "delivery_id": f"{told}.1.0"},
        ]

    async def unfinished(self) -> list[dict[str, Any]]:
        running, _ = await self.run(TWO)
        retrying, held = await self.run(TWO)
        await self.rig.worker.retry(held["A"], delay_ms=3_600_000)
        paused, _ = await self.run(TWO)
        await self.post(f"/v1/executions/{paused}/pause", {"by": "ann"})
        waiting = await self.create(workflow(WAITING), trigger=True)
        asked = [await self.create(workflow(APPROVAL), trigger=True) for _ in range(2)]
        await act(self.rig)
        shown = [(await self.client.get(f"/v1/approvals/{each}/Y")).json()["shown"] for each in asked]
        queued = await self.create(TWO, trigger=True)
        return [
            {"execution_id": running, "node_id": "A", "attempt": 1},
            {"execution_id": retrying, "node_id": "A", "attempt": 1},
            {"execution_id": paused, "node_id": "B"},
            {"execution_id": waiting, "node_id": "W"},
            {"execution_id": asked[0], "node_id": "Y", "shown": shown[0]},
            {"execution_id": asked[1], "node_id": "Y", "shown": shown[1], "form": {"n": 1}},
            {"execution_id": queued, "node_id": "A"},
        ]

    async def create(self, definition: dict[str, Any], *, trigger: bool = False) -> str:
        made = await self.post("/v1/executions", {"definition": definition, "trigger": trigger})
        execution_id: str = made["execution_id"]
        return execution_id

    async def run(self, definition: dict[str, Any]) -> tuple[str, dict[str, AttemptToken]]:
        """Start an execution and the attempts of its first nodes."""
        return await self.create(definition, trigger=True), await self.rig.worker.start()

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.post(path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def _send(app: FastAPI, request: PreparedRequest) -> Response:
    url, loop = urlsplit(str(request.url)), asyncio.get_running_loop()
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    gone, is_read = asyncio.Event(), False
    # Some answers come at the end of an execution; a client that leaves is answered at once.
    loop.call_later(WAIT_S, gone.set)
    status, content = 0, bytearray()
    headers: dict[str, list[str]] = {}

    async def receive() -> Message:
        nonlocal is_read
        if not is_read:
            is_read = True
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            for name, value in message["headers"]:
                headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
            loop.call_later(LISTEN_S, gone.set)
        elif message["type"] == "http.response.body":
            content.extend(message.get("body", b""))

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(url.path),
        "raw_path": url.path.encode("ascii"),
        "query_string": url.query.encode("ascii"),
        "root_path": "",
        "headers": [
            (b"host", b"headrace"),
            *((name.lower().encode("latin-1"), _latin(value)) for name, value in request.headers.items()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("headrace", 80),
        "app": app,
    }
    async with asyncio.timeout(PATIENCE_S):
        await app(scope, receive, send)
    return Response(status, headers, bytes(content), request, 0.0, verify=False)


def _latin(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")
