"""An id of thirty digits stays that id on its whole way: templates, items, children, events, views."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.responses import json_response
from api.schemas.execution_views import view_fields
from orchestrator.states import ExecutionStatus
from tests.integration.child_workflows import child_of
from tests.integration.execution_ends import ended
from tests.makers import Rig, WorkerFleet, node, workflow
from tests.unit.clients.http.target_server import reply, running_target
from workers.context import Toolbox

LONG = 123456789012345678901234567890
ID = "{{ A.body.id }}"
CHILD = workflow(
    node("x", handler="transform", config={"output": {"id": "{{ inputs.id }}"}}),
    name="child",
    inputs={"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
    output="{{ x.result.id }}",
)
CALL = {
    "method": "POST",
    "query": {"id": ID},
    "headers": {"X-Id": ID},
    "body": {"id": ID, "text": "{{ A.body }}"},
}
VALUES = {
    "alone": ID,
    "next": "{{ A.body.id + 1 }}",
    "json": "{{ A.body | tojson }}",
    "default": "{{ A.body.id | default(0) }}",
    "text": "{{ A.body.id | string | int }}",
    "unique": "{{ A.body.ids | unique | list }}",
    "sum": "{{ A.body.ids | sum }}",
}
NOT_EQUAL = {"expression": "{{ A.body.id == A.body.id + 1 }}", "true_branch": "N", "false_branch": "S"}
SWITCH = {"value": ID, "cases": {str(LONG): ["L"]}}
NOTE = {"channel": "log", "message": f"order {ID}", "data": {"id": ID}}


def nodes(url: str) -> list[dict[str, Any]]:
    items = {"items": "{{ A.body.ids }}"}
    return [
        node("A", handler="http", config={"url": f"{url}/first"}),
        node("B", after=["A"], handler="http", config={"url": f"{url}/orders/{ID}", **CALL}),
        node("T", after=["A"], handler="transform", config={"output": VALUES}),
        node("M", after=["A"], handler="transform", config={"output": "{{ item }}"}, map=items),
        node("C", after=["A"], handler="condition", config=NOT_EQUAL),
        node("N", after=["C"]),
        node("S", after=["C", "A"], handler="sub_workflow", config={"workflow": CHILD, "inputs": {"id": ID}}),
        node("W", after=["A"], handler="switch", config=SWITCH),
        node("L", after=["W", "A"], handler="notify", config=NOTE),
    ]


@pytest.mark.parametrize("secrets", [{}, {"TOKEN": "a secret"}])
async def test_a_long_integer_is_never_rounded(rig: Rig, fleet: WorkerFleet, secrets: dict[str, str]) -> None:
    async with running_target() as target:
        body = {"id": LONG, "ids": [LONG, LONG, -LONG], "note": "a secret"}
        content = json.dumps(body).encode()
        target.answers["/first"] = reply(200, content, content_type="application/json")
        target.answers[f"/orders/{LONG}"] = reply(200, content, content_type="application/json")
        tools = Toolbox(environment="development", secrets=secrets)
        await fleet.start(tools=tools)

        execution_id = await rig.submit(*nodes(target.url), output={"id": "{{ S }}"})

        assert await ended(rig, execution_id) is ExecutionStatus.COMPLETED
        sent = next(seen for seen in target.seen if seen.method == "POST")
    found = {
        node_id: json.loads(text or b"null")
        for node_id, text in (await rig.engine.executions.results(execution_id)).items()
    }
    child = await child_of(rig, execution_id, "S")
    view = await rig.engine.executions.get(child.execution_id)
    shown = json.loads(bytes(json_response(view_fields(view)).body))
    events = await rig.store.events(execution_id, after=0, limit=1000)
    logged = [event.data for event in events if event.type == "node.log" and event.node_id == "L"]
    result = found["T"]["result"]
    assert found["A"]["body"]["id"] == LONG
    assert sent.path == f"/orders/{LONG}?id={LONG}"
    assert (sent.headers["x-id"], json.loads(sent.body)["id"]) == (str(LONG), LONG)
    assert result["alone"] == result["default"] == result["text"] == LONG
    assert (result["next"], result["unique"], result["sum"]) == (LONG + 1, [LONG, -LONG], LONG)
    assert json.loads(result["json"])["id"] == LONG
    assert [each["result"] for each in found["M"]] == [LONG, LONG, -LONG]
    assert (found["S"], found["W"]["value"]) == (LONG, LONG)
    assert [json.loads(data)["data"] for data in logged] == [{"data": {"id": LONG}}]
    assert (shown["inputs"], shown["output"]) == ({"id": LONG}, LONG)
