"""Definitions the contract tests submit, and the call that submits them."""

from typing import Any

import httpx2

UNKNOWN = "01900000-0000-7000-8000-000000000000"


def node(
    node_id: str, *, after: list[str] | None = None, handler: str = "noop", **extra: Any
) -> dict[str, Any]:
    return {"id": node_id, "handler": handler, "dependencies": after or [], "config": {}, **extra}


def workflow(*nodes: dict[str, Any], **extra: Any) -> dict[str, Any]:
    return {"name": "sample", "dag": {"nodes": list(nodes)}, **extra}


YAML = {"Content-Type": "application/yaml"}
ORDER = """\
# What comes in by the shop.
name: Order Pipeline
description: Ships what was paid for.
nodes:
  - {id: A, handler: noop}
  - {id: B, handler: noop, dependencies: [A]}
"""


LINEAR = workflow(
    node("A", handler="call_external_service", config={"url": "http://service-a"}),
    node("B", handler="llm", after=["A"], config={"prompt": "Summarize {{ A.data }}"}),
    node("C", handler="call_external_service", after=["B"], config={"url": "http://consumer/{{ B.answer }}"}),
)
RACE = workflow(node("B"), node("C"), node("D", after=["B", "C"]))
#: A fails, and B takes over; what fails it is C.
CAUGHT = workflow(
    node(
        "A",
        handler="transform",
        config={"expression": "{{ trigger.caught.x }}"},
        catch=[{"errors": ["*"], "goto": "B"}],
    ),
    node("B", after=["A"]),
    node("C", handler="transform", after=["B"], config={"expression": "{{ trigger.decisive.x }}"}),
)


async def submit(client: httpx2.AsyncClient, document: dict[str, Any]) -> str:
    answer = await client.post("/workflow", json=document)
    assert answer.status_code == 200, answer.text
    execution_id: str = answer.json()["execution_id"]
    return execution_id


async def start(client: httpx2.AsyncClient, document: dict[str, Any], **headers: str) -> str:
    """Submit a document and start it; gives the id of its execution."""
    answer = await client.post(
        "/v1/executions", json={"definition": document, "trigger": True}, headers=headers
    )
    assert answer.status_code == 202, answer.text
    execution_id: str = answer.json()["execution_id"]
    return execution_id


async def put_workflow(client: httpx2.AsyncClient, name: str, text: str, **headers: str) -> httpx2.Response:
    return await client.put(f"/v1/workflows/{name}", content=text, headers=YAML | headers)
