"""Approvals over time: limits, cancels, restarts, retries, forks; how they are found."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from clients.redis_client import connect_commands
from orchestrator.engine import Engine
from orchestrator.errors import (
    AlreadyDecided,
    ApprovalNotFound,
    CursorInvalid,
    DefinitionInvalid,
    ExecutionNotFound,
    NodeNotFound,
    NotAssigned,
    NotWaiting,
    ShownChanged,
)
from orchestrator.execution.model import Approval
from orchestrator.loops import timers
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from orchestrator.store.reader import Store
from orchestrator.store.transitions import Transitions
from tests.integration.handler_steps import act, output_of
from tests.integration.waiting_nodes import ask, asking, decide, output, shown
from tests.makers import Rig, WorkerFleet, node, until, workflow
from workers.handlers import Catalogue

E, N = ExecutionStatus, NodeStatus
FORM = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}


async def test_a_changed_payload_voids_what_was_decided_about_the_old_one(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("price"), ask(after=["price"], prompt="{{ price.n }}", quorum=2, timeout=60)
    )
    await rig.worker.complete(await rig.worker.start_one("price"), {"n": 1})
    await act(rig)
    old = await shown(rig, execution_id)
    await decide(rig, execution_id, "approve", "ann")
    await rig.advance(60_000)
    assert await rig.status(execution_id) is E.FAILED
    await rig.redis.set(f"workflow:{execution_id}:node:price:output", b'{"n":2}')
    await rig.engine.executions.retry(execution_id)
    await act(rig)
    new = await shown(rig, execution_id)
    assert new != old

    with pytest.raises(ShownChanged):
        await decide(rig, execution_id, "approve", "bob", shown=old)
    first = await decide(rig, execution_id, "approve", "bob", shown=new)
    second = await decide(rig, execution_id, "approve", "ann", shown=new)

    assert (first.given, first.output, second.given) == (1, None, 2)
    assert await rig.status(execution_id) is E.COMPLETED


async def test_who_decides_is_checked_though_it_was_read_before_it_asked_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await asking(rig, assignees=["ann"], form=FORM, timeout="1m")
    before = await shown(rig, execution_id)
    await rig.advance(60_000)
    read, is_first = rig.engine.approvals.get, True

    async def read_early(execution_id: str, node_id: str) -> Approval:
        nonlocal is_first
        found = await read(execution_id, node_id)
        if is_first:
            is_first = False
            await rig.engine.executions.retry(execution_id)
            await act(rig)
            assert await shown(rig, execution_id) == before
        return found

    monkeypatch.setattr(rig.engine.approvals, "get", read_early)
    with pytest.raises(NotAssigned):
        await decide(rig, execution_id, "approve", "mallory", shown=before)
    assert (await rig.nodes(execution_id))["P"] is N.WAITING

    done = await decide(rig, execution_id, "approve", "ann", shown=before, form={"amount": 1})
    assert orjson.loads(done.output)["form"] == {"amount": 1}


@pytest.mark.parametrize("on_timeout", ["approve", "deny", "fail", None])
async def test_what_a_time_limit_decides(rig: Rig, on_timeout: str | None) -> None:
    limit = {"timeout": "1m"} | ({"on_timeout": on_timeout} if on_timeout else {})
    execution_id = await asking(rig, **limit)
    hash_shown = await shown(rig, execution_id)

    await rig.advance(60_000)

    state = (await rig.engine.nodes.get(execution_id, "P")).state
    assert await rig.nothing_is_left_behind()
    assert (await rig.engine.approvals.list()).items == []
    if on_timeout in ("approve", "deny"):
        found = await output(rig, execution_id, "P")
        assert (found["decision"], found["by"], found["timed_out"]) == (on_timeout, None, True)
        assert found["at"].endswith("Z")
        with pytest.raises(AlreadyDecided, match="by its time limit"):
            await decide(rig, execution_id, shown=hash_shown)
    else:
        assert (state.status, state.reason) == (N.FAILED, Reason.TIMEOUT)
        assert state.error and state.error["type"] == "Timeout.Approval"
        with pytest.raises(NotWaiting, match="it is FAILED"):
            await decide(rig, execution_id, shown=hash_shown)


async def test_a_cancelled_approval_is_off_the_list_and_takes_no_decision(rig: Rig) -> None:
    execution_id = await asking(rig, timeout=60)
    hash_shown = await shown(rig, execution_id)

    await rig.engine.executions.cancel(execution_id, request_id="1")

    assert (await rig.engine.approvals.list()).items == []
    assert await rig.nothing_is_left_behind()
    assert await rig.redis.zcard("workflows:approvals") == 0
    with pytest.raises(NotWaiting, match="it is CANCELLED"):
        await decide(rig, execution_id, shown=hash_shown)


async def test_what_is_no_approval_is_not_found(rig: Rig) -> None:
    execution_id = await asking(rig, node("A"))

    with pytest.raises(ExecutionNotFound):
        await rig.engine.approvals.get("unknown", "P")
    with pytest.raises(NodeNotFound):
        await rig.engine.approvals.get(execution_id, "Q")
    with pytest.raises(ApprovalNotFound):
        await rig.engine.approvals.get(execution_id, "A")


async def test_pending_approvals_are_listed_page_by_page_oldest_first(rig: Rig) -> None:
    ids = []
    for number in range(7):
        ids.append(await asking(rig))
        await rig.advance(1_000 if number % 2 else 0)
    await decide(rig, ids[3])

    found, cursor, pages = [], None, 0
    while True:
        page = await rig.engine.approvals.list(limit=2, cursor=cursor)
        found += [approval.execution_id for approval in page.items]
        cursor, pages = page.next_cursor, pages + 1
        if cursor is None:
            break

    assert sorted(found) == sorted(set(ids) - {ids[3]})
    assert [ids.index(each) // 2 for each in found] == sorted(ids.index(each) // 2 for each in found)
    assert pages == 3
    with pytest.raises(CursorInvalid):
        await rig.engine.approvals.list(cursor="nonsense")


async def test_an_approval_is_explained(rig: Rig) -> None:
    execution_id = await asking(rig, assignees=["ann", "bob"], timeout=60)

    (found,) = await rig.engine.executions.explain(execution_id)

    assert found.waiting_for.startswith("approval by ann, bob until 2")
    assert found.until_ms == rig.now_ms + 60_000
    assert found.wakes == "an answer to the approval, or its time limit"
    assert found.details["actions"] == ["decide"]


async def test_an_approval_that_fell_off_its_list_is_put_back(rig: Rig) -> None:
    execution_id = await asking(rig)
    await rig.redis.delete("workflows:approvals")

    await rig.engine.executions.trigger(execution_id)

    assert [each.execution_id for each in (await rig.engine.approvals.list()).items] == [execution_id]
    assert await rig.repairs(execution_id) == []


async def test_a_fork_asks_anew_only_when_the_change_reaches_it(rig: Rig) -> None:
    execution_id = await asking(rig, node("next", after=["P"]))
    await decide(rig, execution_id)
    await act(rig)

    behind = await rig.engine.executions.fork(execution_id, from_node="next")
    anew = await rig.engine.executions.fork(execution_id, from_node="P")
    await act(rig)

    assert behind.execution_id is not None
    assert anew.execution_id is not None
    assert await rig.status(behind.execution_id) is E.COMPLETED
    assert (await rig.nodes(anew.execution_id))["P"] is N.WAITING


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"quorum": 3, "assignees": ["ann", "bob"]}, "can never be met by 2"),
        ({"quorum": 2, "assignees": ["ann", "ann"]}, "can never be met by 1"),
        ({"quorum": 0}, "must be 1 or more, found 0"),
        ({"assignees": []}, "names 1 to 100 people"),
        ({"form": {"type": 5}}, "not a valid JSON Schema: 'config.form.type' must be one of"),
        ({"on_timeout": "approve"}, "there is none"),
        ({"timeout": 5, "on_timeout": "continue"}, "'config.on_timeout' must be 'approve'"),
        ({"prompt": None}, "must be text, found null"),
    ],
)
async def test_an_approval_that_cannot_work_is_refused(rig: Rig, config: dict[str, Any], told: str) -> None:
    with pytest.raises(DefinitionInvalid, match=told):
        await rig.submit(ask(**config))


class Processes:
    """Everything a stack has in memory, made anew at each start."""

    def __init__(self, url: str) -> None:
        self.fleet = WorkerFleet(url)
        self.clients = [connect_commands(url), connect_commands(url)]
        self.engine = Engine(*self.clients, catalogue=Catalogue)
        self.store, self.transitions = Store(self.clients[0]), Transitions(self.clients[1])

    async def stop(self) -> None:
        await self.fleet.stop_all()
        for client in self.clients:
            await client.aclose()


@pytest.mark.parametrize("ends", ["decision", "time limit"])
async def test_an_approval_survives_a_restart_of_every_process(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr("workers.worker.BLOCK_MS", 50)
    before = Processes(redis_url)
    await before.fleet.start()
    document = workflow(ask(timeout="1h", on_timeout="deny"), node("next", after=["P"]))
    execution_id = (await before.engine.executions.submit(document, trigger=True)).execution_id

    async def is_asking() -> bool:
        return bool((await before.engine.approvals.list()).items)

    await until(is_asking)
    hash_shown = (await before.engine.approvals.get(execution_id, "P")).shown
    await before.stop()

    after = Processes(redis_url)
    try:
        (found,) = (await after.engine.approvals.list()).items
        assert (found.execution_id, found.shown) == (execution_id, hash_shown)
        if ends == "decision":
            await after.engine.approvals.decide(
                execution_id, "P", decision="approve", by="ann", shown=hash_shown
            )
        else:
            after.transitions.now_ms = await after.store.now_ms() + 3_600_000
            await timers.run_once(after.store, after.transitions, after.transitions.now_ms)
        await after.fleet.start("worker-2")

        async def has_ended() -> bool:
            return (await after.engine.executions.status(execution_id)).is_terminal

        await until(has_ended)
        decided = output_of((await after.engine.executions.results(execution_id))["P"])
        assert decided["decision"] == ("approve" if ends == "decision" else "deny")
        assert await after.engine.executions.status(execution_id) is E.COMPLETED
    finally:
        await after.stop()


async def test_each_item_of_a_map_is_approved_by_itself(rig: Rig) -> None:
    mapped = ask(prompt="Pay {{ item }}?") | {"map": {"items": [5, 7]}}
    execution_id = await rig.submit(mapped)
    await act(rig)

    pending = (await rig.engine.approvals.list()).items
    for approval in pending:
        decision: Any = "approve" if approval.prompt == "Pay 5?" else "deny"
        await rig.engine.approvals.decide(
            execution_id, approval.node_id, decision=decision, by="ann", shown=approval.shown
        )
    await act(rig)

    assert {approval.node_id for approval in pending} == {"P[0]", "P[1]"}
    assert [each["decision"] for each in await output(rig, execution_id, "P")] == ["approve", "deny"]
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()
