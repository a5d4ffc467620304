"""Maps that run again by retry, fork or replay."""

from __future__ import annotations

import pytest

from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.execution_ends import ended
from tests.integration.handler_steps import act, output_of
from tests.integration.mapped_nodes import CALLS, listed, statuses, tens
from tests.makers import Rig, WorkerFleet, node

pytestmark = pytest.mark.usefixtures("tens_handler")
E, N = ExecutionStatus, NodeStatus


async def test_a_retry_after_a_cancel_keeps_the_items_that_completed(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2, 3], max_concurrency=2))
    await rig.worker.complete(held["A[0]"], 10)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="r")

    await rig.engine.executions.retry(execution_id)

    assert await act(rig) == ["A", "A[1]", "A[2]", "A"]
    assert output_of(await rig.store.output(execution_id, "A")) == [10, 20, 30]
    assert CALLS == {"A[1]": 1, "A[2]": 1}
    assert await rig.nothing_is_left_behind()


async def test_a_retry_of_what_was_cancelled_after_its_items_runs_none_of_them(rig: Rig) -> None:
    execution_id, held = await listed(rig, tens([1, 2]))
    for token in held.values():
        await rig.worker.complete(token, 5)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="r")

    await rig.engine.executions.retry(execution_id)

    assert await act(rig) == ["A", "A"]
    assert output_of(await rig.store.output(execution_id, "A")) == [5, 5]


async def test_a_retry_gives_every_failed_item_its_tries_anew(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    retry = {"max_attempts": 2, "initial_interval": 0.01}
    execution_id = await rig.submit(tens([0, 1, 2], config={"failing": [1]}, retry=retry))
    await ended(rig, execution_id)
    assert CALLS == {"A[0]": 1, "A[1]": 2, "A[2]": 1}
    first = (await rig.store.items.page(execution_id, "A", 1, 1))[0].state

    await rig.engine.executions.retry(execution_id)
    await ended(rig, execution_id)

    assert CALLS == {"A[0]": 1, "A[1]": 4, "A[2]": 1}
    second = (await rig.store.items.page(execution_id, "A", 1, 1))[0].state
    assert (first.tries, second.tries) == (2, 2)
    assert (first.attempt, second.attempt) == (2, 4)
    dead = [entry.node_id for entry in (await rig.engine.dead_letters.list()).items]
    assert dead == ["A[1]"]


async def test_a_stopped_map_goes_on_with_what_never_started(rig: Rig) -> None:
    document = tens([1, 2, 3], max_concurrency=1, on_item_failure="stop")
    execution_id, held = await listed(rig, document)
    await rig.worker.fail(held["A[0]"])
    await act(rig)
    assert await rig.status(execution_id) is E.FAILED
    assert await statuses(rig, execution_id) == [N.FAILED, N.CANCELLED, N.CANCELLED]

    await rig.engine.executions.retry(execution_id)
    ran = await act(rig)

    assert ran == ["A", "A[0]", "A[1]", "A[2]", "A"]
    assert await rig.status(execution_id) is E.COMPLETED
    assert output_of(await rig.store.output(execution_id, "A")) == [10, 20, 30]


async def test_a_fork_behind_a_map_keeps_its_output_and_runs_no_item(rig: Rig) -> None:
    behind = node("B", after=["A"], handler="noop") | {"config": {"seen": "{{ A }}"}}
    source_id = await rig.submit(tens([1, 2]), behind)
    await act(rig)
    assert CALLS == {"A[0]": 1, "A[1]": 1}

    forked = await rig.engine.executions.fork(source_id, from_node="B")
    assert forked.execution_id is not None
    assert await act(rig) == ["B"]

    assert output_of(await rig.store.output(forked.execution_id, "A")) == [10, 20]
    assert (await rig.engine.nodes.items(forked.execution_id, "A", limit=10)).items == []
    again = await rig.engine.executions.fork(source_id, from_node="A")
    assert again.nodes == ("A", "B")
    assert await act(rig) == ["A", "A[0]", "A[1]", "A", "B"]


async def test_a_replay_runs_every_item_again(rig: Rig) -> None:
    source_id = await rig.submit(tens("{{ inputs.rows }}"), inputs={"type": "object"}, trigger=False)
    await rig.engine.executions.trigger(source_id, {"rows": [1, 2]})
    await act(rig)

    replayed = await rig.engine.executions.replay(source_id, {"rows": [7]})

    assert await act(rig) == ["A", "A[0]", "A"]
    assert output_of(await rig.store.output(replayed.execution_id, "A")) == [70]
