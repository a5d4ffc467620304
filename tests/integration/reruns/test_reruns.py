"""Retry, replay and fork in single steps: what they write, what they refuse, and what they answer again."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.engine import Idempotency
from orchestrator.errors import (
    DefinitionInvalid,
    ExecutionNotFound,
    IdempotencyConflict,
    InputsInvalid,
    InvalidTransition,
    NodeNotFound,
)
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.makers import Rig, condition, node, workflow

E, N = ExecutionStatus, NodeStatus


# Fork


async def test_a_fork_with_nothing_to_run_has_ended(rig: Rig) -> None:
    source_id = await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.run_all()

    forked = await rig.engine.executions.fork(source_id)

    assert forked.execution_id is not None
    assert (forked.status, forked.nodes) == (E.COMPLETED, ())
    assert await rig.status(forked.execution_id) is E.COMPLETED
    assert await rig.events(forked.execution_id) == [
        "execution.created", "execution.started", "execution.completed",
    ]  # fmt: skip
    assert await rig.nothing_is_left_behind()


async def test_a_large_fork_is_written_in_slices_and_needs_no_repair(rig: Rig) -> None:
    chain = [node("n0"), *(node(f"n{i}", after=[f"n{i - 1}"]) for i in range(1, 2_000))]
    wide = [node(f"w{i}", after=["n1999"]) for i in range(500)]
    source_id = await rig.submit(*chain, *wide)
    # As if they had run: the statuses and outputs are what a fork goes by.
    for each in (*chain, *wide):
        await rig.redis.set(rig.store.keys.node(source_id, each["id"]), "COMPLETED")
        await rig.redis.set(rig.store.keys.output(source_id, each["id"]), b'{"n":1}')

    forked = await rig.engine.executions.fork(source_id, from_node="n1999")

    assert forked.execution_id is not None
    assert (len(forked.reused), len(forked.nodes)) == (1_999, 501)
    assert await rig.nodes(forked.execution_id) == {
        **{f"n{i}": N.COMPLETED for i in range(1_999)},
        "n1999": N.QUEUED,
        **{f"w{i}": N.PENDING for i in range(500)},
    }
    assert await rig.repairs(forked.execution_id) == []
    assert await rig.redis.zcard("workflows:staging") == 0


async def test_a_preview_writes_nothing(rig: Rig) -> None:
    source_id = await rig.submit(node("A"), node("B", after=["A"]))
    await rig.worker.run_all(failing=["B"])
    before = await rig.dump()

    await rig.engine.executions.fork(source_id, from_node="A", preview=True)
    await rig.engine.executions.retry(source_id, preview=True)

    assert await rig.dump() == before


async def test_a_fork_of_a_running_execution_keeps_what_has_completed(rig: Rig) -> None:
    source_id = await rig.submit(node("A"), node("B", after=["A"]), node("C", after=["B"]))
    await rig.worker.complete(await rig.worker.start_one("A"))
    running = await rig.worker.start_one("B")

    forked = await rig.engine.executions.fork(source_id)
    await rig.worker.complete(running)

    assert forked.execution_id is not None
    assert (forked.reused, forked.nodes) == (("A",), ("B", "C"))
    assert (await rig.nodes(forked.execution_id))["B"] is N.QUEUED
    assert (await rig.nodes(source_id))["B"] is N.COMPLETED


async def test_a_fork_repeated_under_one_key_is_one_fork_with_one_answer(rig: Rig) -> None:
    source_id = await rig.submit(
        condition("if", true=["yes"], false=["no"]), node("yes", after=["if"]), node("no", after=["if"])
    )
    await rig.worker.complete(await rig.worker.start_one("if"), not_taken=["no"])
    await rig.worker.run_all()
    key = Idempotency("key at route", "hash", "call")

    first = await rig.engine.executions.fork(source_id, from_node="yes", idempotency=key)
    await rig.worker.run_all()
    dump = await rig.dump()
    again = await rig.engine.executions.fork(source_id, from_node="yes", idempotency=key)
    with pytest.raises(IdempotencyConflict):
        await rig.engine.executions.fork(source_id, idempotency=Idempotency("key at route", "other", "call"))

    assert (first.replayed, again.replayed) == (False, True)
    assert again.execution_id == first.execution_id
    assert (again.nodes, again.reused, again.skipped) == (first.nodes, first.reused, first.skipped)
    assert await rig.dump() == dump


async def test_a_refused_fork_leaves_nothing(rig: Rig) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    source_id = await rig.submit(node("A"), inputs=schema)
    await rig.worker.run_all()
    before = await rig.dump()

    with pytest.raises(NodeNotFound):
        await rig.engine.executions.fork(source_id, from_node="Z")
    with pytest.raises(InputsInvalid):
        await rig.engine.executions.fork(source_id, inputs={"n": "x"})
    with pytest.raises(DefinitionInvalid):
        await rig.engine.executions.fork(source_id, definition=workflow(node("A", after=["X"])))
    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.fork("unknown")

    assert await rig.dump() == before


# Replay


async def test_a_replay_is_a_new_execution_of_the_same(rig: Rig) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "m": {"default": 7}}}
    document = workflow(node("A"), node("B", after=["A"]), inputs=schema)
    source_id = (await rig.engine.executions.submit(document, inputs={"n": 1}, trigger=True)).execution_id
    await rig.worker.run_all(failing=["A"])

    replayed = await rig.engine.executions.replay(source_id)
    ran = await rig.worker.run_all()

    view = await rig.engine.executions.get(replayed.execution_id)
    assert ran == ["A", "B"]
    assert replayed.execution_id != source_id
    assert (view.execution.replay_of, view.execution.inputs) == (source_id, {"n": 1, "m": 7})
    assert await rig.engine.executions.definition(
        replayed.execution_id
    ) == await rig.engine.executions.definition(source_id)
    assert await rig.status(source_id) is E.FAILED
    created, *_ = await rig.engine.events.list(replayed.execution_id)
    assert orjson.loads(created.data) == {"replay_of": source_id}


@pytest.mark.parametrize(
    ("merge", "expected"), [(True, {"n": 5, "m": 2}), (False, {"n": 5})], ids=["merged", "replaced"]
)
async def test_inputs_of_a_replay_override_or_replace(
    rig: Rig, merge: bool, expected: dict[str, int]
) -> None:
    source_id = (
        await rig.engine.executions.submit(workflow(node("A")), inputs={"n": 1, "m": 2}, trigger=True)
    ).execution_id

    replayed = await rig.engine.executions.replay(source_id, {"n": 5}, merge=merge)

    assert (await rig.engine.executions.get(replayed.execution_id)).execution.inputs == expected


async def test_a_replay_under_one_key_is_one_execution(rig: Rig) -> None:
    source_id = await rig.submit(node("A"))
    key = Idempotency("key at route", "hash", "call")

    first = await rig.engine.executions.replay(source_id, idempotency=key)
    again = await rig.engine.executions.replay(source_id, idempotency=key)

    assert again.execution_id == first.execution_id
    assert (first.replayed, again.replayed) == (False, True)


async def test_what_is_not_there_cannot_be_repeated(rig: Rig) -> None:
    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.replay("unknown")
    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.retry("unknown")


# Retry


async def test_a_generation_is_retried_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all(failing=["A"])

    first = await rig.engine.executions.retry(execution_id, generation=1)
    again = await rig.engine.executions.retry(execution_id, generation=1)
    await rig.worker.run_all(failing=["A"])
    late = await rig.engine.executions.retry(execution_id, generation=1)

    assert (first.already, again.already, late.already) == (False, True, True)
    assert (again.nodes, late.status, late.generation) == (None, E.FAILED, 2)
    assert (await rig.events(execution_id)).count("execution.retried") == 1


async def test_a_generation_to_come_is_refused(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all(failing=["A"])

    with pytest.raises(InvalidTransition, match="in generation 1; there has been no generation 2 yet"):
        await rig.engine.executions.retry(execution_id, generation=2)


@pytest.mark.parametrize("preview", [True, False])
async def test_only_what_failed_or_was_cancelled_is_retried(rig: Rig, preview: bool) -> None:
    execution_id = await rig.submit(node("A"))

    with pytest.raises(InvalidTransition, match="it is RUNNING"):
        await rig.engine.executions.retry(execution_id, preview=preview)
    await rig.worker.run_all()
    with pytest.raises(InvalidTransition, match="it is COMPLETED"):
        await rig.engine.executions.retry(execution_id, preview=preview)
