"""What the tests of the door `automation` share: an API, workers, and the documented order pipeline."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from config import Settings
from main import create_app
from tests.makers import until
from tests.serving import serving_app

SECRET = "my-secret"
#: A directory without workflow files.
NO_FILES = Path(__file__).parent / "no-workflows"
#: The documented workflow, as it is documented.
ORDERS: dict[str, Any] = {
    "name": "Order Pipeline",
    "trigger_type": "webhook",
    "webhook_secret": SECRET,
    "steps": [
        {
            "id": "validate",
            "type": "transform",
            "config": {
                "expression": "Order #{{ trigger.payload.order_id }} for {{ trigger.payload.customer }}"
            },
            "depends_on": [],
        },
        {
            "id": "check_amount",
            "type": "condition",
            "config": {
                "expression": "{{ trigger.payload.amount > 100 }}",
                "true_branch": ["high_value"],
                "false_branch": ["standard"],
            },
            "depends_on": ["validate"],
        },
        {
            "id": "high_value",
            "type": "transform",
            "config": {"expression": "Escalate: ${{ trigger.payload.amount }}"},
            "depends_on": ["check_amount"],
        },
        {
            "id": "standard",
            "type": "transform",
            "config": {"expression": "Auto-approve: ${{ trigger.payload.amount }}"},
            "depends_on": ["check_amount"],
        },
    ],
}


def order(amount: int) -> bytes:
    return json.dumps({"order_id": "ORD-001", "customer": "Jane", "amount": amount}).encode()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()}


def step(step_id: str, kind: str = "transform", after: tuple[str, ...] = (), **config: Any) -> dict[str, Any]:
    if kind == "transform" and not config:
        config = {"expression": "ok"}
    return {"id": step_id, "type": kind, "config": config, "depends_on": list(after)}


class Tenant:
    """One tenant, by its key."""

    def __init__(self, client: httpx2.AsyncClient, registered: dict[str, Any]) -> None:
        self.client = client
        self.id: str = registered["id"]
        self.key: str = registered["api_key"]

    async def call(self, method: str, path: str, status: int, **sent: Any) -> Any:
        headers = {"X-API-Key": self.key, **sent.pop("headers", {})}
        answer = await self.client.request(method, f"/api{path}", headers=headers, **sent)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def create(self, *steps: dict[str, Any], **fields: Any) -> Any:
        body = {"name": "Flow", "trigger_type": "manual", "steps": list(steps)} | fields
        return await self.call("POST", "/workflows", 201, json=body)

    async def execute(self, workflow: dict[str, Any], data: dict[str, Any] | None = None) -> str:
        body = {"trigger_data": data or {}}
        answer = await self.call("POST", f"/workflows/{workflow['id']}/execute", 202, json=body)
        found: str = answer["execution_id"]
        return found

    async def ended(self, execution_id: str) -> Any:
        """Wait for the end of an execution; gives its detail."""
        found: dict[str, Any] = {}

        async def is_over() -> bool:
            found.update(await self.call("GET", f"/executions/{execution_id}", 200))
            return found["execution"]["status"] not in ("pending", "running")

        await until(is_over)
        return found

    async def run(self, workflow: dict[str, Any], data: dict[str, Any] | None = None) -> Any:
        return await self.ended(await self.execute(workflow, data))


async def register(client: httpx2.AsyncClient, name: str = "My Project") -> Tenant:
    answer = await client.post("/api/tenants/register", json={"name": name})
    assert answer.status_code == 201, answer.text
    return Tenant(client, answer.json())


def steps_of(detail: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["step_id"]: each for each in detail["steps"]}


@asynccontextmanager
async def serving(redis_url: str, **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Serve the API; without limits by time, unless the settings name one."""
    free = dict.fromkeys(("workflows", "executions", "reads", "register"), 0)
    rates = {f"rate_limit_{kind}": most for kind, most in free.items()}
    app = create_app(
        Settings(redis_url=redis_url, _env_file=None, workflows_dir=NO_FILES, **(rates | settings))
    )
    async with serving_app(app) as made:
        yield made
