"""Executions of every kind that may be purged: each maker gives the id of one."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.budgets import NO_CAPS, Usage
from orchestrator.engine import Idempotency
from orchestrator.store.requests import AttemptToken
from tests.integration.durable_units import append, parked, post
from tests.integration.mapped_nodes import listed, tens, tens_registered
from tests.integration.static_layouts import set_plan
from tests.integration.transitions.prepared_calls import child_of
from tests.integration.transitions.started_children import begin, nested
from tests.integration.waiting_nodes import asking, decide, waiting
from tests.makers import Rig, node, workflow
from tests.older_layouts import restore_ended


async def reserve(rig: Rig, held: AttemptToken) -> list[Any]:
    """Set aside what a call may use."""
    return await rig.transitions.reserve_budget(held, number=1, tokens=60, nanos=0, tenant=NO_CAPS)


async def settle(rig: Rig, held: AttemptToken, day: str) -> str:
    """Count what the call has used: 40 tokens."""
    used = Usage(calls=1, input=30, output=10)
    return await rig.transitions.settle_budget(held, number=1, held=(60, 0, day), used=used)


async def a_chain(rig: Rig) -> str:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]), inputs={"type": "object"})
    await rig.worker.run_all()
    return execution_id


async def an_output(rig: Rig) -> str:
    execution_id = await rig.submit(node("A"), output={"of": "{{ A }}"})
    await rig.worker.run_all()
    return execution_id


async def a_map(rig: Rig) -> str:
    with tens_registered():
        execution_id, held = await listed(rig, tens([1, 2, 3], tolerated_failure_count=1))
        await rig.worker.complete(held["A[0]"])
        await rig.worker.complete(held["A[1]"])
        await rig.worker.fail(held["A[2]"], is_dead=True)
        await rig.worker.run_all()
    return execution_id


async def letters(rig: Rig) -> str:
    execution_id = await parked(rig)
    for _ in range(2):
        await post(rig, execution_id, payload=b"[1]")
    held = await rig.worker.start_one("A")
    await append(rig, held, 1, takes=1)
    await append(rig, held, 2)
    await rig.transitions.snapshot_journal(held, 1, b"{}")
    await rig.worker.complete(held)
    await rig.worker.run_all()
    return execution_id


async def signals(rig: Rig) -> str:
    execution_id = await waiting(rig)
    await rig.engine.signals.send(execution_id, "other", 1)
    await rig.engine.signals.send(execution_id, "go", {"n": 1})
    return execution_id


async def an_approval(rig: Rig) -> str:
    execution_id = await asking(rig, timeout=60)
    await decide(rig, execution_id)
    return execution_id


async def an_approval_nobody_gave(rig: Rig) -> str:
    execution_id = await asking(rig, timeout=60)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="c")
    return execution_id


async def with_child(rig: Rig) -> tuple[str, str, AttemptToken]:
    return await begin(rig, nested("S"), node("B", after=["S"]))


async def grandchildren(rig: Rig) -> str:
    """Two levels below the root, and another child beside them."""
    execution_id, _, x = await begin(rig, nested("S"), nested("T"))
    grandchild = child_of(x.execution_id, "x")
    await set_plan(rig, x.execution_id, "node|x", "sub_workflow default x 0 0 1 0 0 child=terminate")
    assert (await rig.transitions.start_child(x, grandchild)).word == "ok"
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="c")
    for each in (x.execution_id, grandchild.execution_id):
        assert (await rig.status(each)).is_terminal
    return execution_id


async def dead_letters(rig: Rig) -> str:
    execution_id = await rig.submit(node("A"), node("B"), node("C", after=["A"]))
    held = await rig.worker.start()
    for token in held.values():
        await rig.worker.fail(token, is_dead=True)
    assert len((await rig.engine.dead_letters.list()).items) == 2
    return execution_id


async def retried(rig: Rig) -> str:
    execution_id = await dead_letters(rig)
    await rig.engine.executions.retry(execution_id)
    await rig.worker.run_all(failing=["B"])
    # A stream that a retry has emptied stays, and is nobody's.
    await rig.redis.delete("workflows:dead")
    return execution_id


async def paused_and_cancelled(rig: Rig) -> str:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]), node("C", after=["A"]))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.pause(execution_id, request_id="p")
    await rig.worker.complete(held)
    await rig.engine.executions.cancel(execution_id, grace_ms=1_000, request_id="c")
    return execution_id


async def timed_out(rig: Rig) -> str:
    execution_id = await rig.submit(
        node("A", schedule_to_close_timeout=90, start_to_close_timeout=80), execution_timeout=5
    )
    await rig.worker.start()
    await rig.advance(5_000)
    return execution_id


async def large(rig: Rig) -> str:
    execution_id = await rig.submit(*(node(f"n{number}") for number in range(2_500)))
    await rig.drain_worklist(execution_id)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="c")
    return execution_id


async def never_started(rig: Rig) -> str:
    return await rig.submit(*(node(f"n{number}") for number in range(500)), trigger=False)


async def made_under_a_key(rig: Rig) -> str:
    request = Idempotency.named("order-17", route="POST /v1/executions", body=b"{}")
    made = await rig.engine.executions.submit(workflow(node("A")), idempotency=request, trigger=True)
    await rig.worker.run_all()
    return made.execution_id


async def of_layout_1(rig: Rig) -> str:
    return await restore_ended(rig.redis, 1)


async def of_layout_2(rig: Rig) -> str:
    return await restore_ended(rig.redis, 2)


MAKERS = (
    a_chain, an_output, a_map, letters, signals, an_approval, an_approval_nobody_gave, grandchildren,
    dead_letters, retried, paused_and_cancelled, timed_out, large, never_started, made_under_a_key,
    of_layout_1, of_layout_2,
)  # fmt: skip
