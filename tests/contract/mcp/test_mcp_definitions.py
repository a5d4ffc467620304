"""What an agent needs to write a definition: guide, schema, handlers, and problems with their places."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("mcp", reason="pip install -r requirements-mcp.lock")

import httpx2
import orjson
from mcp.shared.exceptions import MCPError

from tests.contract.mcp.agents import Agent
from tests.contract.samples import ORDER, node, workflow
from tests.contract.samples import put_workflow as put


async def read(helper: Agent, uri: str) -> str:
    (contents,) = (await helper.client.read_resource(uri)).contents
    text: str = contents.text  # type: ignore[union-attr]
    return text


async def test_the_definition_of_the_guide_is_a_good_one(helper: Agent) -> None:
    found = re.search(r"```yaml\n(.*?)```", await read(helper, "headrace://guide"), re.DOTALL)
    assert found is not None

    judged = await helper.call("validate_workflow", definition=found[1])

    assert judged["valid"] is True
    assert judged["errors"] == judged["warnings"] == []


async def test_problems_come_as_a_list_with_their_places(helper: Agent) -> None:
    wrong = workflow(node("A", handler="nop"), node("B", after=["Z"]))
    text = "name: x\nnodes:\n  - {id: A, handler: nop}\n"

    judged = await helper.call("validate_workflow", definition=wrong)
    refused = await helper.refused("start_workflow", definition=wrong)
    in_yaml = await helper.call("validate_workflow", definition=text)
    unread = await helper.call("validate_workflow", definition="name: [")

    paths = {problem["path"] for problem in judged["errors"]}
    assert {"dag.nodes[0].handler", "dag.nodes[1].dependencies[0]"} <= paths
    assert {problem["path"] for problem in refused["errors"]} == paths
    assert "did you mean 'noop'" in judged["errors"][0]["message"]
    assert (in_yaml["errors"][0]["line"], in_yaml["errors"][0]["column"]) == (3, 22)
    assert unread["valid"] is False
    assert unread["errors"][0]["line"] >= 1
    assert (await helper.call("list_runs"))["items"] == []


async def test_wrong_arguments_are_named_with_what_is_allowed(helper: Agent) -> None:
    unknown = await helper.refused("get_run", execution="x")
    missing = await helper.refused("get_run")
    both = await helper.refused("start_workflow", workflow="a", definition=workflow(node("A")))
    neither = await helper.refused("start_workflow")
    kind = await helper.refused("list_runs", limit="ten")
    nothing = await helper.refused("get_run", execution_id="nowhere")
    no_handler = await helper.refused("list_handlers", name="htp")

    assert any("allowed: execution_id" in problem["message"] for problem in unknown["errors"])
    assert missing["errors"][0]["path"] == "execution_id"
    assert "found both" in both["detail"] and "found neither" in neither["detail"]
    assert kind["errors"][0]["path"] == "limit"
    assert (nothing["status"], nothing["execution_id"]) == (404, "nowhere")
    assert "http" in no_handler["detail"]
    with pytest.raises(MCPError, match="there are: list_workflows"):
        await helper.client.call_tool("run_workflow", {})


async def test_handlers_are_listed_short_and_shown_whole(helper: Agent) -> None:
    listed = await helper.call("list_handlers")
    shown = await helper.call("list_handlers", name="condition")

    assert {"http", "approval", "condition"} <= {row["name"] for row in listed["items"]}
    assert all("config_schema" not in row for row in listed["items"])
    assert "true_branch" in shown["config_schema"]["properties"]


async def test_a_registered_workflow_is_found_read_and_started(helper: Agent, address: str) -> None:

    async with httpx2.AsyncClient(base_url=address) as http:
        assert (await put(http, "order", ORDER)).status_code == 201

    (row,) = (await helper.call("list_workflows", text="paid"))["items"]
    shown = await helper.call("get_workflow", workflow=row["name"])
    started = await helper.call("start_workflow", workflow="order")
    run = await helper.call("get_run", execution_id=started["execution_id"])
    unknown = await helper.refused("start_workflow", workflow="ordr")

    assert (row["name"], row["title"]) == ("order", "Order Pipeline")
    assert [each["id"] for each in shown["definition"]["nodes"]] == ["A", "B"]
    assert orjson.loads(await read(helper, "headrace://workflows/order")) == shown["definition"]
    assert (run["workflow_version"], run["status"]) == (1, "RUNNING")
    assert [each["execution_id"] for each in (await helper.call("list_runs", workflow="order"))["items"]] == [
        started["execution_id"]
    ]
    assert unknown["code"] == "WORKFLOW_NOT_FOUND"


async def test_a_version_is_shown_as_it_was(helper: Agent, address: str) -> None:
    changed = ORDER.replace("Order Pipeline", "Order Pipeline, New")
    async with httpx2.AsyncClient(base_url=address) as http:
        assert (await put(http, "order", ORDER)).status_code == 201
        assert (await put(http, "order", changed, **{"If-Match": "*"})).status_code == 200

    first = await helper.call("get_workflow", workflow="order", version=1)
    newest = await helper.call("get_workflow", workflow="order")

    assert [(each["version"], each["newest_version"]) for each in (first, newest)] == [(1, 2), (2, 2)]
    assert [(each["title"], each["definition"]["name"]) for each in (first, newest)] == [
        ("Order Pipeline", "Order Pipeline"), ("Order Pipeline, New", "Order Pipeline, New"),
    ]  # fmt: skip
    assert first["hash"] != newest["hash"]


async def test_every_resource_can_be_read_and_others_are_named(helper: Agent) -> None:
    listed = (await helper.client.list_resources()).resources

    for resource in listed:
        assert len(await read(helper, str(resource.uri))) > 100
    with pytest.raises(MCPError, match="there are: headrace://guide"):
        await read(helper, "headrace://guides")
    with pytest.raises(MCPError, match="no workflow 'none' is registered"):
        await read(helper, "headrace://workflows/none")


async def test_tools_say_what_they_take_and_change(helper: Agent) -> None:
    for tool in (await helper.client.list_tools()).tools:
        assert tool.input_schema["additionalProperties"] is False
        assert tool.description and "(scope: " in tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is ("(scope: read)" in tool.description)
        for name, field in tool.input_schema["properties"].items():
            assert "title" not in field, (tool.name, name)
