"""`client.workflows` against the real API."""

from typing import Any

import httpx2
import pytest

from config import Settings
from headrace.client import AsyncClient
from headrace.errors import NotFound
from main import create_app

ORDER = b"name: Order Pipeline\nnodes:\n  - {id: A, handler: noop}\n"


async def test_a_workflow_from_apply_to_delete(redis_url: str, tmp_path: Any) -> None:
    app = create_app(Settings(redis_url=redis_url, workflows_dir=tmp_path))
    transport: Any = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        AsyncClient("http://headrace", transport=transport) as client,
    ):
        workflows = client.workflows

        applied = [
            await workflows.apply("order-pipeline", text)
            for text in (ORDER, ORDER, ORDER.replace(b"id: A", b"id: B"), {"name": "x", "nodes": NOOP})
        ]
        started = await workflows.start("order-pipeline", version=1, labels={"team": "shop"})

        assert [(done.outcome, done.version) for done in applied] == [
            ("created", 1), ("unchanged", 1), ("updated", 2), ("updated", 3),
        ]  # fmt: skip
        assert [each.name async for each in workflows.list(text="X", limit=5)] == ["order-pipeline"]
        assert [each.version async for each in workflows.versions("order-pipeline")] == [3, 2, 1]
        assert ((await workflows.version("order-pipeline", 1)).definition or {})["nodes"][0]["id"] == "A"
        assert (
            await workflows.source("order-pipeline") == b'{"name":"x","nodes":[{"id":"A","handler":"noop"}]}'
        )
        assert not (await workflows.pause("order-pipeline")).is_active
        assert (await workflows.resume("order-pipeline")).is_active
        assert (await client.executions.get(started.execution_id)).document["workflow_version"] == 1
        await workflows.delete("order-pipeline")
        with pytest.raises(NotFound):
            await workflows.get("order-pipeline")
        made = await workflows.create("name: Again\nnodes:\n  - {id: A, handler: noop}\n", labels={"a": "b"})
        assert (made.name, made.labels) == ("again", {"a": "b"})


NOOP = [{"id": "A", "handler": "noop"}]
