"""A failure decides for its dependants, for the execution if it is critical, and at once under fail_fast."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.makers import Rig, node

E, N = ExecutionStatus, NodeStatus


async def test_dependants_of_a_failed_node_are_skipped_and_other_branches_go_on(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A"),
        node("B", after=["A"]),
        node("C", after=["B"]),
        node("other"),
        node("more", after=["other"]),
    )

    await rig.worker.run_all(failing=["A"])

    nodes, reasons = await rig.nodes(execution_id), await rig.reasons(execution_id)
    assert nodes["A"] is N.FAILED
    assert (reasons["B"], reasons["C"]) == (Reason.UPSTREAM_FAILED, Reason.UPSTREAM_FAILED)
    assert nodes["more"] is N.COMPLETED
    assert await rig.status(execution_id) is E.FAILED


async def test_an_uncritical_failure_does_not_fail_the_execution(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A", critical=False), node("B", after=["A"]), node("C", after=["A"], trigger_rule="all_done")
    )

    await rig.worker.run_all(failing=["A"])

    assert await rig.nodes(execution_id) == {"A": N.FAILED, "B": N.SKIPPED, "C": N.COMPLETED}
    assert await rig.status(execution_id) is E.COMPLETED


async def test_only_what_ran_out_of_tries_is_listed_as_dead(rig: Rig) -> None:
    await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()

    await rig.worker.fail(held["A"], is_dead=True)
    await rig.worker.fail(held["B"])

    entries = (await rig.engine.dead_letters.list()).items
    assert [(entry.node_id, entry.attempt, entry.reason) for entry in entries] == [("A", 1, "error")]
    assert entries[0].error["message"] == "it broke"


async def test_fail_fast_cancels_what_has_not_started_and_leaves_what_runs(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A"),
        node("runs"),
        node("waits"),
        node("after_runs", after=["runs"]),
        node("uncritical", critical=False),
        fail_fast=True,
    )
    held = await rig.worker.start()
    await rig.worker.delay(held["waits"], 90_000)
    await rig.worker.fail(held["uncritical"])
    before = await rig.nodes(execution_id)

    await rig.worker.fail(held["A"])
    after = await rig.nodes(execution_id)
    ended = await rig.worker.complete(held["runs"])

    assert before["after_runs"] is N.PENDING
    assert after == {
        "A": N.FAILED,
        "runs": N.RUNNING,
        "waits": N.CANCELLED,
        "after_runs": N.CANCELLED,
        "uncritical": N.FAILED,
    }
    assert ended.word == "ok"
    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nothing_is_left_behind()


async def test_fail_fast_does_not_tell_running_handlers_to_stop(rig: Rig) -> None:
    await rig.submit(node("A"), node("runs"), fail_fast=True)
    held = await rig.worker.start()
    await rig.worker.fail(held["A"])

    words = await rig.transitions.renew_leases([held["runs"]], lease_ms=15_000)

    assert words == ["ok"]


async def test_a_running_attempt_is_not_retried_after_fail_fast(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("runs"), fail_fast=True)
    held = await rig.worker.start()
    await rig.worker.fail(held["A"])

    await rig.worker.retry(held["runs"])

    assert (await rig.nodes(execution_id))["runs"] is N.CANCELLED
    assert await rig.status(execution_id) is E.FAILED
