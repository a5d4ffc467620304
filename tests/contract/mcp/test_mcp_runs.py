"""Runs from start to end, as an agent drives them with the official client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("mcp", reason="pip install -r requirements-mcp.lock")

from fastapi import FastAPI

from tests.contract.mcp.agents import Agent, agent, watchers
from tests.contract.samples import node, workflow
from tests.integration.durable_units import parked
from tests.integration.handler_steps import act
from tests.integration.registered_workflows import register
from tests.makers import Rig, until
from tests.patience import PATIENCE_S

ASKING = workflow(
    node("A"),
    node(
        "ask",
        handler="approval",
        after=["A"],
        config={"prompt": "Ship it?", "form": {"type": "object"}, "assignees": ["ann"]},
    ),
    node("B", after=["ask"]),
    output={"decision": "{{ ask.decision }}"},
)
WAITING = workflow(node("A"), node("go", handler="wait_for_signal", after=["A"], config={"name": "go"}))
FAILING = workflow(
    node("A", handler="fail", config={"message": "no stock"}), node("B", after=["A"]), node("C")
)
SLOW = workflow(node("A"), node("D", handler="delay", after=["A"], config={"seconds": 3600}))


async def begin(helper: Agent, definition: dict[str, Any], **more: Any) -> str:
    started = await helper.call("start_workflow", definition=definition, **more)
    execution_id: str = started["execution_id"]
    return execution_id


async def follow(app: FastAPI, helper: Agent, execution_id: str, **more: Any) -> asyncio.Task[dict[str, Any]]:
    """Follow a run in the background, from the moment at which its history is listened to."""
    before = watchers(app)
    task = asyncio.create_task(helper.call("wait_for_run", execution_id=execution_id, timeout_s=60, **more))

    async def listens() -> bool:
        return watchers(app) > before or task.done()

    await until(listens)
    return task


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_run_is_started_followed_approved_and_read(
    app: FastAPI, address: str, rig: Rig, mode: str
) -> None:
    async with agent(address, mode=mode) as helper:
        execution_id = await begin(helper, ASKING)
        following = await follow(app, helper, execution_id)
        await act(rig)
        asked = await following

        assert asked["returned_because"] == "needs_answer"
        assert asked["run"]["status"] == "RUNNING"
        (question,) = asked["run"]["needs"]
        assert (question["tool"], question["node_id"], question["prompt"]) == (
            "answer_approval", "ask", "Ship it?",
        )  # fmt: skip
        assert helper.progress[0] == (0, 3)
        assert helper.progress[-1] == (1, 3)
        assert [row["node_id"] for row in (await helper.call("list_approvals"))["items"]] == ["ask"]

        answer = {"execution_id": execution_id, "node_id": "ask", "shown": question["shown"], "form": {}}
        stranger = await helper.refused("answer_approval", **answer, decision="approve", by="eve")
        decided = await helper.call("answer_approval", **answer, decision="approve", by="ann")
        following = await follow(app, helper, execution_id)
        await act(rig)
        ended = await following

        assert (stranger["code"], stranger["status"]) == ("NOT_ASSIGNED", 403)
        assert (decided["pending"], decided["output"]["decision"]) == (False, "approve")
        assert ended["returned_because"] == "ended"
        assert ended["run"]["status"] == "COMPLETED"
        assert ended["run"]["output"]["value"] == {"decision": "approve"}
        assert helper.progress[-1] == (3, 3)


async def test_a_run_is_cancelled_while_it_is_followed(app: FastAPI, helper: Agent, rig: Rig) -> None:
    execution_id = await begin(helper, SLOW)
    await act(rig)
    following = await follow(app, helper, execution_id)

    done = await helper.call("cancel_run", execution_id=execution_id, reason="not needed", grace="0s")
    ended = await following

    assert done["status"] in ("RUNNING", "CANCELLED")
    assert (ended["returned_because"], ended["run"]["status"]) == ("ended", "CANCELLED")
    refused = await helper.refused("cancel_run", execution_id=execution_id, grace="soon")
    assert refused["errors"][0]["path"] == "grace"


async def test_time_is_bounded_and_says_what_the_run_waits_for(helper: Agent, rig: Rig) -> None:
    execution_id = await begin(helper, SLOW)
    await act(rig)

    found = await helper.call("wait_for_run", execution_id=execution_id, timeout_s=0)

    assert found["returned_because"] == "time_over"
    (row,) = found["run"]["waits_for"]
    assert row["node_id"] == "D" and row["until"]
    refused = await helper.refused("wait_for_run", execution_id=execution_id, timeout_s=601)
    assert refused["errors"][0]["path"] == "timeout_s"


async def test_a_client_that_leaves_is_listened_for_no_more(app: FastAPI, address: str, rig: Rig) -> None:
    for mode in ("auto", "legacy"):
        async with agent(address, mode=mode) as helper:
            execution_id = await begin(helper, SLOW)
            following = await follow(app, helper, execution_id)
            following.cancel()
            with pytest.raises(asyncio.CancelledError):
                await following

        async def nobody_listens() -> bool:
            return watchers(app) == 0

        await until(nobody_listens)


async def test_a_signal_is_named_sent_and_ends_the_wait(app: FastAPI, helper: Agent, rig: Rig) -> None:
    execution_id = await begin(helper, WAITING)
    await act(rig)
    asked = await helper.call("wait_for_run", execution_id=execution_id, timeout_s=PATIENCE_S)
    (question,) = asked["run"]["needs"]
    following = await follow(app, helper, execution_id, until="end")

    sent = await helper.call("send_signal", execution_id=execution_id, signal=question["signal"], payload=7)

    assert question["signal"] == "go" and question["tool"] == "send_signal"
    assert sent["nodes"] == 1
    assert (await following)["run"]["status"] == "COMPLETED"
    node_seen = await helper.call("get_node", execution_id=execution_id, node_id="go")
    assert node_seen["status"] == "COMPLETED" and node_seen["output"]["value"] == 7


async def test_a_handler_that_has_parked_is_one_that_needs_an_answer(helper: Agent, rig: Rig) -> None:
    execution_id = await parked(rig)

    found = await helper.call("wait_for_run", execution_id=execution_id, timeout_s=PATIENCE_S)

    assert found["returned_because"] == "needs_answer"
    (need,) = found["run"]["needs"]
    assert (need["kind"], need["node_id"], need["tool"]) == ("letter", "A", None)
    assert "'a reply'" in need["waiting_for"]
    assert need["by_hand"] == f"POST /v1/executions/{execution_id}/nodes/A/inbox"


async def test_a_question_of_an_item_is_one_of_the_run(helper: Agent, rig: Rig) -> None:
    asking = node("ask", handler="approval", config={"prompt": "Ship {{ item }}?"}, map={"items": [1, 2]})
    execution_id = await begin(helper, workflow(asking))
    await act(rig)

    found = await helper.call("wait_for_run", execution_id=execution_id, timeout_s=PATIENCE_S)

    assert [row["node_id"] for row in found["run"]["needs"]] == ["ask[0]", "ask[1]"]
    assert found["run"]["needs"][1]["prompt"] == "Ship 2?"


async def test_a_failure_is_explained_and_retried(helper: Agent, rig: Rig) -> None:
    execution_id = await begin(helper, FAILING)
    await act(rig)

    ended = (await helper.call("wait_for_run", execution_id=execution_id))["run"]
    seen = await helper.call("get_node", execution_id=execution_id, node_id="A")
    preview = await helper.call("retry_run", execution_id=execution_id, preview=True)
    retried = await helper.call("retry_run", execution_id=execution_id)

    assert ended["status"] == "FAILED"
    (cause,) = ended["root_causes"]
    assert (cause["node_id"], cause["kept"]) == ("A", 1)
    assert "no stock" in cause["error"]["message"]
    assert "no stock" in seen["attempts"][0]["error"]["message"]
    assert preview["nodes"] == retried["nodes"] == ["A", "B"]
    assert (preview["preview"], retried["status"]) == (True, "RUNNING")


async def test_a_large_output_is_cut_and_read_part_by_part(helper: Agent, rig: Rig) -> None:
    rows = [{"id": number, "text": 'a "word" ' * 40} for number in range(1_000)]
    big = node("A", handler="output", config={"rows": "{{ inputs.rows }}"})
    execution_id = await begin(helper, workflow(big, output="{{ A.rows }}"), inputs={"rows": rows})
    await act(rig)

    seen = await helper.result("get_node", execution_id=execution_id, node_id="A")
    run = await helper.result("wait_for_run", execution_id=execution_id)
    parts, start = [], 0
    while start is not None:
        part = await helper.call("get_output", execution_id=execution_id, start=start)
        parts.append(part["text"])
        start = part["next_from"]

    for result in (seen, run):
        assert len(json.dumps(result.structured_content)) < 60_000
    output = seen.structured_content["output"]
    assert output["cut"] and output["bytes"] > 300_000
    assert "more entries]" in output["value"]["rows"][-1]
    assert run.structured_content["run"]["output"]["whole"].startswith("get_output")
    assert json.loads("".join(parts)) == rows


async def test_nodes_of_a_wide_run_are_listed_in_parts(helper: Agent, rig: Rig) -> None:
    execution_id = await begin(helper, workflow(*(node(f"n{number}") for number in range(120))))

    first = await helper.call("get_run", execution_id=execution_id)
    rest = await helper.call("get_run", execution_id=execution_id, nodes="all", nodes_from=100)

    assert len(first["nodes"]) == 50 and "nodes_from=50" in first["nodes_left_out"]
    assert [row["node_id"] for row in rest["nodes"]] == [f"n{number}" for number in range(100, 120)]
    assert len(first["waits_for"]) == 20 and first["waits_left_out"] == 100


async def test_the_same_start_made_again_starts_one_run(helper: Agent) -> None:
    first = await helper.call("start_workflow", definition=SLOW, idempotency_key="k-1", labels={"team": "b"})
    again = await helper.call("start_workflow", definition=SLOW, idempotency_key="k-1", labels={"team": "b"})
    other = await helper.refused("start_workflow", definition=FAILING, idempotency_key="k-1")
    odd = await helper.refused("start_workflow", definition=SLOW, idempotency_key="")

    assert first["execution_id"] == again["execution_id"]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert other["code"] == "IDEMPOTENCY_CONFLICT"
    assert odd["errors"][0]["path"] == "idempotency_key"
    assert len((await helper.call("list_runs", text="team:b"))["items"]) == 1


async def test_runs_of_a_schedule_are_listed_by_its_name(helper: Agent, rig: Rig) -> None:
    await register(rig, "reports")
    await rig.engine.schedules.create("reports", {"every": "1d"}, name="nightly")
    started = await rig.engine.schedules.trigger("nightly")
    await begin(helper, SLOW)

    found = await helper.call("list_runs", schedule="nightly")
    unknown = await helper.refused("list_runs", schedule="nightly2")
    nowhere = await helper.refused("list_runs", webhook="nightly")

    assert [row["execution_id"] for row in found["items"]] == [started.execution_id]
    assert (unknown["code"], nowhere["code"]) == ("SCHEDULE_NOT_FOUND", "WEBHOOK_NOT_FOUND")
