"""A trigger starts an execution once; its inputs are fixed by the first one."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.errors import ExecutionNotFound, InputsConflict, InputsInvalid
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import Rig, node

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "default": 7}}, "required": ["n"]}


async def test_roots_are_queued_before_the_reply(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), node("C", after=["A"]), trigger=False)

    triggered = await rig.engine.executions.trigger(execution_id)

    assert (triggered.status, triggered.already) == (ExecutionStatus.RUNNING, False)
    assert await rig.nodes(execution_id) == {
        "A": NodeStatus.QUEUED, "B": NodeStatus.QUEUED, "C": NodeStatus.PENDING,
    }  # fmt: skip
    assert await rig.redis.sismember("workflows:active", execution_id)


async def test_second_trigger_starts_nothing_twice(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]), trigger=False)
    await rig.engine.executions.trigger(execution_id)
    before = await rig.dump()

    second = await rig.engine.executions.trigger(execution_id)

    assert (second.status, second.already) == (ExecutionStatus.RUNNING, True)
    assert await rig.dump() == before


async def test_many_triggers_at_once_start_one_run(rig: Rig) -> None:
    execution_id = await rig.submit(node("B"), node("C"), node("D", after=["B", "C"]), trigger=False)

    answers = await asyncio.gather(*(rig.engine.executions.trigger(execution_id) for _ in range(20)))
    ran = await rig.worker.run_all()

    assert sum(not answer.already for answer in answers) == 1
    assert ran == ["B", "C", "D"]


async def test_a_trigger_of_an_ended_execution_changes_nothing(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()
    before = await rig.dump()

    again = await rig.engine.executions.trigger(execution_id)

    assert (again.status, again.already) == (ExecutionStatus.COMPLETED, True)
    assert await rig.dump() == before


async def test_inputs_are_fixed_by_the_first_trigger(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), trigger=False, inputs=SCHEMA)
    await rig.engine.executions.trigger(execution_id, {"n": 1})

    same = await rig.engine.executions.trigger(execution_id, {"n": 1})
    none = await rig.engine.executions.trigger(execution_id)

    assert (same.already, none.already) == (True, True)
    with pytest.raises(InputsConflict):
        await rig.engine.executions.trigger(execution_id, {"n": 2})
    assert (await rig.engine.executions.get(execution_id)).execution.inputs == {"n": 1}


async def test_equal_inputs_are_equal_whatever_the_order_of_their_keys(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), trigger=False)
    await rig.engine.executions.trigger(execution_id, {"a": 1, "b": [1.0, None]})

    again = await rig.engine.executions.trigger(execution_id, {"b": [1.0, None], "a": 1})

    assert again.already


async def test_inputs_are_checked_and_completed_by_the_schema(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), trigger=False, inputs=SCHEMA)

    with pytest.raises(InputsInvalid):
        await rig.engine.executions.trigger(execution_id, {"n": "seven"})
    still = await rig.status(execution_id)
    await rig.engine.executions.trigger(execution_id, {})

    assert still is ExecutionStatus.PENDING
    assert (await rig.engine.executions.get(execution_id)).execution.inputs == {"n": 7}


async def test_a_trigger_of_nothing_is_told_so(rig: Rig) -> None:
    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.trigger("unknown")

    assert await rig.dump() == {}


async def test_thousands_of_roots_are_queued_by_the_time_trigger_returns(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{i}") for i in range(2_300)), trigger=False)

    await rig.engine.executions.trigger(execution_id)

    assert await rig.redis.xlen("workflow:tasks") == 2_300
    assert await rig.redis.zcard("workflows:timers") == 0
