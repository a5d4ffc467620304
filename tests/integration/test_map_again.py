"""Maps that run again by retry, fork or replay, and what keeps them from running at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.integration.acting import act, output_of
from tests.integration.mapped import CALLS, listed, statuses, tens, tens_registered
from tests.makers import Rig, WorkerFleet, node, until

E, N = ExecutionStatus, NodeStatus


@pytest.fixture(autouse=True)
def _tens() -> Iterator[None]:
    with tens_registered():
        yield


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
    await until(lambda: has_ended(rig, execution_id))
    assert CALLS == {"A[0]": 1, "A[1]": 2, "A[2]": 1}
    first = (await rig.store.items.page(execution_id, "A", 1, 1))[0].state

    await rig.engine.executions.retry(execution_id)
    await until(lambda: has_ended(rig, execution_id))

    assert CALLS == {"A[0]": 1, "A[1]": 4, "A[2]": 1}
    second = (await rig.store.items.page(execution_id, "A", 1, 1))[0].state
    assert (first.tries, second.tries) == (2, 2)
    assert (first.attempt, second.attempt) == (2, 4)
    dead = [entry.node_id for entry in (await rig.engine.dead_letters.list()).items]
    assert dead == ["A[1]"]


async def has_ended(rig: Rig, execution_id: str) -> bool:
    return (await rig.status(execution_id)).is_terminal


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


async def test_outputs_of_items_too_large_together_fail_the_node(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start(output_max_bytes=1_000)
    execution_id = await rig.submit(tens([1, 2, 3], config={"output": "x" * 400}))
    await until(lambda: has_ended(rig, execution_id))

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert state.status is N.FAILED
    assert state.error is not None
    assert state.error["type"] == "OutputTooLarge"
    assert "1000 bytes" in state.error["message"]
    assert await statuses(rig, execution_id) == [N.COMPLETED] * 3


async def test_an_item_whose_output_is_too_large_fails_alone(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start(output_max_bytes=1_000)
    config = {"output": "{{ item }}{{ item }}{{ item }}{{ item }}"}
    execution_id = await rig.submit(tens(["x" * 300, "y"], config=config, tolerated_failure_count=1))
    await until(lambda: has_ended(rig, execution_id))

    large, small = output_of(await rig.store.output(execution_id, "A"))

    assert (large["status"], large["error"]["type"]) == ("FAILED", "OutputTooLarge")
    assert small == {"index": 1, "status": "COMPLETED", "output": "yyyy"}


@pytest.mark.parametrize(
    ("rows", "type", "says"),
    [
        ({"a": 1}, "TemplateError", "must give a list, got an object"),
        (None, "TemplateError", "must give a list, got null"),
        ([1, 2, 3], "TemplateError", "gives 3 items; allowed are 2 (max_items)"),
        (["x" * 600_000, "y" * 600_000], "OutputTooLarge", "have more than 1,048,576 bytes"),
    ],
)
async def test_a_list_that_cannot_be_mapped_fails_the_node_before_any_item(
    rig: Rig, rows: Any, type: str, says: str
) -> None:
    execution_id = await rig.submit(tens("{{ B.rows }}", after=["B"], max_items=2), node("B"))
    await rig.worker.complete(await rig.worker.start_one("B"), {"rows": rows})

    await act(rig)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.reason) == (N.FAILED, Reason.ERROR)
    assert state.error is not None
    assert state.error["type"] == type
    assert says in state.error["message"]
    assert CALLS == {}


async def test_a_false_when_skips_the_whole_map(rig: Rig) -> None:
    execution_id = await rig.submit(tens([1, 2], when="{{ 1 > 2 }}"))

    assert await act(rig) == ["A"]

    assert (await rig.reasons(execution_id))["A"] is Reason.CONDITION_FALSE
    assert CALLS == {}


async def test_an_item_takes_a_signal_that_came_before(rig: Rig) -> None:
    each = node("A", handler="wait_for_signal", map={"items": [1, {"signal": "not one"}]})
    execution_id = await rig.submit(each | {"config": {"name": "go", "timeout": "1h"}})
    await rig.engine.signals.send(execution_id, "go", "early")

    await act(rig)

    assert sorted(await statuses(rig, execution_id)) == [N.COMPLETED, N.WAITING]
    await rig.engine.signals.send(execution_id, "go", "late")
    await act(rig)
    assert sorted(output_of(await rig.store.output(execution_id, "A"))) == ["early", "late"]
    assert await rig.nothing_is_left_behind()
