"""A journal grows entry by entry, by the current attempt alone, and each entry is written whole or not."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.store.requests import AttemptToken
from tests.integration.durable_units import append, journal_of, letters_of, park, parked, post
from tests.integration.mapped_nodes import listed, tens, tens_registered
from tests.makers import LEASE_MS, Rig, node


async def started(rig: Rig, **fields: Any) -> AttemptToken:
    await rig.submit(node("A", **fields))
    return await rig.worker.start_one("A")


async def test_entries_keep_their_order(rig: Rig) -> None:
    held = await started(rig)

    answers = [await append(rig, held, number, b'{"n":%d}' % number) for number in (1, 2, 3)]

    assert answers == [["ok", 1], ["ok", 2], ["ok", 3]]
    assert await journal_of(rig, held.execution_id) == (None, [b'{"n":1}', b'{"n":2}', b'{"n":3}'])


async def test_an_entry_of_a_number_that_is_there_changes_nothing(rig: Rig) -> None:
    held = await started(rig)
    await post(rig, held.execution_id)
    await append(rig, held, 1, b"1", takes=1, events=[b"{}"])
    before = await rig.dump()

    answer = await append(rig, held, 1, b"another", takes=1, events=[b"{}"])

    assert answer == ["ok", 1]
    assert await rig.dump() == before


async def test_no_entry_is_passed_over(rig: Rig) -> None:
    held = await started(rig)
    await append(rig, held, 1)
    before = await rig.dump()

    assert await append(rig, held, 3) == ["gap", 1]
    assert await rig.dump() == before


async def test_an_attempt_that_was_replaced_writes_nothing(rig: Rig) -> None:
    held = await started(rig)
    await append(rig, held, 1)
    await rig.advance(LEASE_MS + 1)
    again = await rig.worker.start_one("A")
    before = await rig.dump()

    assert await append(rig, held, 2, b"late") == ["fenced", 0]
    assert await append(rig, again._replace(nonce="other"), 2) == ["fenced", 0]
    assert await rig.dump() == before
    assert await append(rig, again, 2, b"2") == ["ok", 2]


async def test_a_journal_survives_failures_parks_and_retries_in_place(rig: Rig) -> None:
    held = await started(rig)
    await append(rig, held, 1, b"1")
    await rig.worker.retry(held, delay_ms=1_000)
    await rig.advance(1_000)
    held = await rig.worker.start_one("A")
    await append(rig, held, 2, b"2")
    await park(rig, held, rig.now_ms + 1_000)
    await rig.advance(1_000)
    held = await rig.worker.start_one("A")
    await append(rig, held, 3, b"3")
    await rig.worker.fail(held)
    await rig.engine.executions.retry(held.execution_id)
    held = await rig.worker.start_one("A")

    assert await append(rig, held, 4, b"4") == ["ok", 4]
    assert await journal_of(rig, held.execution_id) == (None, [b"1", b"2", b"3", b"4"])


async def test_letters_leave_in_order_each_with_its_entry(rig: Rig) -> None:
    held = await started(rig)
    for payload in (b'"x"', b'"y"'):
        await post(rig, held.execution_id, payload=payload)
    before = await rig.dump()

    assert await append(rig, held, 1, takes=2) == ["letter", 1]
    assert await append(rig, held, 1, takes=3) == ["letter", 1]
    assert await rig.dump() == before
    assert await append(rig, held, 1, takes=1) == ["ok", 1]
    assert await letters_of(rig, held.execution_id) == [(2, b'"y"')]
    assert await append(rig, held, 2, takes=2) == ["ok", 2]
    assert await append(rig, held, 3, takes=3) == ["letter", 3]
    assert await letters_of(rig, held.execution_id) == []


async def test_typed_events_come_with_their_entry_and_are_counted(rig: Rig) -> None:
    held = await started(rig)
    await rig.transitions.report_events(held, [(1, "node.event", b"0")], events_allowed=3)

    words = [
        (await append(rig, held, 1, events=[b"1", b"2"], events_allowed=3))[0],
        (await append(rig, held, 2, events=[b"3"], events_allowed=3))[0],
        (await append(rig, held, 2, events_allowed=3))[0],
    ]

    events = await rig.engine.events.list(held.execution_id)
    assert words == ["ok", "exceeded", "ok"]
    assert [event.data for event in events if event.type == "node.event"] == [b"0", b"1", b"2"]
    assert (await journal_of(rig, held.execution_id))[1] == [b"1", b"1"]


async def test_a_journal_is_bounded(rig: Rig) -> None:
    held = await started(rig)
    await append(rig, held, 1, b"x" * 100, allowed_bytes=400)
    before = await rig.dump()

    assert await append(rig, held, 2, b"x" * 200, allowed_bytes=400) == ["full", 428]
    assert await rig.dump() == before
    assert await append(rig, held, 2, b"x" * 172, allowed_bytes=400) == ["ok", 2]


async def test_progress_that_was_journalled_forgives_lost_workers(rig: Rig) -> None:
    held = await started(rig)
    for _ in range(3):
        await rig.advance(LEASE_MS + 1)
        await rig.advance(60_000)
        held = await rig.worker.start_one("A")
    assert (await rig.engine.nodes.get(held.execution_id, "A")).state.crashes == 3

    await append(rig, held, 1)

    assert (await rig.engine.nodes.get(held.execution_id, "A")).state.crashes == 0


async def test_journals_of_units_are_apart(rig: Rig) -> None:
    await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    await append(rig, held["A"], 1, b"1")
    await append(rig, held["B"], 1, b"2")

    assert await journal_of(rig, held["A"].execution_id, "A") == (None, [b"1"])
    assert await journal_of(rig, held["A"].execution_id, "B") == (None, [b"2"])


async def test_neither_a_fork_nor_a_replay_takes_a_journal_along(rig: Rig) -> None:
    execution_id = await parked(rig)
    await post(rig, execution_id)
    held = await rig.worker.start_one("A")
    await append(rig, held, 1, takes=1)
    await rig.worker.complete(held)
    await rig.worker.run_all()
    fork = (await rig.engine.executions.fork(execution_id, from_node="A")).execution_id
    replay = (await rig.engine.executions.replay(execution_id)).execution_id

    for each in (fork, replay):
        assert each is not None and await journal_of(rig, each) == (None, [])


async def test_items_made_anew_begin_with_an_empty_journal(rig: Rig) -> None:
    with tens_registered():
        execution_id, held = await listed(rig, tens([1, 2]))
        await append(rig, held["A[0]"], 1, b"old")
        await rig.transitions.snapshot_journal(held["A[0]"], 1, b"older")
        await append(rig, held["A[0]"], 2, b"old")
        await rig.worker.complete(held["A[0]"])
        await rig.worker.complete(held["A[1]"])
        await rig.worker.run_all()
        await rig.transitions.retry_execution(
            execution_id, generation=1, position=0, nodes=["A"], items=["renew A 0 0 0 0 0", "decide A"]
        )
        again = await rig.worker.start_one("A")
        await rig.transitions.map_node(again, [b"3", b"4"], tolerated=0, stops=False)
        item = await rig.worker.start_one("A[0]")

        assert await journal_of(rig, execution_id, "A[0]") == (None, [])
        assert await append(rig, item, 3, b"new") == ["ok", 3]
        assert await journal_of(rig, execution_id, "A[0]") == (None, [b"new"])
        assert (await rig.store.journals.read(execution_id, "A[0]")).bytes == 3 + 64


@pytest.mark.parametrize("verb", ["complete", "fail"])
async def test_nothing_is_written_behind_the_end_of_an_attempt(rig: Rig, verb: str) -> None:
    held = await started(rig)
    await getattr(rig.worker, verb)(held)
    before = await rig.dump()

    assert await append(rig, held, 1) == ["fenced", 0]
    assert await rig.dump() == before
