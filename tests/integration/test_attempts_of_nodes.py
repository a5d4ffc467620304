"""The attempts of nodes and items, read out of histories that the scripts have written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from orchestrator.errors import NodeNotFound
from orchestrator.execution.attempts import Attempt, Outcome
from orchestrator.operations.attempts import Attempts
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store import histories
from orchestrator.store.requests import AttemptToken
from orchestrator.store.transitions import MAX_INFRA_ATTEMPTS
from tests.integration.handler_steps import act
from tests.integration.mapped_nodes import listed, tens, tens_registered
from tests.integration.transitions.prepared_calls import ANN
from tests.integration.waiting_nodes import asking, decide, waiting
from tests.makers import LEASE_MS, OK, Rig, node

E = ExecutionStatus


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with tens_registered():
        yield


async def found(rig: Rig, execution_id: str, unit: str = "A") -> Attempts:
    return await rig.engine.nodes.attempts(execution_id, unit)


async def attempts(rig: Rig, execution_id: str, unit: str = "A") -> list[Attempt]:
    answer = await found(rig, execution_id, unit)
    assert not answer.is_cut
    return list(answer.attempts)


def summary(listed: list[Attempt]) -> list[tuple[int, int | None, str, str | None]]:
    return [(each.number, each.try_number, str(each.outcome), each.cause) for each in listed]


async def log(rig: Rig, token: AttemptToken, *messages: str) -> None:
    lines = [
        (number, "node.log", orjson.dumps({"level": "info", "message": message}))
        for number, message in enumerate(messages, 1)
    ]
    await rig.transitions.report_events(token, lines)


async def test_each_attempt_has_its_times_its_worker_its_error_and_its_lines(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    began_ms = rig.now_ms
    held = await rig.worker.start_one("A")
    await log(rig, held, "one", "two")
    await rig.advance(10)
    await rig.worker.retry(held, 5_000)
    await rig.advance(5_000)
    held = await rig.worker.start_one("A")
    await log(rig, held, "three")
    await rig.worker.complete(held)

    first, second = await attempts(rig, execution_id)

    assert summary([first, second]) == [(1, 1, "retrying", None), (2, 2, "completed", "back_off")]
    assert (first.queued_ms, first.started_ms, first.ended_ms) == (began_ms, began_ms, began_ms + 10)
    assert (first.worker, first.next_try_ms) == ("w1", began_ms + 5_010)
    assert first.error is not None
    assert first.error["message"] == "it broke"
    assert ([line.message for line in first.logs], first.log_lines) == (["one", "two"], 2)
    assert [line.message for line in second.logs] == ["three"]
    assert second.ended_ms == began_ms + 5_010


async def test_lost_and_drained_workers_cost_no_try(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.start()
    await rig.advance(LEASE_MS + 1)
    await rig.worker.start()
    await rig.advance(LEASE_MS + 1)
    await rig.advance(1_000)
    await rig.transitions.release_node(await rig.worker.start_one("A"))
    await rig.worker.start()

    assert summary(await attempts(rig, execution_id)) == [
        (1, 1, "lost", None), (2, 1, "lost", "lease_lost"), (3, 1, "drained", "hold"),
        (4, 1, "running", "drain"),
    ]  # fmt: skip
    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.attempt, state.tries) == (4, 1)


async def test_a_node_that_is_poison_has_lost_every_worker(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    for _ in range(MAX_INFRA_ATTEMPTS + 1):
        await rig.worker.start_one("A")
        await rig.advance(LEASE_MS + 1)
        await rig.advance(60_000)

    found = await attempts(rig, execution_id)

    assert (await rig.nodes(execution_id))["A"] is NodeStatus.FAILED
    assert {(each.try_number, each.outcome) for each in found} == {(1, Outcome.LOST)}
    assert len(found) == MAX_INFRA_ATTEMPTS + 1


async def test_a_task_nobody_offers_and_a_pause_take_an_attempt_without_a_start(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    (task,) = await rig.worker.read()
    await rig.worker.hand_back(task, is_offered=True)
    await rig.advance(200)
    await rig.engine.executions.pause(execution_id, request_id="p")
    await rig.worker.start()
    await rig.engine.executions.resume(execution_id, request_id="r")
    await rig.worker.start()

    assert summary(await attempts(rig, execution_id)) == [
        (1, None, "waiting", None), (2, None, "held", "worker"), (3, 1, "running", "resume"),
    ]  # fmt: skip


async def test_a_retry_in_place_begins_a_new_count(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry={"max_attempts": 2}), node("B", after=["A"]))
    await rig.worker.retry(await rig.worker.start_one("A"), 0)
    await rig.advance(0)
    await rig.worker.fail(await rig.worker.start_one("A"))
    await rig.engine.executions.retry(execution_id)
    await rig.worker.run_all()

    assert summary(await attempts(rig, execution_id)) == [
        (1, 1, "retrying", None), (2, 2, "failed", "back_off"), (3, 1, "completed", None),
    ]  # fmt: skip
    assert summary(await attempts(rig, execution_id, "B")) == [(1, 1, "completed", None)]


async def test_a_retry_that_is_cancelled_changes_no_attempt_before_it(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.fail(await rig.worker.start_one("A"))
    await rig.engine.executions.retry(execution_id)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="r")

    assert summary(await attempts(rig, execution_id)) == [
        (1, 1, "failed", None), (2, None, "cancelled", None),
    ]  # fmt: skip
    assert await attempts(rig, execution_id, "B") == []


async def test_an_end_by_hand_is_that_of_the_attempt_that_ran(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    await rig.worker.start()
    await rig.engine.nodes.complete(execution_id, "A", 1, ANN)
    await rig.engine.nodes.fail(execution_id, "B", ANN)

    (completed,), (failed,) = [await attempts(rig, execution_id, unit) for unit in "AB"]

    assert summary([completed, failed]) == [(1, 1, "completed", None), (1, 1, "failed", None)]
    assert completed.operator == {"by": "ann", "reason": "I know better"}
    assert failed.error is not None
    assert failed.error["type"] == "Operator"


async def test_waits_for_a_person_and_for_time(rig: Rig) -> None:
    approval = await asking(rig)
    (before,) = await attempts(rig, approval, "P")
    await decide(rig, approval)
    (after,) = await attempts(rig, approval, "P")
    signal = await waiting(rig)
    delay = await rig.submit(node("A"))
    await rig.worker.delay(await rig.worker.start_one("A"), 1_000)
    (delayed,) = await attempts(rig, delay)
    await rig.advance(1_000)

    assert (before.outcome, before.waiting_on, before.ended_ms) == ("waiting", "approval", None)
    assert (after.outcome, after.waiting_on, after.ended_ms) == ("completed", None, after.ended_ms)
    assert [each.waiting_on for each in await attempts(rig, signal, "W")] == ["signal"]
    assert (delayed.outcome, delayed.waiting_on) == ("waiting", "delay")
    assert summary(await attempts(rig, delay)) == [(1, 1, "completed", None)]


async def test_a_node_and_each_of_its_items_have_attempts_of_their_own(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2]))
    await rig.worker.retry(held["A[1]"], 0)
    await rig.advance(0)
    await act(rig)
    await rig.worker.complete(held["A[0]"], 10)
    await act(rig)

    assert summary(await attempts(rig, execution_id, "A[0]")) == [(1, 1, "completed", None)]
    assert summary(await attempts(rig, execution_id, "A[1]")) == [
        (1, 1, "retrying", None), (2, 2, "completed", "back_off"),
    ]  # fmt: skip
    of_node = await attempts(rig, execution_id)
    assert [(each.number, str(each.outcome), each.cause) for each in of_node] == [
        (1, "waiting", None), (2, "completed", "map"),
    ]  # fmt: skip


async def test_what_has_not_begun_has_none_and_what_is_unknown_is_not_found(rig: Rig) -> None:
    execution_id, _ = await listed(rig, tens([1]), node("B", after=["A"]))

    assert await attempts(rig, execution_id, "B") == []
    for unit in ("X", "B[0]", "A[1]"):
        with pytest.raises(NodeNotFound):
            await found(rig, execution_id, unit)


async def test_what_a_fork_reuses_was_not_tried_in_it(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.run_all(failing=["B"])
    made = await rig.engine.executions.fork(execution_id)
    assert made.execution_id is not None

    assert await attempts(rig, made.execution_id) == []


async def test_a_node_that_ended_long_ago_is_found_in_a_long_history(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await rig.worker.complete(held["A"])
    await rig.advance(1)
    await _fill(rig, held["B"], 2_000)
    monkeypatch.setattr(histories, "MOST_SCANNED", 100)

    assert summary(await attempts(rig, execution_id)) == [(1, 1, "completed", None)]


async def test_the_attempts_of_a_node_that_has_run_for_long_are_found_where_it_began(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await rig.worker.retry(held["A"], 0)
    await rig.advance(0)
    again = await rig.worker.start_one("A")
    await rig.advance(1)
    await _fill(rig, held["B"], 300)
    await log(rig, again, "still here")
    monkeypatch.setattr(histories, "MOST_SCANNED", 100)

    answer = await found(rig, execution_id)

    assert summary(list(answer.attempts)) == [(1, 1, "retrying", None), (2, 2, "running", "back_off")]
    assert [line.message for line in answer.attempts[1].logs] == ["still here"]
    # Of what it has logged between the two places nothing is known.
    assert answer.is_cut


async def test_attempts_too_far_back_are_cut_and_the_newest_is_listed_all_the_same(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await rig.worker.retry(held["A"], 0)
    await _fill(rig, held["B"], 300)
    await rig.advance(0)
    began_ms = rig.now_ms
    await rig.worker.start()
    monkeypatch.setattr(histories, "MOST_SCANNED", 100)

    answer = await found(rig, execution_id)

    assert answer.is_cut
    (newest,) = answer.attempts
    assert (newest.number, newest.try_number, newest.outcome) == (2, 2, "running")
    assert (newest.queued_ms, newest.started_ms, newest.worker) == (began_ms, began_ms, "w1")


async def test_the_record_stands_for_an_attempt_of_which_no_event_is_left(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await rig.worker.retry(held["A"], 60_000)
    await _fill(rig, held["B"], 3)
    await rig.redis.xtrim(rig.store.keys.events(execution_id), maxlen=1, approximate=False)

    (only,) = (await found(rig, execution_id)).attempts

    assert (only.number, only.try_number, only.outcome) == (1, 1, "retrying")
    assert (only.worker, only.next_try_ms) == ("w1", rig.now_ms + 60_000)
    assert only.error is not None


async def test_a_history_whose_beginning_is_gone_leaves_what_the_record_knows(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.complete(await rig.worker.start_one("A"), OK)
    await rig.redis.xtrim(rig.store.keys.events(execution_id), minid="6-0", approximate=False)

    answer = await found(rig, execution_id)

    assert answer.is_cut
    assert summary(list(answer.attempts)) == [(1, 1, "completed", None)]
    assert answer.attempts[0].worker == "w1"


async def _fill(rig: Rig, token: AttemptToken, count: int) -> None:
    """Write so many lines of another node."""
    body: Any = orjson.dumps({"level": "info", "message": "line"})
    for first in range(1, count + 1, 500):
        last = min(first + 500, count + 1)
        await rig.transitions.report_events(token, [(n, "node.log", body) for n in range(first, last)])
