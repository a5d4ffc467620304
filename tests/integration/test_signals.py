"""Signals: delivered, kept for a wait to come, refused; time limits; what survives and what is explained."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.answer_errors import PayloadInvalid, PayloadTooLarge, SignalsFull
from orchestrator.engine import Engine, Idempotency
from orchestrator.errors import DefinitionInvalid, ExecutionNotFound, IdempotencyConflict, InvalidTransition
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.integration.acting import Lines, act, output_of
from tests.makers import Rig, WorkerFleet, node, until, workflow

E, N = ExecutionStatus, NodeStatus
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def wait(node_id: str = "W", after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return node(node_id, after=after, handler="wait_for_signal") | {"config": {"name": "go", **config}}


def key(text: str, body: str = "hash") -> Idempotency:
    return Idempotency(text, "POST /signals", body)


async def waiting(rig: Rig, *more: dict[str, Any], **config: Any) -> str:
    """An execution that waits for the signal `go`."""
    execution_id = await rig.submit(wait(**config), *more)
    await act(rig)
    assert (await rig.nodes(execution_id))["W"] is N.WAITING
    return execution_id


async def output(rig: Rig, execution_id: str, node_id: str = "W") -> Any:
    return output_of((await rig.engine.results(execution_id))[node_id])


async def test_a_signal_becomes_the_output_of_the_node_that_waits(rig: Rig) -> None:
    execution_id = await waiting(rig, node("next", after=["W"]))

    done = await rig.engine.signal(execution_id, "go", {"n": 1})
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

    done = await rig.engine.signal(execution_id, "go", "x")

    assert done.nodes == 2
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.COMPLETED, "C": N.WAITING}


async def test_signals_that_come_first_are_kept_in_order(rig: Rig) -> None:
    execution_id = await rig.submit(node("slow"), wait("A", ["slow"]), wait("B", ["A"]), trigger=False)
    kept = [await rig.engine.signal(execution_id, "go", number) for number in (1, 2, 3)]

    await rig.engine.trigger(execution_id)
    await act(rig)

    assert [each.nodes for each in kept] == [0, 0, 0]
    assert (await output(rig, execution_id, "A"), await output(rig, execution_id, "B")) == (1, 2)
    assert await rig.status(execution_id) is E.COMPLETED
    state = (await rig.engine.node(execution_id, "A"))[0]
    assert state.tries == 1


async def test_a_kept_signal_that_does_not_fit_is_dropped_and_the_next_one_taken(rig: Rig) -> None:
    execution_id = await rig.submit(node("slow"), wait("W", ["slow"], schema=NUMBER), trigger=False)
    for payload in ("bad", {"n": "no"}, {"n": 3}):
        await rig.engine.signal(execution_id, "go", payload)
    lines = Lines()

    await rig.engine.trigger(execution_id)
    await act(rig, lines=lines)

    assert await output(rig, execution_id) == {"n": 3}
    assert len(lines.texts) == 2
    assert "payload.n" in lines.texts[1]


async def test_when_no_kept_signal_fits_the_node_waits_for_the_next(rig: Rig) -> None:
    execution_id = await rig.submit(wait(schema=NUMBER), trigger=False)
    await rig.engine.signal(execution_id, "go", "bad")
    await rig.engine.trigger(execution_id)
    await act(rig)

    assert (await rig.nodes(execution_id))["W"] is N.WAITING
    done = await rig.engine.signal(execution_id, "go", {"n": 1})

    assert done.nodes == 1
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_payload_that_misses_the_schema_is_refused_and_changes_nothing(rig: Rig) -> None:
    execution_id = await waiting(rig, schema=NUMBER)
    before = await rig.dump()

    with pytest.raises(PayloadInvalid) as refused:
        await rig.engine.signal(execution_id, "go", {"n": "one"})

    assert [problem.path for problem in refused.value.problems] == ["payload.n"]
    assert await rig.dump() == before


async def test_unknown_and_ended_executions_take_no_signal(rig: Rig) -> None:
    execution_id = await waiting(rig, schema=NUMBER)
    await rig.engine.signal(execution_id, "go", {"n": 1})

    with pytest.raises(ExecutionNotFound):
        await rig.engine.signal("unknown", "go", 1)
    with pytest.raises(InvalidTransition) as refused:
        await rig.engine.signal(execution_id, "go", {"n": 1})

    assert refused.value.status == "COMPLETED"
    assert "only PENDING or RUNNING can be signalled" in str(refused.value)


async def test_an_execution_that_is_being_cancelled_takes_none_either(rig: Rig) -> None:
    execution_id = await rig.submit(node("runs"), wait("W", ["runs"]))
    await rig.worker.start()
    await rig.engine.cancel(execution_id, request_id="1")

    with pytest.raises(InvalidTransition, match="being cancelled"):
        await rig.engine.signal(execution_id, "go", 1)


async def test_the_same_key_again_gets_the_same_answer(rig: Rig) -> None:
    execution_id = await waiting(rig, schema=NUMBER)
    first = await rig.engine.signal(execution_id, "go", {"n": 1}, idempotency=key("k"))
    before = await rig.dump()

    again = await rig.engine.signal(execution_id, "go", {"n": 1}, idempotency=key("k"))

    assert (again.nodes, again.replayed) == (first.nodes, True)
    assert await rig.dump() == before
    with pytest.raises(IdempotencyConflict):
        await rig.engine.signal(execution_id, "go", {"n": 2}, idempotency=key("k"))


async def test_the_same_key_at_once_is_taken_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("slow"), wait("W", ["slow"]))

    answers = await asyncio.gather(
        *(rig.engine.signal(execution_id, "go", 1, idempotency=key("k")) for _ in range(10))
    )

    assert sorted(each.replayed for each in answers) == [False] + [True] * 9
    assert await rig.redis.hget(f"workflow:{execution_id}:signals", "kept") == b"1"


async def test_what_is_kept_is_bounded(rig: Rig) -> None:
    execution_id = await rig.submit(node("slow"), wait("W", ["slow"]), wait("V", name="other"))
    await rig.worker.start_one("slow")
    for number in range(100):
        await rig.engine.signal(execution_id, "go", number)
    before = await rig.dump()

    with pytest.raises(SignalsFull, match="keeps 100 signals"):
        await rig.engine.signal(execution_id, "go", 100)
    with pytest.raises(PayloadTooLarge, match="65,536"):
        await rig.engine.signal(execution_id, "go", "x" * 65_536)

    assert await rig.dump() == before


@pytest.mark.parametrize(
    ("config", "status", "reason", "given", "ends"),
    [
        ({}, N.FAILED, Reason.TIMEOUT, None, E.FAILED),
        ({"on_timeout": "fail"}, N.FAILED, Reason.TIMEOUT, None, E.FAILED),
        ({"on_timeout": "continue"}, N.COMPLETED, None, {"timed_out": True}, E.COMPLETED),
    ],
)
async def test_what_a_time_limit_makes_of_it(
    rig: Rig, config: dict[str, Any], status: N, reason: Reason | None, given: Any, ends: E
) -> None:
    execution_id = await waiting(rig, timeout="1m", **config)

    early = await rig.advance(59_999)
    late = await rig.advance(1)

    state = (await rig.engine.node(execution_id, "W"))[0]
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
        await rig.engine.signal(execution_id, "go", "x")
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
    await rig.engine.signal(execution_id, "go", "x")

    await rig.engine.trigger(execution_id)
    await act(rig)

    assert (await rig.reasons(execution_id))["late"] is Reason.BRANCH_NOT_TAKEN


async def test_a_cancelled_wait_leaves_nothing_behind(rig: Rig) -> None:
    execution_id = await waiting(rig, timeout=60)

    await rig.engine.cancel(execution_id, request_id="1")

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
    await rig.engine.retry(execution_id)
    await act(rig)
    assert await rig.nodes(execution_id) == {"W": N.WAITING}

    await rig.engine.signal(execution_id, "go", "now")

    assert await rig.status(execution_id) is E.COMPLETED
    assert await output(rig, execution_id) == "now"


async def test_a_fork_keeps_what_was_received_and_a_replay_waits_anew(rig: Rig) -> None:
    execution_id = await waiting(rig, node("next", after=["W"]))
    await rig.engine.signal(execution_id, "go", "once")
    await act(rig)

    fork = await rig.engine.fork(execution_id, from_node="next")
    replay = await rig.engine.replay(execution_id)
    await act(rig)

    assert fork.execution_id is not None
    assert await output(rig, fork.execution_id) == "once"
    assert await rig.status(fork.execution_id) is E.COMPLETED
    assert (await rig.nodes(replay.execution_id))["W"] is N.WAITING


async def test_a_wait_is_explained(rig: Rig) -> None:
    execution_id = await rig.submit(wait("A"), wait("B", timeout=60))
    await act(rig)

    found = {each.node_id: each for each in await rig.engine.explain(execution_id)}

    assert found["A"].waiting_for == "signal 'go'"
    assert found["A"].wakes == f"POST /v1/executions/{execution_id}/signals/go"
    assert found["B"].waiting_for.startswith("signal 'go' until 2")
    assert found["B"].until_ms == rig.now_ms + 60_000
    assert found["B"].wakes.endswith(", or its time limit")


@pytest.mark.parametrize("comes", ["before", "after"])
async def test_a_wait_that_fell_off_its_list_is_put_back(rig: Rig, comes: str) -> None:
    execution_id = await waiting(rig, timeout=60)
    await rig.redis.hdel(f"workflow:{execution_id}:signals", "waits|go")
    await rig.redis.delete("workflows:timers")
    if comes == "before":
        assert (await rig.engine.signal(execution_id, "go", 1)).nodes == 0
    assert "would not find it" in (await rig.engine.explain(execution_id))[0].waiting_for

    await rig.engine.trigger(execution_id)
    await act(rig)
    if comes == "after":
        assert await rig.repairs(execution_id) == []
        assert (await rig.engine.signal(execution_id, "go", 1)).nodes == 1

    assert await rig.status(execution_id) is E.COMPLETED
    assert await output(rig, execution_id) == 1
    assert await rig.nothing_is_left_behind()


async def test_one_signal_ends_hundreds_of_waits_in_bounded_steps(rig: Rig) -> None:
    names = [f"n{number}" for number in range(501)]
    execution_id = await rig.submit(*(wait(name) for name in names))
    await act(rig)
    crowded = [name for name, status in (await rig.nodes(execution_id)).items() if status is N.FAILED]

    done = await rig.engine.signal(execution_id, "go", 1)

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
        await rig.engine.signal(execution_id, "go", "unfit")

    assert raced == ["W"]
    assert (await rig.nodes(execution_id))["W"] is N.WAITING


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"name": "two words"}, "is not a signal's name"),
        ({"schema": {"type": "nonsense"}}, "not a valid JSON Schema at schema"),
        ({"on_timeout": "continue"}, "there is none"),
        ({"timeout": 1, "on_timeout": "branch"}, "go with 'on_timeout: branch'"),
        ({"timeout": 1, "received_branch": "next"}, "go with 'on_timeout: branch'"),
        ({"timeout": 1, "on_timeout": "branch", "timeout_branch": "nxt"}, "did you mean"),
        ({"timeout": 1, "on_timeout": "later"}, "input should be"),
        ({"nam": "x"}, "has no config field 'nam'"),
    ],
)
async def test_a_wait_that_cannot_work_is_refused(rig: Rig, config: dict[str, Any], told: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        await rig.submit(wait(**config), node("next", after=["W"]))

    words = " ".join(f"{problem.message} {problem.hint}" for problem in refused.value.problems)
    assert told in words


async def test_a_wait_nothing_ends_is_warned_of(rig: Rig) -> None:
    endless = await rig.engine.validate(workflow(wait()))
    limited = await rig.engine.validate(workflow(wait(timeout=5)))
    ended = await rig.engine.validate(workflow(wait(), execution_timeout=60))
    longer = await rig.engine.validate(workflow(wait(timeout="2m"), execution_timeout=60))

    assert [each.code for each in endless.warnings] == ["wait_without_timeout"]
    assert (limited.warnings, ended.warnings) == ((), ())
    assert [each.code for each in longer.warnings] == ["timeout_never_passes"]


async def test_when_is_asked_once(rig: Rig) -> None:
    execution_id = await rig.submit(wait() | {"when": "{{ inputs.wanted }}"}, trigger=False)
    await rig.engine.signal(execution_id, "go", 1)

    await rig.engine.trigger(execution_id, {"wanted": True})
    await act(rig)

    assert await output(rig, execution_id) == 1


async def test_real_workers_hold_no_slot_while_nodes_wait(engine: Engine, fleet: WorkerFleet) -> None:
    worker = await fleet.start(concurrency=1)
    nodes = [wait(f"n{number}", timeout="1h") for number in range(5)]
    execution_id = (await engine.submit(workflow(*nodes, node("other")), trigger=True)).execution_id

    async def all_wait() -> bool:
        states = {state.node_id: state.status for state in (await engine.get(execution_id)).nodes}
        return states.pop("other") is N.COMPLETED and set(states.values()) == {N.WAITING}

    await until(all_wait)
    await fleet.stop(worker)
    await engine.signal(execution_id, "go", 1)

    assert await engine.status(execution_id) is E.COMPLETED
