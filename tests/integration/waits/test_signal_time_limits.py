"""Waits for signals that do not come, or come to one of two branches; what is refused and warned of."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import DefinitionInvalid
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.integration.handler_steps import act
from tests.integration.waiting_nodes import ask, output, wait, waiting
from tests.makers import Rig, node, workflow

E, N = ExecutionStatus, NodeStatus
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("config", "status", "reason", "given", "ends"),
    [
        ({}, N.FAILED, Reason.TIMEOUT, None, E.FAILED),
        ({"on_timeout": "fail"}, N.FAILED, Reason.TIMEOUT, None, E.FAILED),
        ({"on_timeout": "continue"}, N.COMPLETED, None, {"timed_out": True}, E.COMPLETED),
    ],
)
async def test_what_a_time_limit_makes_of_it(
    rig: Rig,
    config: dict[str, Any],
    status: NodeStatus,
    reason: Reason | None,
    given: Any,
    ends: ExecutionStatus,
) -> None:
    execution_id = await waiting(rig, timeout="1m", **config)

    early = await rig.advance(59_999)
    late = await rig.advance(1)

    state = (await rig.engine.nodes.get(execution_id, "W")).state
    assert (early, late) == (0, 1)
    assert (state.status, state.reason, state.waiting_on, state.due_ms) == (status, reason, None, None)
    assert await output(rig, execution_id) == given
    assert await rig.status(execution_id) is ends
    assert (state.error or {}).get("type") == ("Timeout.Signal" if status is N.FAILED else None)
    assert await rig.nothing_is_left_behind()


@pytest.mark.parametrize("comes", [True, False])
async def test_branches_for_a_signal_that_comes_and_for_one_that_does_not(rig: Rig, comes: bool) -> None:
    execution_id = await waiting(
        rig, node("in_time", after=["W"]), node("late", after=["W"]), node("both", after=["W"]),
        node("end", after=["in_time", "late"]),
        timeout=60, on_timeout="branch", received_branch="in_time", timeout_branch=["late"],
    )  # fmt: skip

    if comes:
        await rig.engine.signals.send(execution_id, "go", "x")
    else:
        await rig.advance(60_000)
    await act(rig)

    left_out = "late" if comes else "in_time"
    nodes = await rig.nodes(execution_id)
    assert (await rig.reasons(execution_id))[left_out] is Reason.BRANCH_NOT_TAKEN
    assert {name for name, status in nodes.items() if status is N.COMPLETED} == set(nodes) - {left_out}
    assert await rig.repairs(execution_id) == []


async def test_a_kept_signal_takes_the_branch_of_one_that_came(rig: Rig) -> None:
    execution_id = await rig.submit(
        wait(timeout=60, on_timeout="branch", timeout_branch="late"), node("late", after=["W"]), trigger=False
    )
    await rig.engine.signals.send(execution_id, "go", "x")

    await rig.engine.executions.trigger(execution_id)
    await act(rig)

    assert (await rig.reasons(execution_id))["late"] is Reason.BRANCH_NOT_TAKEN


async def test_a_cancelled_wait_leaves_nothing_behind(rig: Rig) -> None:
    execution_id = await waiting(rig, timeout=60)

    await rig.engine.executions.cancel(execution_id, request_id="1")

    assert await rig.status(execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()
    assert await rig.redis.exists(f"workflow:{execution_id}:signals") == 0


async def test_the_time_limit_of_the_execution_ends_a_wait(rig: Rig) -> None:
    execution_id = await rig.submit(wait(), execution_timeout=60)
    await act(rig)

    await rig.advance(60_000)

    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nodes(execution_id) == {"W": N.CANCELLED}
    assert await rig.nothing_is_left_behind()


async def test_a_retry_waits_anew(rig: Rig) -> None:
    execution_id = await waiting(rig, timeout=60)
    await rig.advance(60_000)
    await rig.engine.executions.retry(execution_id)
    await act(rig)
    assert await rig.nodes(execution_id) == {"W": N.WAITING}

    await rig.engine.signals.send(execution_id, "go", "now")

    assert await rig.status(execution_id) is E.COMPLETED
    assert await output(rig, execution_id) == "now"


async def test_a_fork_keeps_what_was_received_and_a_replay_waits_anew(rig: Rig) -> None:
    execution_id = await waiting(rig, node("next", after=["W"]))
    await rig.engine.signals.send(execution_id, "go", "once")
    await act(rig)

    fork = await rig.engine.executions.fork(execution_id, from_node="next")
    replay = await rig.engine.executions.replay(execution_id)
    await act(rig)

    assert fork.execution_id is not None
    assert await output(rig, fork.execution_id) == "once"
    assert await rig.status(fork.execution_id) is E.COMPLETED
    assert (await rig.nodes(replay.execution_id))["W"] is N.WAITING


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"name": "two words"}, "is not a signal's name"),
        ({"schema": {"type": "nonsense"}}, "not a valid JSON Schema: 'config.schema.type' must be one of"),
        ({"on_timeout": "continue"}, "there is none"),
        ({"timeout": 1, "on_timeout": "branch"}, "go with 'on_timeout: branch'"),
        ({"timeout": 1, "received_branch": "next"}, "go with 'on_timeout: branch'"),
        ({"timeout": 1, "on_timeout": "branch", "timeout_branch": "nxt"}, "did you mean"),
        ({"timeout": 1, "on_timeout": "later"}, "'config.on_timeout' must be 'fail'"),
        ({"nam": "x"}, "has no config field 'nam'"),
    ],
)
async def test_a_wait_that_cannot_work_is_refused(rig: Rig, config: dict[str, Any], told: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        await rig.submit(wait(**config), node("next", after=["W"]))

    words = " ".join(f"{problem.message} {problem.hint}" for problem in refused.value.problems)
    assert told in words


async def test_a_wait_nothing_ends_is_warned_of(rig: Rig) -> None:
    endless = await rig.engine.definitions.validate(workflow(wait()))
    limited = await rig.engine.definitions.validate(workflow(wait(timeout=5)))
    ended = await rig.engine.definitions.validate(workflow(wait(), execution_timeout=60))
    longer = await rig.engine.definitions.validate(workflow(wait(timeout="2m"), execution_timeout=60))

    assert [each.code for each in endless.warnings] == ["wait_without_timeout"]
    assert (limited.warnings, ended.warnings) == ((), ())
    assert [each.code for each in longer.warnings] == ["timeout_never_passes"]


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ([node("B", after=["P"])], ["decision_never_read"]),
        ([node("B", after=["P"], when="P.decision == 'approve'")], []),
        ([node("B", after=["P"]), node("C", after=["B"], when="{{ P.decision == 'approve' }}")], []),
        ([], []),
    ],
)
async def test_a_decision_that_changes_nothing_is_warned_of(
    rig: Rig, more: list[dict[str, Any]], codes: list[str]
) -> None:
    validated = await rig.engine.definitions.validate(workflow(ask(timeout=5), *more))

    assert [each.code for each in validated.warnings] == codes


async def test_a_limit_of_attempts_that_bounds_no_wait_is_warned_of(rig: Rig) -> None:
    own = await rig.engine.definitions.validate(workflow(wait(timeout=5) | {"start_to_close_timeout": 1}))
    shared = await rig.engine.definitions.validate(
        workflow(wait(timeout=5), defaults={"start_to_close_timeout": 1}, execution_timeout=60)
    )

    assert [(each.code, each.path) for each in own.warnings] == [
        ("wait_not_bounded", "dag.nodes[0].start_to_close_timeout")
    ]
    assert shared.warnings == ()


async def test_items_of_a_map_wait_each_for_its_own_signal(rig: Rig) -> None:
    execution_id = await rig.submit(wait(name="go-{{ index }}", timeout=60) | {"map": {"items": [1, 2, 3]}})
    await act(rig)

    first = await rig.engine.signals.send(execution_id, "go-1", "b")
    assert await rig.repairs(execution_id) == []
    await rig.redis.hdel(f"workflow:{execution_id}:signals", "waits|go-2")
    await rig.engine.executions.trigger(execution_id)
    second = await rig.engine.signals.send(execution_id, "go-2", "c")
    await rig.advance(60_000)
    await act(rig)

    assert (first.nodes, second.nodes) == (1, 1)
    items = (await rig.engine.nodes.items(execution_id, "W", limit=10)).items
    assert [item.state.status for item in items] == [N.FAILED, N.COMPLETED, N.COMPLETED]
    assert [item.output for item in items] == [None, b'"b"', b'"c"']
    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nothing_is_left_behind()


async def test_a_time_limit_may_be_caught(rig: Rig) -> None:
    caught = wait(timeout=60) | {"catch": [{"errors": ["Timeout.*"], "goto": "late"}]}
    execution_id = await rig.submit(caught, node("late", after=["W"]), node("next", after=["W"]))
    await act(rig)

    await rig.advance(60_000)
    await act(rig)

    assert await rig.status(execution_id) is E.COMPLETED
    assert (await rig.nodes(execution_id))["late"] is N.COMPLETED
    assert (await rig.reasons(execution_id))["next"] is Reason.UPSTREAM_FAILED
