"""Signals: delivered, kept for a wait to come, refused; time limits; what survives and what is explained."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.engine import Engine
from orchestrator.errors import (
    ExecutionNotFound,
    IdempotencyConflict,
    InvalidTransition,
    PayloadInvalid,
    PayloadTooLarge,
    SignalsFull,
)
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.handler_steps import Lines, act
from tests.integration.waiting_nodes import key, output, wait, waiting
from tests.makers import Rig, WorkerFleet, node, until, workflow

E, N = ExecutionStatus, NodeStatus
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def test_a_signal_becomes_the_output_of_the_node_that_waits(rig: Rig) -> None:
    execution_id = await waiting(rig, node("next", after=["W"]))

    done = await rig.engine.signals.send(execution_id, "go", {"n": 1})
    await act(rig)

    assert (done.nodes, done.replayed) == (1, False)
    assert await output(rig, execution_id) == {"n": 1}
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()
    events = await rig.events(execution_id)
    assert events[events.index("node.waiting:W") :][:3] == [
        "node.waiting:W",
        "signal.received",
        "node.completed:W",
    ]


async def test_every_node_that_waits_for_the_name_gets_it_and_no_other(rig: Rig) -> None:
    execution_id = await rig.submit(wait("A"), wait("B"), wait("C", name="other"))
    await act(rig)

    done = await rig.engine.signals.send(execution_id, "go", "x")

    assert done.nodes == 2
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.COMPLETED, "C": N.WAITING}


async def test_signals_that_come_first_are_kept_in_order(rig: Rig) -> None:
    execution_id = await rig.submit(node("slow"), wait("A", ["slow"]), wait("B", ["A"]), trigger=False)
    kept = [await rig.engine.signals.send(execution_id, "go", number) for number in (1, 2, 3)]

    await rig.engine.executions.trigger(execution_id)
    await act(rig)

    assert [each.nodes for each in kept] == [0, 0, 0]
    assert (await output(rig, execution_id, "A"), await output(rig, execution_id, "B")) == (1, 2)
    assert await rig.status(execution_id) is E.COMPLETED
    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert state.tries == 1


async def test_a_kept_signal_that_does_not_fit_is_dropped_and_the_next_one_taken(rig: Rig) -> None:
    later = wait("W", ["slow"], schema=NUMBER, name="{{ 'go' }}")
    execution_id = await rig.submit(node("slow"), later, trigger=False)
    for payload in ("bad", {"n": "no"}, {"n": 3}):
        await rig.engine.signals.send(execution_id, "go", payload)
    lines = Lines()

    await rig.engine.executions.trigger(execution_id)
    await act(rig, lines=lines)

    assert await output(rig, execution_id) == {"n": 3}
    assert len(lines.texts) == 2
    assert "payload.n" in lines.texts[1]


async def test_a_payload_that_no_node_to_come_can_take_is_refused(rig: Rig) -> None:
    waits = [wait("W", ["slow"], schema=NUMBER), wait("V", ["slow"], schema={"type": "boolean"})]
    execution_id = await rig.submit(node("slow"), *waits, trigger=False)

    with pytest.raises(PayloadInvalid) as refused:
        await rig.engine.signals.send(execution_id, "go", {"n": "no"})
    kept = [await rig.engine.signals.send(execution_id, name, True) for name in ("go", "nobody-knows-this")]

    assert "payload.n" in str(refused.value)
    assert [each.nodes for each in kept] == [0, 0]


async def test_when_no_kept_signal_fits_the_node_waits_for_the_next(rig: Rig) -> None:
    execution_id = await rig.submit(wait(schema=NUMBER, name="{{ 'go' }}"), trigger=False)
    await rig.engine.signals.send(execution_id, "go", "bad")
    await rig.engine.executions.trigger(execution_id)
    await act(rig)

    assert (await rig.nodes(execution_id))["W"] is N.WAITING
    done = await rig.engine.signals.send(execution_id, "go", {"n": 1})

    assert done.nodes == 1
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_payload_that_misses_the_schema_is_refused_and_changes_nothing(rig: Rig) -> None:
    execution_id = await waiting(rig, schema=NUMBER)
    before = await rig.dump()

    with pytest.raises(PayloadInvalid) as refused:
        await rig.engine.signals.send(execution_id, "go", {"n": "one"})

    assert [problem.path for problem in refused.value.problems] == ["payload.n"]
    assert await rig.dump() == before


async def test_unknown_and_ended_executions_take_no_signal(rig: Rig) -> None:
    execution_id = await waiting(rig, schema=NUMBER)
    await rig.engine.signals.send(execution_id, "go", {"n": 1})

    with pytest.raises(ExecutionNotFound):
        await rig.engine.signals.send("unknown", "go", 1)
    with pytest.raises(InvalidTransition) as refused:
        await rig.engine.signals.send(execution_id, "go", {"n": 1})

    assert refused.value.status == "COMPLETED"
    assert "only PENDING, RUNNING or PAUSED can be signalled" in str(refused.value)


async def test_an_execution_that_is_being_cancelled_takes_none_either(rig: Rig) -> None:
    execution_id = await rig.submit(node("runs"), wait("W", ["runs"]))
    await rig.worker.start()
    await rig.engine.executions.cancel(execution_id, request_id="1")

    with pytest.raises(InvalidTransition, match="being cancelled"):
        await rig.engine.signals.send(execution_id, "go", 1)


async def test_the_same_key_again_gets_the_same_answer(rig: Rig) -> None:
    execution_id = await waiting(rig, schema=NUMBER)
    first = await rig.engine.signals.send(execution_id, "go", {"n": 1}, idempotency=key("k"))
    before = await rig.dump()

    again = await rig.engine.signals.send(execution_id, "go", {"n": 1}, idempotency=key("k"))

    assert (again.nodes, again.replayed) == (first.nodes, True)
    assert await rig.dump() == before
    with pytest.raises(IdempotencyConflict):
        await rig.engine.signals.send(execution_id, "go", {"n": 2}, idempotency=key("k", "another body"))


async def test_the_same_key_at_once_is_taken_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("slow"), wait("W", ["slow"]))

    answers = await asyncio.gather(
        *(rig.engine.signals.send(execution_id, "go", 1, idempotency=key("k")) for _ in range(10))
    )

    assert sorted(each.replayed for each in answers) == [False] + [True] * 9
    assert await rig.redis.hget(f"workflow:{execution_id}:signals", "kept") == b"1"


async def test_what_is_kept_is_bounded(rig: Rig) -> None:
    execution_id = await rig.submit(node("slow"), wait("W", ["slow"]), wait("V", name="other"))
    await rig.worker.start_one("slow")
    for number in range(100):
        await rig.engine.signals.send(execution_id, "go", number)
    before = await rig.dump()

    with pytest.raises(SignalsFull, match="keeps 100 signals"):
        await rig.engine.signals.send(execution_id, "go", 100)
    with pytest.raises(PayloadTooLarge, match="65,536"):
        await rig.engine.signals.send(execution_id, "go", "x" * 65_536)

    assert await rig.dump() == before


async def test_a_wait_is_explained(rig: Rig) -> None:
    execution_id = await rig.submit(wait("A"), wait("B", timeout=60))
    await act(rig)

    found = {each.node_id: each for each in await rig.engine.executions.explain(execution_id)}

    assert found["A"].waiting_for == "signal 'go'"
    assert found["A"].wakes == "signal 'go', sent to the execution"
    assert (found["A"].details["actions"], found["A"].details["signal"]) == (["signal"], "go")
    assert found["B"].waiting_for.startswith("signal 'go' until 2")
    assert found["B"].until_ms == rig.now_ms + 60_000
    assert found["B"].wakes.endswith(", or its time limit")


@pytest.mark.parametrize("comes", ["before", "after"])
async def test_a_wait_that_fell_off_its_list_is_put_back(rig: Rig, comes: str) -> None:
    execution_id = await waiting(rig, timeout=60)
    await rig.redis.hdel(f"workflow:{execution_id}:signals", "waits|go")
    await rig.redis.delete("workflows:timers")
    if comes == "before":
        assert (await rig.engine.signals.send(execution_id, "go", 1)).nodes == 0
    assert "would not find it" in (await rig.engine.executions.explain(execution_id))[0].waiting_for

    await rig.engine.executions.trigger(execution_id)
    await act(rig)
    if comes == "after":
        assert await rig.repairs(execution_id) == []
        assert (await rig.engine.signals.send(execution_id, "go", 1)).nodes == 1

    assert await rig.status(execution_id) is E.COMPLETED
    assert await output(rig, execution_id) == 1
    assert await rig.nothing_is_left_behind()


async def test_one_signal_ends_hundreds_of_waits_in_bounded_steps(rig: Rig) -> None:
    names = [f"n{number}" for number in range(501)]
    execution_id = await rig.submit(*(wait(name) for name in names))
    await act(rig)
    crowded = [name for name, status in (await rig.nodes(execution_id)).items() if status is N.FAILED]

    done = await rig.engine.signals.send(execution_id, "go", 1)

    assert (done.nodes, len(crowded)) == (500, 1)
    assert await rig.status(execution_id) is E.FAILED
    assert await rig.nothing_is_left_behind()


async def test_a_race_cannot_deliver_what_was_not_checked(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    execution_id = await rig.submit(node("slow"), wait("W", ["slow"], schema=NUMBER))
    await rig.worker.complete(await rig.worker.start_one("slow"))
    read = rig.store.waits.for_signal
    raced: list[str] = []

    async def read_then_lose_the_race(execution_id: str, name: str) -> tuple[bytes, dict[str, Any]]:
        found = await read(execution_id, name)
        if not raced:
            raced.extend(await act(rig))
        return found

    monkeypatch.setattr(rig.store.waits, "for_signal", read_then_lose_the_race)
    with pytest.raises(PayloadInvalid):
        await rig.engine.signals.send(execution_id, "go", "unfit")

    assert raced == ["W"]
    assert (await rig.nodes(execution_id))["W"] is N.WAITING


async def test_when_is_asked_once(rig: Rig) -> None:
    execution_id = await rig.submit(wait() | {"when": "{{ inputs.wanted }}"}, trigger=False)
    await rig.engine.signals.send(execution_id, "go", 1)

    await rig.engine.executions.trigger(execution_id, {"wanted": True})
    await act(rig)

    assert await output(rig, execution_id) == 1


async def test_real_workers_hold_no_slot_while_nodes_wait(engine: Engine, fleet: WorkerFleet) -> None:
    worker = await fleet.start(concurrency=1)
    nodes = [wait(f"n{number}", timeout="1h") for number in range(5)]
    execution_id = (
        await engine.executions.submit(workflow(*nodes, node("other")), trigger=True)
    ).execution_id

    async def all_wait() -> bool:
        states = {state.node_id: state.status for state in (await engine.executions.get(execution_id)).nodes}
        return states.pop("other") is N.COMPLETED and set(states.values()) == {N.WAITING}

    await until(all_wait)
    await fleet.stop(worker)
    await engine.signals.send(execution_id, "go", 1)

    assert await engine.executions.status(execution_id) is E.COMPLETED
