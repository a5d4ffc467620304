"""What claim_node promises beyond the table: what a claim carries, whose it is, where stray tasks go."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.states import NodeStatus
from orchestrator.store.replies import Claim
from orchestrator.store.requests import AttemptToken
from tests.makers import LEASE_MS, FakeWorker, Rig, node, workflow


async def test_a_claim_carries_all_that_the_attempt_needs(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A"),
        node("skipped", after=["A"]),
        node(
            "B", after=["A", "skipped"], config={"x": "{{ A.n }} {{ inputs.who }}"}, trigger_rule="all_done"
        ),
        trigger=False,
    )
    await rig.engine.executions.trigger(execution_id, {"who": "me"})
    await rig.worker.complete(await rig.worker.start_one("A"), {"n": 1})
    await rig.worker.skip(await rig.worker.start_one("skipped"))
    (task,) = await rig.worker.read()

    claim = await rig.worker.claim(task)

    assert isinstance(claim, Claim)
    assert (claim.node_id, claim.attempt, claim.tries, claim.crashes) == ("B", 1, 1, 0)
    assert orjson.loads(claim.inputs) == {"who": "me"}
    assert claim.references == (("A", "COMPLETED", b'{"n":1}'),)
    assert orjson.loads(claim.spec)["handler"] == "noop"


@pytest.mark.parametrize(("tenant", "rare"), [("default", None), ("acme", b"1")])
async def test_a_claim_says_whose_execution_it_is_and_costs_default_nothing(
    rig: Rig, tenant: str, rare: bytes | None
) -> None:
    submitted = await rig.engine.of(tenant).executions.submit(
        workflow(node("A"), node("B", after=["A"])), trigger=True
    )
    (task,) = await rig.worker.read()

    claim = await rig.worker.claim(task)
    assert isinstance(claim, Claim)
    token = AttemptToken(claim.execution_id, "A", claim.attempt, claim.nonce)
    ended = await rig.transitions.complete_node(token, b"{}", claiming=rig.worker.claiming(1))

    assert [claim.tenant, *(each.tenant for each in ended.claims)] == [tenant, tenant]
    # What scripts look for only where it is said to be.
    assert await rig.redis.hget(rig.transitions.keys.runtime(submitted.execution_id), "rare") == rare


async def test_a_node_is_run_by_one_of_two_workers_that_want_it(rig: Rig) -> None:
    await rig.submit(node("A"))
    (task,) = await rig.worker.read()
    other = FakeWorker(rig.transitions, rig.redis, "w2")

    first, second = await rig.worker.claim(task), await other.claim(task)

    assert isinstance(first, Claim)
    assert second == "busy"
    # The message stays with whoever runs the attempt: it goes in the step that ends it.
    assert await rig.redis.xlen("workflow:tasks") == 1


async def test_the_task_of_an_earlier_attempt_is_taken_off_the_stream(rig: Rig) -> None:
    await rig.submit(node("A"))
    (old,) = await rig.worker.read()
    held = rig.worker.token(old)
    await rig.worker.claim(old, held)
    await rig.transitions.release_node(held)
    copy = await rig.redis.xadd(
        "workflow:tasks",
        {"execution_id": old.execution_id, "node_id": "A", "handler": "noop", "attempt": 1},
    )
    length = await rig.redis.xlen("workflow:tasks")

    words = [await rig.worker.claim(task) for task in await rig.worker.read() if task.attempt == 1]

    assert words == ["stale"]
    assert await rig.redis.xlen("workflow:tasks") == length - 1
    assert await rig.redis.xrange("workflow:tasks", copy, copy) == []


async def test_a_second_copy_of_a_task_goes_when_the_first_is_claimed(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.redis.xadd(
        "workflow:tasks", {"execution_id": execution_id, "node_id": "A", "handler": "noop", "attempt": 1}
    )

    answers = [await rig.worker.claim(task) for task in await rig.worker.read()]

    assert [isinstance(answer, Claim) for answer in answers] == [True, False]
    assert await rig.redis.xlen("workflow:tasks") == 1


async def test_a_task_of_an_unknown_execution_is_taken_off_the_stream(rig: Rig) -> None:
    await rig.redis.xadd(
        "workflow:tasks", {"execution_id": "gone", "node_id": "A", "handler": "noop", "attempt": 1}
    )

    answers = [await rig.worker.claim(task) for task in await rig.worker.read()]

    assert answers == ["gone"]
    assert await rig.redis.xlen("workflow:tasks") == 0


async def test_nothing_is_claimed_once_a_cancel_is_accepted(rig: Rig) -> None:
    execution_id = await rig.submit(node("slow"), node("A"))
    tasks = {task.node_id: task for task in await rig.worker.read()}
    await rig.worker.claim(tasks["slow"])
    await rig.engine.executions.cancel(execution_id, request_id="1")

    answer = await rig.worker.claim(tasks["A"])

    assert answer == "stale"
    assert (await rig.nodes(execution_id))["A"] is NodeStatus.CANCELLED


async def test_the_lease_runs_from_redis_time(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))

    await rig.worker.start_one("A")

    leases = await rig.redis.zrange("workflows:leases", 0, -1, withscores=True)
    assert leases == [(f"{execution_id}\x1fA\x1f1".encode(), rig.now_ms + LEASE_MS)]


async def test_a_task_of_a_cancelled_execution_is_not_started_though_its_turn_to_end_is_still_to_come(
    rig: Rig,
) -> None:
    execution_id = await rig.submit(*(node(f"n{number}") for number in range(400)))
    tasks = await rig.worker.read(400)
    _, _, more = await rig.transitions.cancel_execution(
        execution_id, reason="null", grace_ms=0, request_id="1"
    )
    assert more  # one call ends only so many

    answers = {str(await rig.worker.claim(task)) for task in tasks[-10:]}

    assert answers == {"cancelling"}
    assert NodeStatus.RUNNING not in set((await rig.nodes(execution_id)).values())
