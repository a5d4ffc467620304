"""A purge leaves no key behind, whatever the execution was, and takes only what has ended or never began."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from orchestrator.errors import ExecutionNotFound, InvalidTransition, LayoutUnknown
from orchestrator.states import ExecutionStatus
from tests.integration.transitions.prepared_calls import child_of
from tests.integration.transitions.purgeable import (
    MAKERS,
    a_chain,
    large,
    made_under_a_key,
    never_started,
    reserve,
    settle,
    with_child,
)
from tests.integration.transitions.started_children import nested
from tests.makers import Rig, node
from tests.older_layouts import set_layout

E = ExecutionStatus


async def purged(rig: Rig, execution_id: str) -> None:
    await rig.engine.executions.purge(execution_id)


@pytest.mark.parametrize("make", MAKERS)
async def test_it_leaves_no_key_behind(rig: Rig, make: Callable[[Rig], Awaitable[str]]) -> None:
    await rig.worker.read()  # makes the task stream
    before = await rig.dump()
    execution_id = await make(rig)
    assert await rig.redis.dbsize() > len(before)

    await purged(rig, execution_id)

    assert await rig.dump(statistics=False) == before


async def test_replays_and_forks_stay_when_their_source_goes_and_go_by_themselves(rig: Rig) -> None:
    await rig.worker.read()
    before = await rig.dump()
    source = await a_chain(rig)
    replay = (await rig.engine.executions.replay(source)).execution_id
    fork = (await rig.engine.executions.fork(source, from_node="B")).execution_id
    assert fork is not None

    await purged(rig, source)
    await rig.worker.run_all()

    for each in (replay, fork):
        assert await rig.status(each) is E.COMPLETED
        assert all((await rig.engine.executions.results(each)).values())
        await purged(rig, each)
    assert await rig.dump(statistics=False) == before


async def test_what_it_used_stays_in_the_accounts_of_the_day(rig: Rig) -> None:
    await rig.worker.read()
    execution_id = await rig.submit(
        node("A"), node("B"), budget={"max_tokens": 200, "daily": {"max_tokens": 500}}
    )
    held = await rig.worker.start()
    _, day = await reserve(rig, held["A"])
    await settle(rig, held["A"], day)
    # The call of B has no end that anyone saw.
    await reserve(rig, held["B"])
    for token in held.values():
        await rig.worker.complete(token)

    await purged(rig, execution_id)

    kept = {key.decode() for key in await rig.redis.keys()}
    stay = ("workflows:usage:", "workflows:statistics:", "workflow:tasks", "workflows:layout")
    assert all(key.startswith(stay) for key in kept), kept
    (used,) = await rig.store.usage_rows("default", [int(day)])
    assert (used.calls, used.tokens) == (2, 40 + 60)
    # The call of B ends after all, and its day is all that it can count for.
    before = await rig.dump()
    assert await settle(rig, held["B"], day) == "gone"
    assert await rig.dump() == before


# What is refused


@pytest.mark.parametrize("paused", [False, True])
async def test_what_is_under_way_is_refused_by_name(rig: Rig, paused: bool) -> None:
    execution_id = await rig.submit(node("A"))
    if paused:
        await rig.engine.executions.pause(execution_id, request_id="p")
    before = await rig.dump()

    with pytest.raises(InvalidTransition, match=f"{'PAUSED' if paused else 'RUNNING'}.*cancel it first"):
        await purged(rig, execution_id)
    assert await rig.dump() == before


async def test_what_is_being_cancelled_is_refused_until_it_has_ended(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, grace_ms=60_000, request_id="c")

    with pytest.raises(InvalidTransition, match="RUNNING"):
        await purged(rig, execution_id)
    await rig.worker.complete(held)
    await purged(rig, execution_id)


async def test_a_cancel_of_what_never_started_ends_before_the_purge(rig: Rig) -> None:
    execution_id = await never_started(rig)
    _, _, more = await rig.transitions.cancel_execution(
        execution_id, reason="null", grace_ms=0, request_id="c"
    )
    assert more

    with pytest.raises(InvalidTransition, match=r"being cancelled; .*wait for its end"):
        await purged(rig, execution_id)
    await rig.drain_worklist(execution_id)
    await purged(rig, execution_id)


async def test_a_child_goes_with_its_root_only(rig: Rig) -> None:
    execution_id, child_id, x = await with_child(rig)
    await rig.worker.complete(x)
    await rig.worker.run_all()
    assert await rig.status(child_id) is E.COMPLETED

    with pytest.raises(InvalidTransition, match=f"root execution, {execution_id}"):
        await purged(rig, child_id)
    await purged(rig, execution_id)

    assert await rig.store.status(child_id) is None


async def test_a_child_that_still_runs_goes_on_as_a_root(rig: Rig) -> None:
    execution_id = await rig.submit(nested("S", wait=False))
    held = await rig.worker.start()
    await rig.transitions.start_child(held["S"], child_of(execution_id, "S"))
    child_id = child_of(execution_id, "S").execution_id
    assert await rig.status(execution_id) is E.COMPLETED
    await rig.worker.read()

    await purged(rig, execution_id)

    child = await rig.store.execution(child_id)
    assert child is not None and (child.parent, child.status) == (None, E.RUNNING)
    await rig.advance(20_000)
    await rig.engine.executions.cancel(child_id, grace_ms=0, request_id="c")
    await purged(rig, child_id)
    assert not [key for key in await rig.redis.keys() if child_id.encode() in key]


async def test_unknown_and_purged_executions_are_not_found(rig: Rig) -> None:
    execution_id = await a_chain(rig)
    await purged(rig, execution_id)

    for each in (execution_id, "never-was"):
        with pytest.raises(ExecutionNotFound):
            await purged(rig, each)


async def test_an_execution_of_a_newer_layout_is_left_alone(rig: Rig) -> None:
    execution_id = await a_chain(rig)
    await set_layout(rig.redis, execution_id, 99)

    with pytest.raises(LayoutUnknown):
        await purged(rig, execution_id)
    assert await rig.status(execution_id) is E.COMPLETED


async def test_another_request_finds_nothing_while_keys_are_left(rig: Rig) -> None:
    execution_id = await large(rig)
    await rig.fold()

    first = await rig.transitions.purge_execution(execution_id, call_id="one")
    second = await rig.transitions.purge_execution(execution_id, call_id="two")

    assert (first[0], second[0]) == ("ok", "unknown")


async def test_the_key_it_was_made_under_makes_another_one_afterwards(rig: Rig) -> None:
    execution_id = await made_under_a_key(rig)
    await purged(rig, execution_id)

    again = await made_under_a_key(rig)

    assert again != execution_id
    assert await rig.status(again) is E.COMPLETED


async def test_a_key_whose_execution_is_gone_makes_another_one(rig: Rig) -> None:
    execution_id = await made_under_a_key(rig)
    # As one that was made before executions remembered their key.
    await rig.redis.hdel(rig.engine.keys.runtime(execution_id), "idempotency")
    await purged(rig, execution_id)
    assert await rig.redis.keys("idem:*")

    again = await made_under_a_key(rig)

    assert again != execution_id
    assert await rig.status(again) is E.COMPLETED


async def test_a_key_that_has_made_another_execution_since_is_kept(rig: Rig) -> None:
    execution_id = await made_under_a_key(rig)
    (key,) = await rig.redis.keys("idem:*")
    await rig.redis.set(key, "hash another")

    await purged(rig, execution_id)

    assert await rig.redis.get(key) == b"hash another"


async def test_the_history_of_a_purged_child_is_gone_before_its_keys_are(rig: Rig) -> None:
    execution_id, child_id, x = await with_child(rig)
    await rig.worker.complete(x)
    await rig.worker.run_all()
    await rig.transitions.purge_execution(execution_id, call_id="one")

    await rig.transitions.purge_keys(execution_id)

    assert await rig.store.status(child_id) is None


async def test_each_step_is_bounded(rig: Rig) -> None:
    execution_id = await large(rig)
    await rig.fold()
    await rig.transitions.purge_execution(execution_id, call_id="one")

    left, more = await rig.redis.dbsize(), True
    while more:
        _, more = await rig.transitions.purge_keys(execution_id)
        was, left = left, await rig.redis.dbsize()
        assert was - left <= 700
