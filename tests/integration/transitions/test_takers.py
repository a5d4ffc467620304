"""Who takes over from a failed node: named by whoever reports the failure, if its catch names it too."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.branches import taker_of
from orchestrator.errors import NodeError
from orchestrator.execution.model import Awaiting
from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.store.replies import Claim
from orchestrator.store.requests import Idempotency, OperatorNote
from orchestrator.store.transitions import HANDLER_PATIENCE_MS, MAX_INFRA_ATTEMPTS
from tests.integration.static_layouts import key_for, set_plan
from tests.makers import LEASE_MS, Rig, error_of, held_by, node

N = NodeStatus
CAUGHT = {"A": N.FAILED, "C": N.QUEUED, "B": N.SKIPPED}
#: As an older version took it, and no version does now; a matcher that goes back would never end with it.
STARS = "*a" * 60 + "*" * 8 + "z"


def caught(*errors: str, **fields: Any) -> list[dict[str, Any]]:
    """A node whose errors of these types C takes over, and B, which needs it to end well."""
    catch = [{"errors": list(errors), "goto": "C"}]
    return [node("A", catch=catch, **fields), node("B", after=["A"]), node("C", after=["A"])]


async def claim_a(rig: Rig) -> Claim:
    (task,) = await rig.worker.read()
    claim = await rig.worker.claim(task)
    assert isinstance(claim, Claim)
    return claim


async def fail(rig: Rig, claim: Claim, type: str) -> None:
    """Fail an attempt as its worker does."""
    taker = taker_of(claim.catch, type)
    await rig.transitions.fail_node(
        held_by(claim), error_of(type), reason=Reason.ERROR, is_dead=False, taker=taker
    )


async def test_a_claim_brings_the_catch_and_only_where_there_is_one(rig: Rig) -> None:
    await rig.submit(*caught("Http.*", "Llm.Error"))
    with_catch = await claim_a(rig)
    await rig.submit(node("A"))

    without = await claim_a(rig)

    assert [taker_of(with_catch.catch, type) for type in ("Http.5xx", "Llm.Error", "Mine")] == ["C", "C", ""]
    assert without.catch == ()


@pytest.mark.parametrize("taker", ["", "B", "A", "D", "Http.*", ">C", "Http.*>C", "c", "C,C"])
async def test_whom_the_catch_does_not_name_cannot_take_over(rig: Rig, taker: str) -> None:
    execution_id = await rig.submit(*caught("Http.*"), node("D", after=["A"]))
    held = held_by(await claim_a(rig))

    await rig.transitions.fail_node(
        held, error_of("Http.5xx"), reason=Reason.ERROR, is_dead=False, taker=taker
    )

    assert set((await rig.nodes(execution_id)).values()) == {N.FAILED, N.SKIPPED}
    assert await rig.status(execution_id) is ExecutionStatus.FAILED


async def test_a_node_without_a_catch_has_no_taker(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    held = held_by(await claim_a(rig))

    await rig.transitions.fail_node(held, error_of(), reason=Reason.ERROR, is_dead=False, taker="B")

    assert await rig.nodes(execution_id) == {"A": N.FAILED, "B": N.SKIPPED}


async def test_an_item_is_never_taken_over_from(rig: Rig) -> None:
    mapping = {"items": [1], "tolerated_failure_count": 0}
    execution_id = await rig.submit(*caught("*", map=mapping))
    await rig.transitions.map_node(held_by(await claim_a(rig)), [b"1"], tolerated=0, stops=False)
    item = await claim_a(rig)

    await rig.transitions.fail_node(held_by(item), error_of(), reason=Reason.ERROR, is_dead=False, taker="C")
    await fail(rig, await claim_a(rig), "ItemsFailed")

    assert item.node_id == "A[0]"
    assert await rig.nodes(execution_id) == CAUGHT


@pytest.mark.parametrize("pattern", ["Poison", "P*n"])
async def test_poison_is_caught(rig: Rig, pattern: str) -> None:
    execution_id = await rig.submit(*caught(pattern))

    for _ in range(MAX_INFRA_ATTEMPTS + 1):
        await rig.worker.start()
        await rig.advance(LEASE_MS + 1)
        await rig.advance(60_000)

    assert await rig.nodes(execution_id) == CAUGHT


async def test_a_handler_that_nobody_offers_is_caught(rig: Rig) -> None:
    execution_id = await rig.submit(*caught("HandlerNotFound"))
    for wait_ms in (HANDLER_PATIENCE_MS, 1):
        (task,) = await rig.worker.read()
        (spec,) = await rig.store.specs([(execution_id, "A")])
        taker = taker_of(spec["catch"], "HandlerNotFound")
        await rig.transitions.hand_back_node(
            execution_id, "A", task.attempt, message_id=task.message_id, queue=task.queue,
            is_offered=False, error=error_of("HandlerNotFound"), taker=taker,
        )  # fmt: skip
        await rig.advance(wait_ms)

    assert await rig.nodes(execution_id) == CAUGHT


async def test_a_task_that_nobody_takes_in_time_is_caught(rig: Rig) -> None:
    execution_id = await rig.submit(*caught("Timeout.ScheduleToStart", schedule_to_start_timeout=5))

    await rig.advance(5_000)

    assert await rig.nodes(execution_id) == CAUGHT


async def test_an_attempt_that_runs_too_long_is_caught(rig: Rig) -> None:
    execution_id = await rig.submit(
        *caught("Timeout.StartToClose", start_to_close_timeout=5, retry={"max_attempts": 1})
    )
    await claim_a(rig)

    await rig.advance(6_000)

    assert await rig.nodes(execution_id) == CAUGHT


async def test_a_retry_that_would_come_too_late_is_caught_as_that(rig: Rig) -> None:
    execution_id = await rig.submit(*caught("Timeout.ScheduleToClose", schedule_to_close_timeout=60))
    claim = await claim_a(rig)

    await rig.transitions.retry_node(
        held_by(claim), error_of("Http.5xx"), delay_ms=90_000,
        late_taker=taker_of(claim.catch, "Timeout.ScheduleToClose"),
    )  # fmt: skip

    assert await rig.nodes(execution_id) == CAUGHT


async def test_a_time_out_whose_retry_would_come_too_late_is_caught_as_that(rig: Rig) -> None:
    execution_id = await rig.submit(
        *caught(
            "Timeout.ScheduleToClose",
            schedule_to_close_timeout=10,
            start_to_close_timeout=5,
            retry={"max_attempts": 2, "initial_interval": 20, "jitter": "none"},
        )
    )
    await claim_a(rig)

    await rig.advance(6_000)

    assert await rig.nodes(execution_id) == CAUGHT


@pytest.mark.parametrize("type", ["Timeout.Signal", "Mine.Late"])
async def test_a_wait_that_nobody_answers_is_caught_by_the_error_it_has_kept(rig: Rig, type: str) -> None:
    execution_id = await rig.submit(*caught(type))
    late = NodeError(type, "nobody came", False)
    wait = Awaiting(WaitingOn.SIGNAL, "go", {}, 5_000, late)
    await rig.transitions.await_node(held_by(await claim_a(rig)), wait)

    await rig.advance(5_000)

    assert await rig.nodes(execution_id) == CAUGHT


async def test_what_was_stored_before_patterns_were_bounded_is_caught_as_ever(rig: Rig) -> None:
    """Its record is not rewritten: the catch is kept as it always was, and no script has to match it."""
    execution_id = await rig.submit(*caught("Http.*"))
    before = await as_an_older_version_kept_it(rig, execution_id)
    await fail(rig, await claim_a(rig), "a" * 5_000)
    again = await rig.submit(*caught("Http.*"))

    await fail(rig, await claim_a(rig), "Http.5xx")

    assert before.endswith(" catch=Http.*>C")
    assert await rig.nodes(execution_id) == {"A": N.FAILED, "B": N.SKIPPED, "C": N.SKIPPED}
    assert await rig.nodes(again) == CAUGHT


async def as_an_older_version_kept_it(rig: Rig, execution_id: str) -> str:
    """Put a pattern first that is not taken any more; gives the facts of the node as they were."""
    facts: str = (await rig.redis.hget(await key_for(rig, execution_id), "node|A")).decode()
    await set_plan(rig, execution_id, "node|A", facts.replace("Http.*>C", f"{STARS}>B,Http.*>C"))
    return facts


async def test_a_request_key_is_no_pattern(rig: Rig) -> None:
    """Keys are digests today; one of other letters must neither match others nor break the script."""
    execution_id = await rig.submit(node("A"), node("B"))
    for key in ("a.c", "%", "[", "^a", "abc"):
        request = Idempotency(key, f"hash-{key}", f"call-{key}")
        word, *_ = await rig.transitions.override_node(
            execution_id, "A", "complete", b"{}", note=OperatorNote(by="ann"), idempotency=request
        )
        assert word == ("ok" if key == "a.c" else "elsewhere")
