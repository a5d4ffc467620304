"""What an older version has run to its end can be read, replayed and forked; nothing else is done to it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from orchestrator.errors import LayoutUnknown
from orchestrator.states import ExecutionStatus
from orchestrator.store.layout import VERSION
from tests.makers import Rig, node
from tests.older_layouts import ENDED, restore_ended, set_layout

WORKER = "old-1.0a1b2c3d"
BEGAN_MS = 1_790_000_000_000


@pytest.fixture(params=sorted(ENDED))
def older(request: pytest.FixtureRequest) -> int:
    """An older layout."""
    layout: int = request.param
    return layout


@pytest.fixture(autouse=True)
async def ended(rig: Rig, older: int) -> str:
    """The id of what it has run to its end."""
    return await restore_ended(rig.redis, older)


async def answer(client: httpx2.AsyncClient, path: str) -> Any:
    found = await client.get(path)
    assert found.status_code == 200, found.text
    return found.json()


async def test_its_nodes_have_their_attempts_times_workers_and_errors(
    rig: Rig, ended: str, older: int
) -> None:
    view = await rig.engine.executions.get(ended)
    nodes = {state.node_id: state for state in view.nodes}

    assert view.execution.status is ExecutionStatus.FAILED
    assert {name: str(state.status) for name, state in nodes.items()} == {
        "check": "COMPLETED", "A": "COMPLETED", "no": "SKIPPED", "M": "COMPLETED", "P": "COMPLETED",
        "B": "FAILED", "C": "SKIPPED",
    }  # fmt: skip
    found = nodes["A"]
    assert (found.attempt, found.tries, found.crashes, found.worker) == (2, 2, 0, WORKER)
    times = (found.queued_ms, found.started_ms, found.ended_ms)
    assert times == (BEGAN_MS + 3_500, BEGAN_MS + 3_500, BEGAN_MS + 3_750)
    assert nodes["B"].error is not None
    assert nodes["B"].error["message"] == "it broke"
    if older == 1:  # later ones count no more once a node is decided
        assert (nodes["B"].ok, nodes["C"].bad) == (2, 1)
        assert (nodes["no"].gates_done, nodes["no"].not_taken) == (1, True)
    # It has never run.
    assert (nodes["no"].attempt, nodes["no"].worker, nodes["no"].started_ms) == (0, None, None)


async def test_its_items_and_its_approval_are_read_too(rig: Rig, ended: str) -> None:
    first, second = await rig.store.items.page(ended, "M", 0, 10)
    approval = await rig.engine.approvals.get(ended, "P")

    assert [(item.state.attempt, item.state.worker, item.output) for item in (first, second)] == [
        (1, WORKER, b'{"is":1}'),
        (1, WORKER, b'{"is":2}'),
    ]
    assert (approval.prompt, approval.given, approval.is_pending) == ("Ship it?", 1, False)


async def test_every_question_about_it_is_answered_over_http(client: httpx2.AsyncClient, ended: str) -> None:
    place = f"/v1/executions/{ended}"
    whole = await answer(client, place)
    found = await answer(client, f"{place}/nodes/A")

    assert (whole["status"], found["attempt"], found["worker"]) == ("FAILED", 2, WORKER)
    for path in (
        f"{place}/nodes/M/items", f"{place}/nodes/A?config=rendered", f"{place}/nodes/A/output",
        f"{place}/explain", f"{place}/results", f"{place}/definition", f"{place}/children",
        f"/v1/approvals/{ended}/P",
        f"/workflows/{ended}", f"/workflows/{ended}/results", "/v1/dead",
    ):  # fmt: skip
        await answer(client, path)
    events = (await client.get(f"{place}/events")).text
    listed = await answer(client, "/v1/executions")
    assert 'data":{"error":{"type":"HandlerError","message":"it broke"' in events
    assert "event: node.failed" in events
    assert "event: execution.failed" in events
    assert [row["execution_id"] for row in listed["items"]] == [ended]


async def test_it_is_replayed(rig: Rig, ended: str) -> None:
    made = await rig.engine.executions.replay(ended)
    await rig.worker.start_one("check")

    execution = (await rig.engine.executions.get(made.execution_id)).execution
    assert (execution.replay_of, execution.inputs) == (ended, {"numbers": [1, 2]})


async def test_a_fork_keeps_what_it_completed(rig: Rig, ended: str) -> None:
    before = await rig.dump()
    preview = await rig.engine.executions.fork(ended, preview=True)
    assert await rig.dump() == before

    made = await rig.engine.executions.fork(ended)
    assert made.execution_id is not None
    ran = await rig.worker.run_all()

    assert (preview.nodes, preview.reused) == (made.nodes, made.reused)
    assert (made.nodes, made.reused) == (("B", "C"), ("check", "A", "no", "M", "P"))
    assert ran == ["B", "C"]
    assert await rig.status(made.execution_id) is ExecutionStatus.COMPLETED
    assert await rig.store.output(made.execution_id, "A") == b'{"n":7}'


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("retry", {}),
        ("retry", {"preview": True}),
        ("cancel", {}),
        ("pause", {}),
        ("resume", {}),
        ("trigger", {}),
        ("signals/go", {"payload": 1}),
        ("approvals/P", {"decision": "approve", "by": "ann", "shown": "feed" * 16}),
        ("nodes/B/complete", {"by": "ann", "output": {}}),
        ("nodes/B/fail", {"by": "ann", "error": {"message": "no"}}),
        ("nodes/B/skip", {"by": "ann"}),
        ("nodes/B/retry", {"by": "ann"}),
    ],
)
async def test_no_verb_changes_it(
    rig: Rig, client: httpx2.AsyncClient, ended: str, older: int, path: str, body: dict[str, Any]
) -> None:
    before = await rig.dump()

    found = await client.post(f"/v1/executions/{ended}/{path}", json=body)

    assert (found.status_code, found.json()["code"]) == (409, "LAYOUT_UNKNOWN"), found.text
    assert all(word in found.json()["detail"] for word in (ended, f"layout {older}", f"layout {VERSION}"))
    assert await rig.dump() == before


async def test_what_was_never_started_can_only_be_replayed(rig: Rig, older: int) -> None:
    execution_id = await rig.submit(node("A"), trigger=False)
    await set_layout(rig.redis, execution_id, older)

    with pytest.raises(LayoutUnknown):
        await rig.engine.executions.trigger(execution_id)
    made = await rig.engine.executions.replay(execution_id)

    assert await rig.worker.run_all() == ["A"]
    assert await rig.status(made.execution_id) is ExecutionStatus.COMPLETED
    assert await rig.status(execution_id) is ExecutionStatus.PENDING


async def test_its_dead_node_stays_on_the_list_when_it_cannot_be_requeued(rig: Rig) -> None:
    (entry,) = (await rig.engine.dead_letters.list()).items

    with pytest.raises(LayoutUnknown):
        await rig.engine.dead_letters.requeue(entry.entry_id)
    await rig.engine.dead_letters.drop(entry.entry_id)

    assert (await rig.engine.dead_letters.list()).items == []


async def test_reading_what_is_of_our_layout_asks_once(rig: Rig, ended: str, older: int) -> None:
    """Layout 1 costs one command more for each slice of nodes."""

    async def asked(execution_id: str) -> int:
        before = (await rig.redis.info("commandstats"))["cmdstat_hmget"]["calls"]
        await rig.store.nodes(execution_id, ["check", "A", "B"])
        return int((await rig.redis.info("commandstats"))["cmdstat_hmget"]["calls"] - before)

    made = await rig.engine.executions.replay(ended)

    assert (await asked(made.execution_id), await asked(ended)) == (1, 2 if older == 1 else 1)
