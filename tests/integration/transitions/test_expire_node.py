"""`schedule_to_close_timeout`: it bounds a node from the first time it is queued to its end."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.errors import DefinitionInvalid
from orchestrator.lint.lint import lint
from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from tests.dags import compiled, workflow
from tests.integration.handler_steps import act
from tests.makers import Rig, error_of, node
from workers.handlers import Catalogue

N, E = NodeStatus, ExecutionStatus
MINUTE: dict[str, Any] = {"schedule_to_close_timeout": "1m"}
RETRY: dict[str, Any] = {
    "max_attempts": 5,
    "initial_interval": 20,
    "backoff_coefficient": 1,
    "jitter": "none",
}


async def failed_with(rig: Rig, execution_id: str, node_id: str = "A") -> dict[str, Any]:
    """The error of a node that failed because its time was up."""
    state = (await rig.engine.nodes.get(execution_id, node_id)).state
    assert (state.status, state.reason) == (N.FAILED, Reason.TIMEOUT)
    assert state.error is not None
    assert state.error["type"] == "Timeout.ScheduleToClose"
    return state.error


async def test_a_task_no_worker_takes_fails_when_its_time_is_up(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", **MINUTE))

    early = await rig.advance(59_999)
    await rig.advance(1)

    error = await failed_with(rig, execution_id)
    assert early == 0
    assert error["details"] == {"last_error": None}
    assert error["message"] == "node 'A' was still QUEUED at the end of its schedule_to_close_timeout of 60 s"
    assert await rig.status(execution_id) is E.FAILED
    assert (await rig.engine.dead_letters.list()).items == []
    assert await rig.nothing_is_left_behind()


async def test_a_running_attempt_is_taken_away_and_not_retried(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=RETRY, **MINUTE))
    held = await rig.worker.start_one("A")
    rig.transitions.now_ms = rig.now_ms + 60_000
    await rig.transitions.renew_leases([held], lease_ms=15_000)

    await rig.tick()

    await failed_with(rig, execution_id)
    assert await rig.transitions.renew_leases([held], lease_ms=15_000) == ["lost"]
    assert (await rig.worker.complete(held)).word == "fenced"
    assert await rig.nothing_is_left_behind()


async def test_all_tries_share_the_time_and_the_last_error_is_told(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=RETRY, **MINUTE))
    await rig.worker.retry(await rig.worker.start_one("A"), 20_000)
    await rig.advance(20_000)
    await rig.worker.retry(await rig.worker.start_one("A"), 20_000)
    await rig.advance(20_000)

    await rig.worker.start_one("A")
    rig.transitions.now_ms = rig.now_ms + 20_000
    await rig.tick()

    error = await failed_with(rig, execution_id)
    assert error["details"]["last_error"]["type"] == "HandlerError"
    assert [entry.node_id for entry in (await rig.engine.dead_letters.list()).items] == ["A"]


@pytest.mark.parametrize(("delay_ms", "is_tried"), [(59_998, True), (59_999, False), (90_000, False)])
async def test_a_retry_that_would_come_too_late_fails_the_node_at_once(
    rig: Rig, delay_ms: int, is_tried: bool
) -> None:
    execution_id = await rig.submit(node("A", retry=RETRY, **MINUTE))
    held = await rig.worker.start_one("A")
    await rig.advance(1)

    await rig.transitions.retry_node(held, error_of("Http.5xx"), delay_ms=delay_ms)

    if is_tried:
        assert await rig.nodes(execution_id) == {"A": N.WAITING}
        assert await rig.repairs(execution_id) == []
    else:
        error = await failed_with(rig, execution_id)
        assert error["details"]["last_error"]["type"] == "Http.5xx"
        assert await rig.nothing_is_left_behind()


async def test_a_time_limit_of_one_attempt_leaves_no_time_for_the_next(rig: Rig) -> None:
    retry = {**RETRY, "initial_interval": 40}
    execution_id = await rig.submit(node("A", retry=retry, start_to_close_timeout=20, **MINUTE))
    held = await rig.worker.start_one("A")
    rig.transitions.now_ms = rig.now_ms + 21_000
    await rig.transitions.renew_leases([held], lease_ms=15_000)

    await rig.tick()

    error = await failed_with(rig, execution_id)
    assert error["details"]["last_error"]["type"] == "Timeout.StartToClose"


@pytest.mark.parametrize(
    "waiting",
    [
        {"handler": "delay", "config": {"seconds": 600}},
        {"handler": "wait_for_signal", "config": {"name": "go"}},
        {"handler": "approval", "config": {"prompt": "Go?", "timeout": "1h"}},
    ],
)
async def test_waiting_counts_as_well(rig: Rig, waiting: dict[str, Any]) -> None:
    execution_id = await rig.submit(node("A", **waiting, **MINUTE))
    await act(rig)
    (told,) = await rig.engine.executions.explain(execution_id)
    began_ms = rig.now_ms

    await rig.advance(60_000)

    await failed_with(rig, execution_id)
    assert told.until_ms == began_ms + 60_000
    assert "schedule_to_close_timeout" in told.wakes
    assert not await rig.redis.keys("workflows:approvals*")
    assert await rig.nothing_is_left_behind()


async def test_a_node_that_ends_in_time_leaves_no_timer(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", **MINUTE), node("B", after=["A"]))

    await rig.worker.run_all()

    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_its_failure_is_caught_like_any_other(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("A", catch=[{"errors": ["Timeout.*"], "goto": "rescue"}], **MINUTE), node("rescue", after=["A"])
    )

    await rig.advance(60_000)
    await rig.worker.run_all()

    assert await rig.status(execution_id) is E.COMPLETED


async def test_of_a_mapped_node_each_item_is_bounded_by_itself(rig: Rig) -> None:
    mapping = {"items": [1, 2], "max_concurrency": 1, "tolerated_failure_count": 1}
    execution_id = await rig.submit(node("A", map=mapping, **MINUTE))
    assert await act_on_map(rig) == ["A"]
    first = await rig.worker.start_one("A[0]")
    await rig.advance(10_000)
    await rig.worker.complete(first)

    await rig.advance(59_999)
    queued = await item_statuses(rig, execution_id)
    await rig.advance(1)

    assert queued == [N.COMPLETED, N.QUEUED]
    assert await item_statuses(rig, execution_id) == [N.COMPLETED, N.FAILED]
    assert await rig.nodes(execution_id) == {"A": N.QUEUED}


async def test_a_retry_in_place_gives_nodes_and_items_their_time_anew(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", map={"items": [1, 2]}, **MINUTE))
    await act_on_map(rig)
    await rig.advance(60_000)
    await act(rig)
    assert await rig.status(execution_id) is E.FAILED

    await rig.engine.executions.retry(execution_id)
    await act_on_map(rig)
    early = await rig.advance(59_999)
    open_items = await item_statuses(rig, execution_id)
    await rig.advance(1)

    assert early == 0
    assert open_items == [N.QUEUED, N.QUEUED]
    assert await item_statuses(rig, execution_id) == [N.FAILED, N.FAILED]


async def test_a_retry_in_place_gives_items_their_tries_anew(rig: Rig) -> None:
    retry: dict[str, Any] = {
        "max_attempts": 2,
        "initial_interval": 1,
        "jitter": "none",
        "retry_on": ["TemplateError"],
    }
    config = {"expression": "{{ 1 / item }}"}
    mapped = node("A", handler="transform", config=config, map={"items": [0]}, retry=retry)
    execution_id = await rig.submit(mapped)
    for _ in range(2):
        await act(rig)
        await rig.advance(1_000)
    (spent,) = (await rig.engine.nodes.items(execution_id, "A", limit=10)).items

    await rig.engine.executions.retry(execution_id)
    await act(rig)

    (item,) = (await rig.engine.nodes.items(execution_id, "A", limit=10)).items
    assert (spent.state.status, spent.state.tries) == (N.FAILED, 2)
    assert (item.state.status, item.state.tries, item.state.attempt) == (N.WAITING, 1, 3)


async def test_time_goes_on_while_the_execution_is_paused(rig: Rig) -> None:
    execution_id = await rig.submit(node("held", **MINUTE), node("runs", **MINUTE))
    (first, second) = await rig.worker.read()
    await rig.worker.claim(first if first.node_id == "runs" else second)
    await rig.engine.executions.pause(execution_id, request_id="1")
    await rig.worker.claim(second if first.node_id == "runs" else first)
    was_held = (await rig.nodes(execution_id))["held"]

    rig.transitions.now_ms = rig.now_ms + 60_000
    await rig.tick()

    assert was_held is N.PENDING
    await failed_with(rig, execution_id, "held")
    await failed_with(rig, execution_id, "runs")
    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nothing_is_left_behind()


async def test_an_operator_gives_a_node_its_time_anew(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry={**RETRY, "on_exhausted": "pause"}, **MINUTE))
    await rig.advance(60_000)
    asked = (await rig.engine.nodes.get(execution_id, "A")).state
    idle = await rig.advance(600_000)

    await rig.engine.executions.resume(execution_id, request_id="1")
    early = await rig.advance(59_999)
    again = await rig.nodes(execution_id)
    await rig.advance(1)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (asked.status, asked.waiting_on) == (N.WAITING, WaitingOn.OPERATOR)
    assert (idle, early, again) == (0, 0, {"A": N.QUEUED})
    assert (state.status, state.waiting_on) == (N.WAITING, WaitingOn.OPERATOR)
    assert await rig.repairs(execution_id) == []


async def test_a_lost_timer_is_found_and_set_again(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", **MINUTE))
    due_ms = rig.now_ms + 60_000
    await rig.redis.delete("workflows:timers")

    assert await rig.repairs(execution_id) == [f"retime A 1 schedule_to_close {due_ms}"]
    await rig.engine.executions.trigger(execution_id)
    await rig.advance(60_000)

    await failed_with(rig, execution_id)


async def test_an_old_timer_changes_nothing(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", **MINUTE))

    early, _ = await rig.transitions.expire_node(execution_id, "A", "1")
    rig.transitions.now_ms = rig.now_ms + 60_000
    stale, _ = await rig.transitions.expire_node(execution_id, "A", "2")

    assert (early, stale) == ("early", "stale")
    assert await rig.nodes(execution_id) == {"A": N.QUEUED}


def test_the_defaults_give_it_to_nodes_that_say_nothing() -> None:
    definition = compiled(
        workflow(
            node("A"),
            node("B", schedule_to_close_timeout=5),
            defaults={"schedule_to_close_timeout": "2m"},
        )
    )

    assert [each.schedule_to_close_ms for each in definition.nodes] == [120_000, 5_000]


def test_a_limit_that_is_no_duration_is_refused() -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(workflow(node("A", schedule_to_close_timeout="soon")), handlers=Catalogue())

    assert [problem.path for problem in refused.value.problems] == ["dag.nodes[0].schedule_to_close_timeout"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"start_to_close_timeout": 90}, ("dag.nodes[0].start_to_close_timeout", "timeout_never_passes")),
        (
            {"schedule_to_start_timeout": 61},
            ("dag.nodes[0].schedule_to_start_timeout", "timeout_never_passes"),
        ),
        ({"retry": RETRY}, ("dag.nodes[0].retry", "retries_outlast_node")),
        (
            {"handler": "delay", "config": {"seconds": 61}},
            ("dag.nodes[0].config.seconds", "delay_outlasts_node"),
        ),
        (
            {"handler": "approval", "config": {"prompt": "Go?", "timeout": "2m"}},
            ("dag.nodes[0].config.timeout", "timeout_never_passes"),
        ),
        ({"handler": "wait_for_signal", "config": {"name": "go"}}, None),
        ({"start_to_close_timeout": 60, "retry": {**RETRY, "max_attempts": 4}}, None),
    ],
)
def test_limits_that_leave_each_other_no_time_are_told(
    fields: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    warnings = lint(compile_definition(workflow(node("A", **fields, **MINUTE)), handlers=Catalogue()))

    found = [(warning.path, warning.code) for warning in warnings]
    assert found == ([] if expected is None else [expected])


async def act_on_map(rig: Rig) -> list[str]:
    """Run the claim of a mapped node itself, and nothing of what it queues."""
    ran = []
    for task in await rig.worker.read():
        token = rig.worker.token(task)
        await rig.worker.claim(task, token)
        keeps = (await rig.store.items.counts(task.execution_id, [task.node_id])) != {}
        items = [] if keeps else [b"1", b"2"]
        await rig.transitions.map_node(token, items, tolerated=1, stops=False, keeps=keeps)
        ran.append(task.node_id)
    return ran


async def item_statuses(rig: Rig, execution_id: str) -> list[NodeStatus]:
    return [item.state.status for item in (await rig.engine.nodes.items(execution_id, "A", limit=10)).items]
