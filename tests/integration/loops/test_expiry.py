"""What has ended stays for its retention and then goes whole, children with their root."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.retention import DAY_MS, FOR_EVER, Retention
from orchestrator.errors import ExecutionNotFound
from orchestrator.loops import retention
from orchestrator.states import ExecutionStatus
from tests.integration.loops.expiring import expires_in, is_there, look
from tests.integration.transitions.prepared_calls import child_of
from tests.integration.transitions.purgeable import a_chain, dead_letters, with_child
from tests.integration.transitions.started_children import nested
from tests.makers import Rig, node

E = ExecutionStatus
SECOND_MS, HOUR_MS = 1_000, 3_600_000


async def cancelled(rig: Rig) -> str:
    execution_id = await rig.submit(node("A"))
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="c")
    return execution_id


async def unstarted(rig: Rig) -> str:
    return await rig.submit(node("A"), trigger=False)


@pytest.mark.parametrize(("make", "days"), [(a_chain, 7), (dead_letters, 30), (cancelled, 7), (unstarted, 7)])
async def test_it_is_kept_as_its_end_says_and_then_leaves_no_key(rig: Rig, make: Any, days: int) -> None:
    await rig.worker.read()
    before = await rig.dump()
    execution_id = await make(rig)
    assert await expires_in(rig, execution_id) is None

    await look(rig)
    promised = await expires_in(rig, execution_id)
    await look(rig, days * DAY_MS - 1)
    was_there = await is_there(rig, execution_id)
    await look(rig, 1)

    assert (promised, was_there) == (days * DAY_MS, True)
    # What the test's worker was given and never took.
    await rig.worker.read()
    assert await rig.dump(statistics=False) == before


async def test_a_definition_says_otherwise_for_the_ends_it_names(rig: Rig) -> None:
    own = {"completed": "1h", "failed": "never"}
    short = await rig.submit(node("A"), retention=own)
    await rig.worker.run_all()
    kept = await rig.submit(node("A"), retention=own)
    await rig.worker.run_all(failing=["A"])
    as_set = await rig.submit(node("A"), retention=own)
    await rig.engine.executions.cancel(as_set, grace_ms=0, request_id="c")

    await look(rig)
    await look(rig, HOUR_MS)
    after_an_hour = [await is_there(rig, each) for each in (short, kept, as_set)]
    await look(rig, 7 * DAY_MS)
    after_a_week = [await is_there(rig, each) for each in (short, kept, as_set)]
    for _ in range(50):
        await look(rig, 30 * DAY_MS)

    assert after_an_hour == [False, True, True]
    assert after_a_week == [False, True, False]
    assert await is_there(rig, kept)


async def test_what_was_kept_for_ever_goes_once_settings_say_so(rig: Rig) -> None:
    execution_id = await a_chain(rig)
    await look(rig, kept=FOR_EVER)
    await look(rig, 29 * DAY_MS, FOR_EVER)
    assert await is_there(rig, execution_id)

    await look(rig, DAY_MS)

    assert not await is_there(rig, execution_id)


async def test_settings_that_keep_longer_hold_for_what_has_ended_before(rig: Rig) -> None:
    execution_id = await a_chain(rig)
    await look(rig, kept=Retention(completed_ms=SECOND_MS))

    await look(rig, 2 * SECOND_MS, Retention())

    assert await expires_in(rig, execution_id) == 7 * DAY_MS - 2 * SECOND_MS


async def test_settings_that_keep_shorter_hold_once_all_has_been_looked_at_again(rig: Rig) -> None:
    made = [await a_chain(rig) for _ in range(150)]
    failed = await dead_letters(rig)
    await look(rig)
    await retention.review(rig.store, rig.transitions, Retention())
    rig.transitions.now_ms = rig.now_ms + DAY_MS

    unchanged = await retention.review(rig.store, rig.transitions, Retention())
    looked_at = await retention.review(rig.store, rig.transitions, Retention(completed_ms=HOUR_MS))
    again = await retention.review(rig.store, rig.transitions, Retention(completed_ms=HOUR_MS))

    assert (unchanged, looked_at, again) == (0, 151, 0)
    assert not [each for each in made if await is_there(rig, each)]
    assert await expires_in(rig, failed) == 29 * DAY_MS


async def test_one_that_is_started_in_time_is_kept_from_its_end_on(rig: Rig) -> None:
    execution_id = await unstarted(rig)
    await look(rig)
    await rig.engine.executions.trigger(execution_id)

    rig.transitions.now_ms = rig.now_ms + 8 * DAY_MS
    assert await rig.transitions.expire_execution(execution_id, Retention(), call_id="c") == ["kept", 0]
    await rig.worker.run_all()
    await look(rig)
    promised = await expires_in(rig, execution_id)

    assert promised == 7 * DAY_MS


async def test_one_that_is_being_cancelled_before_it_began_ends_first(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{number}") for number in range(500)), trigger=False)
    await look(rig)
    rig.transitions.now_ms = rig.now_ms + 7 * DAY_MS
    await rig.transitions.cancel_execution(execution_id, reason="null", grace_ms=0, request_id="c")

    await look(rig)
    assert await is_there(rig, execution_id)
    await rig.drain_worklist(execution_id)
    await look(rig, 60_000)

    assert await expires_in(rig, execution_id) == 7 * DAY_MS - 60_000


# Retries


async def test_a_retry_takes_it_off_the_list_and_its_next_end_puts_it_back(rig: Rig) -> None:
    execution_id = await dead_letters(rig)
    await look(rig)
    rig.transitions.now_ms = rig.now_ms + 29 * DAY_MS
    await rig.engine.executions.retry(execution_id)
    assert await rig.store.index.expires_ms(execution_id) is None

    await look(rig, 2 * DAY_MS)
    is_running = await rig.status(execution_id)
    await rig.worker.run_all()
    await look(rig)

    assert is_running is E.RUNNING
    assert await rig.status(execution_id) is E.COMPLETED
    assert await expires_in(rig, execution_id) == 7 * DAY_MS


async def test_one_that_is_retried_at_its_last_moment_stays(rig: Rig) -> None:
    execution_id = await dead_letters(rig)
    await look(rig)
    rig.transitions.now_ms = rig.now_ms + 30 * DAY_MS
    due = await rig.store.index.due("expiring", rig.now_ms, 10)
    await rig.engine.executions.retry(execution_id)

    word, _ = await rig.transitions.expire_execution(execution_id, Retention(), call_id="late")

    assert (due, word) == ([execution_id], "kept")
    assert await rig.status(execution_id) is E.RUNNING


async def test_one_that_ended_again_meanwhile_is_counted_before_it_goes(rig: Rig) -> None:
    execution_id = await dead_letters(rig)
    await look(rig)
    await rig.engine.executions.retry(execution_id)
    await rig.worker.run_all()
    # As by an orchestrator that has read the list before the retry.
    await rig.redis.zadd("workflows:expiring", {execution_id: 1})

    word, _ = await rig.transitions.expire_execution(execution_id, Retention(0, 0, 0, 0), call_id="late")

    assert word == "kept"
    await look(rig)
    assert await expires_in(rig, execution_id) == 7 * DAY_MS


async def test_a_retry_of_what_is_gone_finds_nothing(rig: Rig) -> None:
    execution_id = await dead_letters(rig)
    await look(rig)
    await look(rig, 30 * DAY_MS)

    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.retry(execution_id)


# Families


async def test_children_go_with_their_root_and_not_before(rig: Rig) -> None:
    execution_id, child_id, x = await with_child(rig)
    await rig.worker.complete(x)
    (last,) = (await rig.worker.start()).values()
    await rig.worker.complete(last)
    assert (await rig.status(child_id), await rig.status(execution_id)) == (E.COMPLETED, E.RUNNING)
    await look(rig)
    await look(rig, 60 * DAY_MS)
    assert await is_there(rig, child_id)  # its root still runs

    await rig.worker.run_all()
    await look(rig)
    await look(rig, 7 * DAY_MS - 1)
    before = [await is_there(rig, each) for each in (execution_id, child_id)]
    await look(rig, 1)

    assert before == [True, True]
    assert [await is_there(rig, each) for each in (execution_id, child_id)] == [False, False]


async def test_a_child_that_outlives_its_root_is_kept_from_its_own_end_on(rig: Rig) -> None:
    execution_id = await rig.submit(nested("S", wait=False))
    held = await rig.worker.start()
    await rig.transitions.start_child(held["S"], child_of(execution_id, "S"))
    child_id = child_of(execution_id, "S").execution_id
    await look(rig)

    await look(rig, 8 * DAY_MS)
    left = [await is_there(rig, each) for each in (execution_id, child_id)]
    await rig.engine.executions.cancel(child_id, grace_ms=0, request_id="c")
    await look(rig)
    promised = await expires_in(rig, child_id)
    await look(rig, 7 * DAY_MS)

    assert (left, promised) == ([False, True], 7 * DAY_MS)
    assert not [key for key in await rig.redis.keys() if child_id.encode() in key]


async def test_a_fork_and_a_replay_stay_when_their_source_expires(rig: Rig) -> None:
    source = await a_chain(rig)
    await look(rig)
    rig.transitions.now_ms = rig.now_ms + 6 * DAY_MS
    fork = (await rig.engine.executions.fork(source, from_node="B")).execution_id
    replay = (await rig.engine.executions.replay(source)).execution_id
    assert fork is not None

    await look(rig, DAY_MS)
    assert not await is_there(rig, source)
    await rig.worker.run_all()

    for each in (fork, replay):
        assert await rig.status(each) is E.COMPLETED
        assert all((await rig.engine.executions.results(each)).values())
        assert (await rig.engine.executions.fork(each, from_node="B")).execution_id
