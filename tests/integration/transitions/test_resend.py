"""Every script sent again with the same arguments: the reply may have been lost, nothing may happen twice."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.states import Reason, WaitingOn
from orchestrator.store.fork_layout import Reuse
from orchestrator.store.layout import lay_out
from orchestrator.store.library import script_names
from orchestrator.store.replies import EndReply
from orchestrator.store.requests import Idempotency, KeyClaim
from orchestrator.store.script_client import Call
from tests.dags import compiled
from tests.integration.transitions.calls_of_parts import PARTS
from tests.integration.transitions.prepared_calls import (
    CHILDREN,
    INTERVENTIONS,
    LINE,
    Prepare,
    announcing,
    awaiting,
    awaiting_what_was_kept,
    continuing,
    deciding,
    expiring,
    forgetting,
    passing_the_limit_of_a_wait,
    publishing,
    renewing,
    reserving,
    running,
    settling,
    signalling,
    signalling_nobody,
    staging,
    stamping,
    voting,
)
from tests.makers import LEASE_MS, Rig, error_of, node, workflow


async def completing(rig: Rig) -> Call[Any]:
    return rig.transitions.complete_node(await running(rig), b'{"n":1}', claiming=rig.worker.claiming())


async def failing(rig: Rig) -> Call[Any]:
    held = await running(rig)
    return rig.transitions.fail_node(
        held, error_of(), reason=Reason.ERROR, is_dead=True, claiming=rig.worker.claiming()
    )


async def retrying(rig: Rig) -> Call[Any]:
    return rig.transitions.retry_node(
        await running(rig), error_of(), delay_ms=90_000, claiming=rig.worker.claiming()
    )


async def skipping(rig: Rig) -> Call[Any]:
    return rig.transitions.skip_node(
        await running(rig), reason=Reason.HANDLER_SKIPPED, data=b"{}", claiming=rig.worker.claiming()
    )


async def waiting(rig: Rig) -> Call[Any]:
    return rig.transitions.wait_node(
        await running(rig),
        on=WaitingOn.DELAY,
        delay_ms=90_000,
        until_ms=None,
        output=b"{}",
        claiming=rig.worker.claiming(),
    )


async def mapping(rig: Rig) -> Call[Any]:
    return rig.transitions.map_node(await running(rig), [b"1"], tolerated=0, stops=False)


async def staging_items(rig: Rig) -> Call[Any]:
    return rig.transitions.stage_items(await running(rig), 0, [b"1", b"2"])


async def releasing(rig: Rig) -> Call[Any]:
    return rig.transitions.release_node(await running(rig))


async def calling_off(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.engine.executions.cancel(held.execution_id, request_id="1")
    return rig.transitions.cancel_node(held, rig.worker.claiming())


async def claiming(rig: Rig) -> Call[Any]:
    await rig.submit(*LINE)
    (task,) = await rig.worker.read()
    return rig.transitions.claim_node(
        rig.worker.token(task),
        message_id=task.message_id,
        queue="default",
        worker_id="w1",
        lease_ms=90_000,
    )


async def handing_back(rig: Rig) -> Call[Any]:
    await rig.submit(*LINE)
    (task,) = await rig.worker.read()
    return rig.transitions.hand_back_node(
        task.execution_id,
        "A",
        1,
        message_id=task.message_id,
        queue="default",
        is_offered=False,
        error=error_of(),
    )


async def waking_a_delay(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.worker.delay(held, 1_000)
    rig.transitions.now_ms = rig.now_ms + 1_000
    return rig.transitions.wake_node(held.execution_id, "A", held.attempt, WaitingOn.DELAY)


async def waking_a_back_off(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.worker.retry(held, 1_000)
    rig.transitions.now_ms = rig.now_ms + 1_000
    return rig.transitions.wake_node(held.execution_id, "A", held.attempt, WaitingOn.BACK_OFF)


async def timing_out(rig: Rig) -> Call[Any]:
    held = await running(rig, start_to_close_timeout=5)
    rig.transitions.now_ms = rig.now_ms + 6_000
    return rig.transitions.time_out_node(
        held.execution_id, "A", held.attempt, "start_to_close", error=error_of(), delay_ms=90_000
    )


async def reaping(rig: Rig) -> Call[Any]:
    held = await running(rig)
    rig.transitions.now_ms = rig.now_ms + LEASE_MS
    return rig.transitions.reap_node(
        held.execution_id, "A", held.attempt, lost=error_of("LeaseLost"), poison=error_of("Poison")
    )


async def reporting(rig: Rig) -> Call[Any]:
    held = await running(rig)
    lines = [(1, "node.log", b"{}"), (2, "node.event", b"{}"), (3, "node.progress", b"{}")]
    return rig.transitions.report_events(held, lines)


async def reusing(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(*LINE)
    await rig.worker.run_all()
    for part in lay_out(compiled(workflow(*LINE)), is_staged=True).staged:
        await rig.transitions.stage_execution("x1", part)
    return rig.transitions.reuse_nodes("x1", execution_id, Reuse((("A", "COMPLETED"),), ("c|B", "1 0 0 0 0")))


async def creating(rig: Rig) -> Call[Any]:
    document = workflow(*LINE)
    return rig.transitions.create_execution(
        "x1",
        orjson.dumps(document),
        lay_out(compiled(document)).last,
        idempotency=Idempotency("key", "hash", "call"),
        is_started=True,
    )


def creating_under_a_key(policy: str) -> Prepare:
    """The key belongs to an execution that has not ended."""

    async def prepare(rig: Rig) -> Call[Any]:
        document = workflow(*LINE)
        text, last, key = orjson.dumps(document), lay_out(compiled(document)).last, KeyClaim("d1", policy)
        await rig.transitions.create_execution("x0", text, last, key=key, is_started=True)
        request = Idempotency("key", "hash", "call")
        return rig.transitions.create_execution(
            "x1", text, last, key=key, idempotency=request, is_started=True
        )

    return prepare


async def starting(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(*LINE, trigger=False)
    return rig.transitions.start_execution(execution_id, b'{"n":1}', b'{"source":"manual"}')


async def cancelling(rig: Rig) -> Call[Any]:
    held = await running(rig)
    return rig.transitions.cancel_execution(
        held.execution_id, reason='"why"', grace_ms=90_000, request_id="1"
    )


async def enforcing(rig: Rig) -> Call[Any]:
    held = await running(rig)
    await rig.engine.executions.cancel(held.execution_id, grace_ms=1_000, request_id="1")
    rig.transitions.now_ms = rig.now_ms + 1_000
    return rig.transitions.enforce_cancel(held.execution_id, "1")


async def passing_the_deadline(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(*LINE, execution_timeout=5)
    rig.transitions.now_ms = rig.now_ms + 5_000
    return rig.transitions.time_out_execution(execution_id, "1", error_of("Timeout.Execution"))


async def retrying_in_place(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(*LINE)
    await rig.worker.run_all(failing=["A"])
    items = ["reset A 0 0 0 0 0", "reset B 0 0 0 0 0", "decide A", "decide B"]
    return rig.transitions.retry_execution(
        execution_id, generation=1, position=0, nodes=["A", "B"], items=items
    )


async def retrying_chosen_nodes(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(*LINE, node("X"))
    await rig.worker.run_all(failing=["X"])
    items = ["renew B 0 0 0 0 0", "decide B"]
    return rig.transitions.retry_execution(
        execution_id, generation=1, position=0, nodes=["B"], items=items, failed=1
    )


async def listing_chosen_nodes(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(*LINE)
    await rig.worker.run_all(failing=["A"])
    items = ["reset A 0 0 0 0 0"]
    return rig.transitions.retry_execution(execution_id, generation=1, position=0, nodes=None, items=items)


async def repairing(rig: Rig) -> Call[Any]:
    execution_id = await rig.submit(*LINE)
    seq = await rig.engine.events.last_seq(execution_id)
    return rig.transitions.repair_execution(execution_id, seq=seq, repairs=["requeue A 1"])


#: What each script is asked, and the first word of its answer when it is asked again, where that differs.
#: All these words mean to the caller that what it asked for has been done.
CASES: dict[str, tuple[Prepare, str]] = {
    "complete_node": (completing, "dup"),
    "fail_node": (failing, "dup"),
    "retry_node": (retrying, "dup"),
    "skip_node": (skipping, "dup"),
    "wait_node": (waiting, "dup"),
    "map_node": (mapping, "dup"),
    "stage_items": (staging_items, ""),
    **CHILDREN,
    "await_node": (awaiting, "dup"),
    # The same call has claimed the unit again, under another nonce: that of the wait is no longer known.
    "await_node, kept": (awaiting_what_was_kept, "fenced"),
    "signal_execution": (signalling, ""),
    "signal_execution, kept": (signalling_nobody, ""),
    "decide_approval": (deciding, ""),
    "decide_approval, of two": (voting, ""),
    "wake_node, time limit": (passing_the_limit_of_a_wait, "stale"),
    **INTERVENTIONS,
    "release_node": (releasing, "dup"),
    "cancel_node": (calling_off, "dup"),
    "claim_node": (claiming, ""),
    "hand_back_node": (handing_back, "stale"),
    "wake_node": (waking_a_delay, "stale"),
    "wake_node, back-off": (waking_a_back_off, "stale"),
    "time_out_node": (timing_out, "stale"),
    "expire_node": (expiring, "stale"),
    "reap_node": (reaping, "stale"),
    "report_events": (reporting, ""),
    "reserve_budget": (reserving, ""),
    "settle_budget": (settling, ""),
    "stage_execution": (staging, ""),
    "reuse_nodes": (reusing, ""),
    "create_execution": (creating, ""),
    "create_execution, key taken": (creating_under_a_key("fail"), ""),
    "create_execution, existing": (creating_under_a_key("use_existing"), ""),
    "create_execution, another ended": (creating_under_a_key("terminate_existing"), ""),
    "start_execution": (starting, "already"),
    "cancel_execution": (cancelling, "already"),
    "enforce_cancel": (enforcing, "stale"),
    "time_out_execution": (passing_the_deadline, "stale"),
    "retry_execution": (retrying_in_place, "already"),
    "retry_execution, of nodes": (retrying_chosen_nodes, "already"),
    "retry_execution, listed": (listing_chosen_nodes, ""),
    "repair_execution": (repairing, "moved"),
    "continue_execution": (continuing, "idle"),
    "renew_leases": (renewing, ""),
    "stamp_tick": (stamping, ""),
    "announce_worker": (announcing, ""),
    "publish_handlers": (publishing, ""),
    "forget_consumers": (forgetting, ""),
    **PARTS,
}


@pytest.mark.parametrize("case", CASES)
async def test_a_call_sent_again_does_nothing_twice(rig: Rig, case: str) -> None:
    prepare, again = CASES[case]
    call = await prepare(rig)
    first = await call
    before = await rig.dump()

    second = await call

    assert in_words(second) == (in_words(first) if not again else [again, *in_words(first)[1:]])
    assert await rig.dump() == before


#: These answer with the present moment, so a minute later they rightly write another one.
_OF_THE_MOMENT = {"renew_leases", "stamp_tick", "announce_worker", "publish_handlers", "open_session"}


@pytest.mark.parametrize("case", [case for case in CASES if case not in _OF_THE_MOMENT])
async def test_a_call_delivered_a_minute_late_changes_nothing(rig: Rig, case: str) -> None:
    prepare, again = CASES[case]
    call = await prepare(rig)
    await call
    second = await call
    rig.transitions.now_ms = rig.now_ms + 60_000
    before = await rig.dump()

    third = await call

    assert in_words(third)[0] == (again or in_words(second)[0])
    assert await rig.dump() == before


def in_words(answer: Any) -> list[Any]:
    """Put an answer into a list that begins with its word."""
    if isinstance(answer, EndReply):
        return [answer.word, answer.more, answer.claims, answer.unoffered]
    if isinstance(answer, (list, tuple)):
        return list(answer)
    return [answer]


def test_every_script_is_sent_again() -> None:
    # What makes other calls is sent again in test_end_nodes.py.
    assert {case.partition(",")[0] for case in CASES} == set(script_names()) - {"end_nodes"}
