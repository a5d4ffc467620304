"""Executions of a layout that is not known: nothing changes them, and no task of theirs is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from orchestrator.definitions.budgets import NO_CAPS
from orchestrator.engine import Engine
from orchestrator.errors import LayoutUnknown
from orchestrator.execution.model import Awaiting
from orchestrator.loops import leases, timers
from orchestrator.loops.sweep import Sweep
from orchestrator.redis_keys import Keys, lease_member, timer_member
from orchestrator.states import ExecutionStatus, Reason, WaitingOn
from orchestrator.store import library
from orchestrator.store.layout import VERSION
from orchestrator.store.requests import AttemptToken, Idempotency, OperatorNote
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from tests.fake_handlers import ended, start
from tests.makers import LEASE_MS, Rig, WorkerFleet, error_of, node, until
from tests.older_layouts import set_layout
from workers.handlers import Catalogue
from workers.runtime import task_reader
from workers.runtime.shares import Shares
from workers.runtime.task_reader import TaskReader

E = ExecutionStatus
NEWER = VERSION + 1
KEY = Idempotency("ab", "cd", "call")
NOTE = OperatorNote("ann")
GO = Awaiting(WaitingOn.SIGNAL, "go", {}, 90_000, {})

#: Every verb that opens an execution, asked of one whose node A runs.
VERBS: dict[str, Callable[[Transitions, AttemptToken], Call[Any]]] = {
    "start_execution": lambda t, a: t.start_execution(a.execution_id, b"{}"),
    "cancel_execution": lambda t, a: t.cancel_execution(
        a.execution_id, reason="null", grace_ms=0, request_id="1"
    ),
    "enforce_cancel": lambda t, a: t.enforce_cancel(a.execution_id, "1"),
    "time_out_execution": lambda t, a: t.time_out_execution(a.execution_id, "1", error_of()),
    "retry_execution": lambda t, a: t.retry_execution(
        a.execution_id, generation=1, position=0, nodes=["A"], items=["reset A"]
    ),
    "continue_execution": lambda t, a: t.continue_execution(a.execution_id),
    "repair_execution": lambda t, a: t.repair_execution(a.execution_id, seq=4, repairs=["requeue A"]),
    "pause_execution": lambda t, a: t.pause_execution(
        a.execution_id, by=b"null", reason=b"null", request="1"
    ),
    "resume_execution": lambda t, a: t.resume_execution(
        a.execution_id, by=b"null", reason=b"null", request="1"
    ),
    "claim_node": lambda t, a: t.claim_node(
        a, message_id="1-0", queue="default", worker_id="w1", lease_ms=LEASE_MS
    ),
    "hand_back_node": lambda t, a: t.hand_back_node(
        a.execution_id, "A", 1, message_id="1-0", queue="default", is_offered=False, error=error_of()
    ),
    "wake_node": lambda t, a: t.wake_node(a.execution_id, "A", 1, WaitingOn.DELAY),
    "time_out_node": lambda t, a: t.time_out_node(
        a.execution_id, "A", 1, "start_to_close", error=error_of(), delay_ms=None
    ),
    "expire_node": lambda t, a: t.expire_node(a.execution_id, "A", "1"),
    "reap_node": lambda t, a: t.reap_node(a.execution_id, "A", 1, lost=error_of(), poison=error_of()),
    "complete_node": lambda t, a: t.complete_node(a, b"{}"),
    "fail_node": lambda t, a: t.fail_node(a, error_of(), reason=Reason.ERROR, is_dead=True),
    "retry_node": lambda t, a: t.retry_node(a, error_of(), delay_ms=1),
    "skip_node": lambda t, a: t.skip_node(a, reason=Reason.HANDLER_SKIPPED, data=b"{}"),
    "wait_node": lambda t, a: t.wait_node(
        a, on=WaitingOn.DELAY, delay_ms=1, until_ms=None, output=b"{}"
    ),
    "map_node": lambda t, a: t.map_node(a, [b"1"], tolerated=0, stops=False),
    "release_node": lambda t, a: t.release_node(a),
    "cancel_node": lambda t, a: t.cancel_node(a),
    "await_node": lambda t, a: t.await_node(a, GO),
    "await_child": lambda t, a: t.await_child(a, "child", looks_again=False),
    "await_letter": lambda t, a: t.await_letter(a, until_ms=None, waits_for=b"[]"),
    "append_journal": lambda t, a: t.append_journal(a, 1, b"{}"),
    "snapshot_journal": lambda t, a: t.snapshot_journal(a, 0, b"{}"),
    "post_letter": lambda t, a: t.post_letter(a.execution_id, "A", b"1", idempotency=KEY),
    "report_events": lambda t, a: t.report_events(a, [(1, "node.log", b"{}")]),
    "reserve_budget": lambda t, a: t.reserve_budget(a, number=1, tokens=1, nanos=1, tenant=NO_CAPS),
    "settle_budget": lambda t, a: t.settle_budget(a, number=1, held=(1, 1, "1"), used=None),
    "override_node": lambda t, a: t.override_node(
        a.execution_id, "A", "complete", b"{}", note=NOTE, idempotency=KEY
    ),
    "retry_node_now": lambda t, a: t.retry_node_now(a.execution_id, "A", note=NOTE, idempotency=KEY),
    "signal_execution": lambda t, a: t.signal_execution(
        a.execution_id, "go", b"1", idempotency=KEY, waiting=b""
    ),
    "decide_approval": lambda t, a: t.decide_approval(
        a.execution_id, "A", shown="x", decision="approve", by=b'"ann"', voter="ef", form=b"null",
        idempotency=KEY,
    ),
}  # fmt: skip


async def running(rig: Rig) -> AttemptToken:
    """An execution of a newer version that is being cancelled, and whose node A runs under a lost lease."""
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")
    await set_layout(rig.redis, execution_id, NEWER)
    await rig.redis.hset(f"workflow:{execution_id}:runtime", "cancelling", "user")
    await rig.redis.zadd("workflows:leases", {lease_member(execution_id, "A", 1): rig.now_ms - 1})
    return held


# Scripts


@pytest.mark.parametrize("verb", VERBS)
async def test_a_script_refuses_it_and_changes_nothing(rig: Rig, verb: str) -> None:
    held = await running(rig)
    before = await rig.dump()

    with pytest.raises(LayoutUnknown) as refused:
        await VERBS[verb](rig.transitions, held)

    error = refused.value
    assert (error.execution_id, error.found, error.known) == (held.execution_id, str(NEWER), str(VERSION))
    assert await rig.dump() == before


async def test_an_end_that_would_claim_takes_no_other_task(rig: Rig) -> None:
    held = await running(rig)
    await rig.submit(node("other"))
    before = await rig.dump()

    with pytest.raises(LayoutUnknown):
        await rig.worker.complete(held, claiming=rig.worker.claiming())

    assert await rig.dump() == before


async def test_among_ends_sent_together_only_its_own_is_refused(rig: Rig) -> None:
    await rig.submit(node("mine"))
    mine = await rig.worker.start_one("mine")
    held = await running(rig)

    refused, done = await rig.transitions.end_all(
        [rig.transitions.complete_node(each, b"{}") for each in (held, mine)]
    )

    assert isinstance(refused, LayoutUnknown)
    assert done.word == "ok"
    assert await rig.status(mine.execution_id) is E.COMPLETED


async def test_it_is_said_once_and_not_for_each_call(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    held = await running(rig)

    with caplog.at_level(logging.WARNING):
        calls = [rig.transitions.continue_execution(held.execution_id) for _ in range(50)]
        await rig.transitions.call_all(calls, are_apart=True)

    (record,) = caplog.records
    assert record.message == "store.layout_unknown"
    assert (vars(record)["execution_id"], vars(record)["layout"]) == (held.execution_id, str(NEWER))


# Questions


async def test_asked_for_by_its_id_it_is_named_and_it_hides_no_other(
    rig: Rig, client: httpx2.AsyncClient
) -> None:
    held = await running(rig)
    await rig.submit(node("other"))
    place = f"/v1/executions/{held.execution_id}"

    answers = [
        await client.get(place),
        await client.get(f"{place}/nodes/A"),
        await client.get(f"{place}/explain"),
        await client.post(f"{place}/replay", json={}),
        await client.post(f"{place}/cancel", json={}),
    ]
    listed = await client.get("/v1/executions")

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(409, "LAYOUT_UNKNOWN")] * 5
    assert len(listed.json()["items"]) == 1
    assert held.execution_id not in listed.text


# Loops


async def test_its_timers_and_leases_stand_back_behind_those_of_all_others(rig: Rig) -> None:
    held = [await running(rig) for _ in range(3)]
    for each in held:
        timer = timer_member("back_off", each.execution_id, "A", 1)
        await rig.redis.zadd("workflows:timers", {timer: rig.now_ms})

    done = [
        (
            await timers.run_once(rig.store, rig.transitions, rig.now_ms),
            await leases.run_once(rig.store, rig.transitions, rig.now_ms),
        )
        for _ in range(2)
    ]

    assert done == [(3, 3), (0, 0)]
    # Put off, and none of them taken away.
    assert await rig.redis.zcard("workflows:timers") == await rig.redis.zcard("workflows:leases") == 3


@pytest.mark.parametrize("layout", [VERSION - 1, NEWER])
async def test_the_sweep_leaves_it_alone(rig: Rig, layout: int, caplog: pytest.LogCaptureFixture) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.redis.delete("workflow:tasks")
    await set_layout(rig.redis, execution_id, layout)
    before = await rig.dump()

    with caplog.at_level(logging.WARNING):
        done = await Sweep(rig.store, rig.transitions).run_once(rig.now_ms + 60_000, is_thorough=True)

    assert done == 0
    assert await rig.dump() == before
    assert not caplog.records


# Workers


async def pending(redis: Any) -> list[dict[str, Any]]:
    """The tasks that workers have; none before there is a group."""
    if not await redis.exists("workflow:tasks") or not await redis.xinfo_groups("workflow:tasks"):
        return []
    found: list[dict[str, Any]] = await redis.xpending_range(
        "workflow:tasks", "workflow_group", "-", "+", 100
    )
    return found


async def leave_to_others(redis: Any) -> None:
    """Wait until the one task there is has been met, and given free for others to take."""

    async def is_free() -> bool:
        rows = await pending(redis)
        return bool(rows) and rows[0]["time_since_delivered"] >= task_reader.UNCLAIMED_MS

    await until(is_free)


async def test_a_worker_leaves_its_task_to_one_that_knows_it(
    rig: Rig, fleet: WorkerFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await rig.submit(node("A"))
    await set_layout(rig.redis, execution_id, NEWER)
    before = await rig.dump()

    await fleet.start("ours")
    await leave_to_others(rig.redis)
    after = await rig.dump()
    monkeypatch.setattr(library, "VERSION", NEWER)
    newer = await fleet.start("newer")

    assert await ended(rig.engine, execution_id) is E.COMPLETED
    own = [key for key in before if execution_id in key]
    assert {key: after[key] for key in own} == {key: before[key] for key in own}
    record = (await rig.redis.hget(f"workflow:{execution_id}:runtime", "r|A")).decode()
    assert record.endswith(newer.worker_id)


async def test_a_worker_that_has_met_one_runs_all_others(rig: Rig, fleet: WorkerFleet) -> None:
    foreign = await rig.submit(node("A"))
    await set_layout(rig.redis, foreign, NEWER)
    worker = await fleet.start()
    await leave_to_others(rig.redis)

    mine = await rig.submit(node("A"), node("B", after=["A"]))

    assert await ended(rig.engine, mine) is E.COMPLETED
    assert await rig.status(foreign) is E.RUNNING
    assert len(await pending(rig.redis)) == 1
    assert not worker.attempts.running


async def test_a_worker_without_its_handler_leaves_it_too(rig: Rig, fleet: WorkerFleet) -> None:
    elsewhere = Engine(rig.redis, rig.redis, catalogue=lambda names, cards: Catalogue(frozenset({"exotic"})))
    execution_id = await start(elsewhere, node("A", handler="exotic"))
    await set_layout(rig.redis, execution_id, NEWER)

    await fleet.start()
    await leave_to_others(rig.redis)
    mine = await rig.submit(node("A"))

    assert await ended(rig.engine, mine) is E.COMPLETED
    assert await rig.redis.get(f"workflow:{execution_id}:node:A") == b"QUEUED"


async def test_a_worker_that_has_met_one_looks_for_unclaimed_tasks_later(rig: Rig) -> None:
    """It would take the same one again, before those that know it."""
    execution_id = await rig.submit(node("A"))
    await set_layout(rig.redis, execution_id, NEWER)
    reader = TaskReader(rig.redis, Keys(), consumer="ours", shares=Shares(("default",)))
    await reader.open()
    (task,) = await reader.read_now(1)

    await reader.leave_to_others([task])

    assert await reader.read(1, block_ms=1) == []
    other = TaskReader(rig.redis, Keys(), consumer="newer", shares=Shares(("default",)))
    assert [each.execution_id for each in await other.read(1, block_ms=1)] == [execution_id]
