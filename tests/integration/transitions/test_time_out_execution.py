"""execution_timeout is wall clock: what is unfinished is cancelled, what runs fenced, the end is FAILED."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import Rig, error_of, node

E, N = ExecutionStatus, NodeStatus


async def test_an_execution_past_its_deadline_fails_and_leaves_nothing(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("done"),
        node("runs"),
        node("waits"),
        node("pending", after=["runs"]),
        execution_timeout="1h",
    )
    held = await rig.worker.start()
    await rig.worker.complete(held["done"])
    await rig.worker.delay(held["waits"], 7_200_000)
    rig.transitions.now_ms = rig.now_ms + 3_599_999
    await rig.transitions.renew_leases([held["runs"]], lease_ms=60_000)
    early = await rig.tick()

    await rig.advance(1)

    nodes = await rig.nodes(execution_id)
    assert early == 0
    assert nodes.pop("done") is N.COMPLETED
    assert set(nodes.values()) == {N.CANCELLED}
    assert await rig.status(execution_id) is E.FAILED
    assert (await rig.worker.complete(held["runs"])).word == "fenced"
    assert await rig.nothing_is_left_behind()


async def test_an_execution_past_its_deadline_says_which_nodes_had_not_ended(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("done"),
        node("runs"),
        node("waits"),
        node("fails", retry={"max_attempts": 2, "initial_interval": "2h"}),
        node("pending", after=["runs"]),
        execution_timeout="1h",
    )
    held = await rig.worker.start()
    await rig.worker.complete(held["done"])
    await rig.worker.delay(held["waits"], 7_200_000)
    await rig.worker.retry(held["fails"], 7_200_000)
    rig.transitions.now_ms = rig.now_ms + 3_599_999
    await rig.transitions.renew_leases([held["runs"]], lease_ms=60_000)

    await rig.advance(1)

    assert await whole_error(rig, execution_id) == (
        "the execution passed its deadline; not ended: runs (RUNNING), waits (WAITING on delay),"
        " fails (WAITING on back_off after HandlerError), 1 not begun"
    )


async def test_a_deadline_names_only_the_first_of_many(rig: Rig) -> None:
    execution_id = await rig.submit(*[node(f"n{i}") for i in range(7)], execution_timeout=10)

    await rig.advance(10_000)

    assert (await whole_error(rig, execution_id)).endswith("n4 (QUEUED), 2 more")


async def test_a_deadline_holds_though_what_is_unfinished_cannot_be_read(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), execution_timeout=10)
    await rig.redis.delete(rig.transitions.keys.definition(execution_id))

    await rig.advance(10_000)

    assert await rig.status(execution_id) is E.FAILED
    assert await whole_error(rig, execution_id) == "the execution passed its deadline"


async def whole_error(rig: Rig, execution_id: str) -> str:
    execution = await rig.store.execution(execution_id)
    assert execution is not None and execution.error is not None
    return str(execution.error["message"])


async def test_an_execution_that_ends_in_time_takes_its_deadline_along(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), execution_timeout=60)

    await rig.worker.run_all()

    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_the_deadline_counts_from_the_start(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), trigger=False, execution_timeout=60)
    await rig.advance(3_600_000)
    await rig.engine.executions.trigger(execution_id)

    await rig.advance(59_999)
    still = await rig.status(execution_id)
    await rig.advance(1)

    assert still is E.RUNNING
    assert await rig.status(execution_id) is E.FAILED


async def test_a_cancel_accepted_first_keeps_its_word(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), execution_timeout=10)
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, grace_ms=60_000, request_id="1")
    rig.transitions.now_ms = rig.now_ms + 10_000
    await rig.transitions.renew_leases([held], lease_ms=60_000)

    await rig.tick()

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_deadline_that_is_not_due_changes_nothing(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), execution_timeout=60)
    before = await rig.dump()

    word, _ = await rig.transitions.time_out_execution(execution_id, "1", error_of())

    assert word == "early"
    assert await rig.dump() == before


async def test_ten_thousand_nodes_are_ended_in_bounded_steps(rig: Rig) -> None:
    nodes = [node("A"), *(node(f"n{i}", after=["A"]) for i in range(9_999))]
    execution_id = await rig.submit(*nodes, execution_timeout=60)

    rig.transitions.now_ms = rig.now_ms + 60_000
    _, more = await rig.transitions.time_out_execution(execution_id, "1", error_of())
    status_on_the_way = await rig.status(execution_id)
    repairs_on_the_way = await rig.repairs(execution_id)
    await rig.drain_worklist(execution_id)

    assert more
    assert (status_on_the_way, repairs_on_the_way) == (E.RUNNING, [])
    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nothing_is_left_behind()
