"""Calls that are ready to be sent: a node that runs, and answers to one that waits for somebody outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson

from orchestrator.definitions.budgets import Caps, Usage
from orchestrator.execution.model import Awaiting
from orchestrator.operations.children import child_id_of
from orchestrator.states import NodeStatus, Reason, WaitingOn
from orchestrator.store.layout import lay_out
from orchestrator.store.replies import EndReply
from orchestrator.store.requests import AttemptToken, Child, Idempotency, NewHook, OperatorNote, Word
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from tests.dags import compiled
from tests.integration.registered_workflows import registration
from tests.makers import LEASE_MS, Rig, error_of, node, workflow

Prepare = Callable[[Rig], Awaitable[Call[Any]]]

KID = workflow(node("x"), node("y", after=["x"]), name="kid")
LINE = (node("A"), node("B", after=["A"]))
ANN = OperatorNote("ann", "I know better")
GO = Awaiting(WaitingOn.SIGNAL, "go", {}, 90_000, {})


def by_hand(attempt: int | None = None, key: str = "ab") -> dict[str, Any]:
    return {"note": OperatorNote("ann", attempt=attempt), "idempotency": Idempotency(key, "cd", "call")}


async def running(rig: Rig, **fields: Any) -> Any:
    """A runs; a task of another execution waits to be claimed along."""
    await rig.submit(node("A", **fields), node("B", after=["A"]))
    held = await rig.worker.start_one("A")
    await rig.submit(node("next"))
    return held


def child_of(execution_id: str, unit: str, attempt: int = 1) -> Child:
    """Make a child of two nodes, ready to be started."""
    return Child(
        execution_id=child_id_of(execution_id, unit, attempt),
        definition=orjson.dumps(KID),
        last=lay_out(compiled(KID)).last,
        extra=["inputs", b'{"n":1}'],
        most_levels=3,
        too_deep=error_of("ConfigError", "too deep"),
        output=b'{"execution_id":"its"}',
    )


def nesting(transitions: Transitions, verb: str, held: AttemptToken) -> Call[EndReply]:
    """Ask for one of the verbs of nodes that have a child."""
    if verb == "await_child":
        return transitions.await_child(held, "no-child", looks_again=False)
    return transitions.start_child(held, child_of(held.execution_id, held.node_id))


async def starting_a_child(rig: Rig, **config: Any) -> Call[Any]:
    held = await running(rig, handler="sub_workflow", config={"workflow": KID, **config})
    return rig.transitions.start_child(held, child_of(held.execution_id, "A"), claiming=rig.worker.claiming())


async def starting_a_child_aside(rig: Rig) -> Call[Any]:
    return await starting_a_child(rig, wait=False)


async def starting_a_child_too_deep(rig: Rig) -> Call[Any]:
    held = await running(rig, handler="sub_workflow", config={"workflow": KID})
    await rig.redis.hset(rig.transitions.keys.runtime(held.execution_id), "depth", 3)
    return rig.transitions.start_child(held, child_of(held.execution_id, "A"), claiming=rig.worker.claiming())


async def awaiting_a_child(rig: Rig) -> Call[Any]:
    """The child runs, and its parent has a second attempt."""
    held = await with_a_child(rig)
    return rig.transitions.await_child(held, child_of(held.execution_id, "A").execution_id, looks_again=False)


async def awaiting_a_child_that_has_ended(rig: Rig) -> Call[Any]:
    held = await with_a_child(rig)
    child_id = child_of(held.execution_id, "A").execution_id
    await rig.engine.executions.cancel(child_id, grace_ms=0, request_id="c")
    return rig.transitions.await_child(held, child_id, looks_again=True)


async def with_a_child(rig: Rig) -> Any:
    """A second attempt of A runs while its child does."""
    held = await running(rig, handler="sub_workflow", config={"workflow": KID})
    await rig.transitions.start_child(held, child_of(held.execution_id, "A"))
    await rig.redis.hdel(rig.transitions.keys.runtime(held.execution_id), "child|A")
    seq = await rig.engine.events.last_seq(held.execution_id)
    await rig.transitions.repair_execution(held.execution_id, seq=seq, repairs=["child A"])
    child_id = child_of(held.execution_id, "A").execution_id
    await rig.redis.hset(rig.transitions.keys.runtime(held.execution_id), "child|A", child_id)
    return await rig.worker.start_one("A")


async def awaiting(rig: Rig) -> Call[Any]:
    return rig.transitions.await_node(await running(rig), GO, claiming=rig.worker.claiming())


async def awaiting_what_was_kept(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.engine.signals.send(held.execution_id, "go", 1)
    return rig.transitions.await_node(held, GO, claiming=rig.worker.claiming())


async def signalling(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.transitions.await_node(held, GO)
    waiting = f";A {held.attempt};".encode()
    request = Idempotency("ab", "cd", "1")
    return rig.transitions.signal_execution(
        held.execution_id, "go", b"1", idempotency=request, waiting=waiting
    )


async def signalling_nobody(rig: Rig) -> Call[Any]:
    held = await running(rig)
    request = Idempotency("ab", "cd", "1")
    return rig.transitions.signal_execution(held.execution_id, "go", b"1", idempotency=request, waiting=b"")


async def deciding(rig: Rig, quorum: int = 1) -> Call[Any]:
    held = await running(rig)
    wait = replace(GO, on=WaitingOn.APPROVAL, awaits="hash", quorum=quorum)
    await rig.transitions.await_node(held, wait)
    return rig.transitions.decide_approval(
        held.execution_id, "A", shown="hash", decision="approve", by=b'"ann"', voter="ef", form=b"null",
        idempotency=Idempotency("ab", "cd", "1"),
    )  # fmt: skip


async def voting(rig: Rig) -> Call[Any]:
    return await deciding(rig, quorum=2)


async def passing_the_limit_of_a_wait(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.transitions.await_node(held, GO)
    rig.transitions.now_ms = rig.now_ms + 90_000
    return rig.transitions.wake_node(held.execution_id, "A", held.attempt, WaitingOn.SIGNAL)


async def pausing(rig: Rig) -> Call[Any]:
    held = await running(rig)
    return rig.transitions.pause_execution(held.execution_id, by=b'"ann"', reason=b"null", request="ab")


async def resuming(rig: Rig) -> Call[Any]:
    """A is held and has a task again, B waits for it."""
    held = await running(rig)
    await rig.engine.executions.pause(held.execution_id, request_id="1")
    await rig.transitions.release_node(held)
    return rig.transitions.resume_execution(held.execution_id, by=b'"ann"', reason=b"null", request="ab")


async def claiming_what_is_paused(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(*LINE)
    (task,) = await rig.worker.read()
    await rig.engine.executions.pause(execution_id, request_id="1")
    return rig.transitions.claim_node(
        rig.worker.token(task), message_id=task.message_id, queue="default", worker_id="w1", lease_ms=90_000
    )


async def waking_what_is_paused(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.worker.retry(held, 1_000)
    await rig.engine.executions.pause(held.execution_id, request_id="1")
    rig.transitions.now_ms = rig.now_ms + 1_000
    return rig.transitions.wake_node(held.execution_id, "A", held.attempt, WaitingOn.BACK_OFF)


async def failing_what_asks(rig: Rig) -> Call[Any]:
    held = await running(rig, retry={"max_attempts": 1, "on_exhausted": "pause"})
    return rig.transitions.fail_node(
        held, error_of(), reason=Reason.ERROR, is_dead=True, claiming=rig.worker.claiming()
    )


def handling(rig: Rig, verb: str, execution_id: str) -> Call[Any]:
    """An operator's word about B."""
    if verb == "retry_node_now":
        return rig.transitions.retry_node_now(execution_id, "B", **by_hand())
    return rig.transitions.override_node(execution_id, "B", "complete", b"{}", **by_hand())


async def overriding(rig: Rig, word: Word = "complete") -> Call[Any]:
    held = await running(rig)
    return rig.transitions.override_node(held.execution_id, "A", word, b"{}", **by_hand())


async def overriding_with_a_failure(rig: Rig) -> Call[Any]:
    return await overriding(rig, "fail")


async def hurrying(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.worker.retry(held, 90_000)
    return rig.transitions.retry_node_now(held.execution_id, "A", **by_hand())


#: Each with the first word of its answer when it is sent again, where that differs.
INTERVENTIONS: dict[str, tuple[Prepare, str]] = {
    "fail_node, asks": (failing_what_asks, "dup"),
    "pause_execution": (pausing, "already"),
    "resume_execution": (resuming, "already"),
    "claim_node, paused": (claiming_what_is_paused, "stale"),
    "wake_node, paused": (waking_what_is_paused, ""),
    "override_node": (overriding, ""),
    "override_node, fails": (overriding_with_a_failure, ""),
    "retry_node_now": (hurrying, ""),
}


#: For the tests of calls sent again: what is asked, and the first word of the answer to the second call.
CHILDREN: dict[str, tuple[Prepare, str]] = {
    "start_child": (starting_a_child, "dup"),
    "start_child, aside": (starting_a_child_aside, "dup"),
    "start_child, too deep": (starting_a_child_too_deep, "dup"),
    "await_child": (awaiting_a_child, "dup"),
    "await_child, ended": (awaiting_a_child_that_has_ended, "dup"),
}


async def expiring(rig: Rig) -> Call[Any]:
    held = await running(rig, schedule_to_close_timeout=5)
    rig.transitions.now_ms = rig.now_ms + 5_000
    return rig.transitions.expire_node(held.execution_id, "A", "1")


async def expire_b(rig: Rig, execution_id: str, status: NodeStatus) -> str:
    """Let the time of B pass, which is a minute; what is PENDING has begun to count only when it is held."""
    rig.transitions.now_ms = rig.now_ms + 60_000
    if status is NodeStatus.PENDING:
        await rig.redis.hset(rig.engine.keys.runtime(execution_id), "close_ms|B", rig.now_ms)
    return (await rig.transitions.expire_node(execution_id, "B", "1"))[0]


async def renewing(rig: Rig) -> Call[Any]:
    held = await running(rig)
    return rig.transitions.renew_leases([held, held._replace(nonce="lost")], lease_ms=90_000)


async def stamping(rig: Rig) -> Call[Any]:
    await rig.transitions.stamp_tick(lease_ms=LEASE_MS)
    rig.transitions.now_ms = rig.now_ms + 60_000
    return rig.transitions.stamp_tick(lease_ms=LEASE_MS)


async def announcing(rig: Rig) -> Call[Any]:
    return rig.transitions.announce_worker("w1", ["default"], ["name", "worker-1", "slots", 4])


async def publishing(rig: Rig) -> Call[Any]:
    return rig.transitions.publish_handlers("digest", b"[]")


async def forgetting(rig: Rig) -> Call[Any]:
    return rig.transitions.forget_consumers("default", idle_ms=-1)


async def continuing(rig: Rig) -> Call[Any]:
    """A worklist that one call empties."""
    many = [node(f"n{i}", after=["A"]) for i in range(320)]
    execution_id = await rig.submit(node("A"), *many)
    await rig.worker.complete(await rig.worker.start_one("A"))
    return rig.transitions.continue_execution(execution_id)


async def staging(rig: Rig) -> Call[Any]:
    layout = lay_out(compiled(workflow(*(node(f"n{i}") for i in range(500)))))
    return rig.transitions.stage_execution("x1", layout.staged[0])


async def reserving(rig: Rig) -> Call[Any]:
    held = await running_on_a_budget(rig)
    return rig.transitions.reserve_budget(held, number=1, tokens=60, nanos=5, tenant=Caps(60, 5))


async def settling(rig: Rig) -> Call[Any]:
    held = await running_on_a_budget(rig)
    await rig.transitions.reserve_budget(held, number=1, tokens=60, nanos=5, tenant=Caps(60, 5))
    day = str(rig.now_ms // 86_400_000)
    used = Usage(calls=1, input=3, output=4, cost_nanos=2)
    return rig.transitions.settle_budget(held, number=1, held=(60, 5, day), used=used)


async def running_on_a_budget(rig: Rig) -> Any:
    # At noon: a minute later must be the same day.
    rig.transitions.now_ms = (rig.now_ms // 86_400_000 + 1) * 86_400_000 + 43_200_000
    await rig.submit(node("A"), budget={"max_tokens": 100, "daily": {"max_cost_usd": 1}})
    return await rig.worker.start_one("A")


async def registering(rig: Rig) -> Call[Any]:
    return rig.transitions.register_workflow(registration())


async def changing_a_workflow(rig: Rig) -> Call[Any]:
    await rig.transitions.register_workflow(registration())
    return rig.transitions.register_workflow(registration(revision=1, hash="h2"))


async def bringing_a_secret(rig: Rig) -> Call[Any]:
    hook = NewHook("webhook:wh_a", "h1", "hub256", "", "none", "x", "1 - one")
    await rig.transitions.register_workflow(replace(registration(), webhooks=[hook]))
    changed = hook._replace(secrets="2 - two")
    return rig.transitions.register_workflow(replace(registration(revision=1), webhooks=[changed]))


async def removing_a_workflow(rig: Rig) -> Call[Any]:
    await rig.transitions.register_workflow(registration())
    return rig.transitions.remove_workflow("default", registration().workflow_id, revision=1)


REGISTRY: dict[str, tuple[Prepare, str]] = {
    "register_workflow": (registering, ""),
    "register_workflow, changed": (changing_a_workflow, ""),
    "register_workflow, a secret": (bringing_a_secret, ""),
    "remove_workflow": (removing_a_workflow, ""),
    "publish_handlers": (publishing, ""),
}
