"""What handlers log and report becomes history: once, in order, only of the current attempt, and bounded."""

from __future__ import annotations

from tests.makers import LEASE_MS, Rig, node

LINES = [(number, "node.log", b'{"n":%d}' % number) for number in range(1, 6)]


async def test_lines_become_events_of_their_attempt(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")

    word = await rig.transitions.report_events(held, [(1, "node.progress", b'{"fraction":0.5}')])

    event = (await rig.engine.events.list(execution_id))[-1]
    assert word == "ok"
    assert (event.type, event.node_id, event.attempt, event.data) == (
        "node.progress", "A", 1, b'{"fraction":0.5}',
    )  # fmt: skip


async def test_lines_that_overlap_what_was_sent_are_kept_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.report_events(held, LINES[:3])

    await rig.transitions.report_events(held, LINES)

    events = await rig.engine.events.list(execution_id)
    assert [event.data for event in events if event.type == "node.log"] == [data for _, _, data in LINES]


async def test_numbers_start_anew_with_each_attempt(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    for _ in range(2):
        held = await rig.worker.start_one("A")
        await rig.transitions.report_events(held, LINES[:2])
        await rig.transitions.release_node(held)

    assert (await rig.events(execution_id)).count("node.log:A") == 4


async def test_lines_of_an_attempt_that_is_over_are_refused(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.advance(LEASE_MS + 1)
    before = await rig.dump()

    word = await rig.transitions.report_events(held, LINES)

    assert word == "fenced"
    assert await rig.dump() == before


async def test_lines_of_an_earlier_attempt_are_refused_while_the_next_one_runs(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.advance(LEASE_MS + 1)
    await rig.worker.start_one("A")
    before = await rig.dump()

    word = await rig.transitions.report_events(held, LINES)

    assert word == "fenced"
    assert await rig.dump() == before


async def test_an_execution_keeps_a_bounded_number_of_lines_and_says_so_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()

    words = [
        await rig.transitions.report_events(held["A"], LINES[:3], allowed=3),
        await rig.transitions.report_events(held["B"], LINES[:2], allowed=3),
        await rig.transitions.report_events(held["B"], LINES, allowed=3),
    ]

    logs = [event for event in await rig.engine.events.list(execution_id) if event.type == "node.log"]
    assert words == ["ok", "full", "full"]
    assert [(event.node_id, b"not kept" in event.data) for event in logs] == [
        ("A", False), ("A", False), ("A", False), ("B", True),
    ]  # fmt: skip


EVENTS = [(number, "node.event", b'{"n":%d}' % number) for number in range(1, 6)]


async def kept(rig: Rig, execution_id: str) -> list[bytes]:
    return [event.data for event in await rig.engine.events.list(execution_id) if event.type == "node.event"]


async def test_typed_events_that_overlap_what_was_sent_are_kept_once_and_in_order(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.report_events(held, EVENTS[:3])

    await rig.transitions.report_events(held, EVENTS)
    await rig.transitions.report_events(held, EVENTS[1:4])

    assert await kept(rig, execution_id) == [data for _, _, data in EVENTS]


async def test_a_typed_event_too_many_is_refused_as_often_as_it_is_sent(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()
    line = (6, "node.log", b"{}")

    words = [
        await rig.transitions.report_events(held["A"], EVENTS[:2], events_allowed=3),
        await rig.transitions.report_events(held["B"], [*EVENTS[:2], line], events_allowed=3),
        await rig.transitions.report_events(held["B"], [*EVENTS[:2], line], events_allowed=3),
        await rig.transitions.report_events(held["B"], [line], events_allowed=3),
    ]

    assert words == ["ok", "exceeded", "exceeded", "ok"]
    assert await kept(rig, execution_id) == [b'{"n":1}', b'{"n":2}', b'{"n":1}']
    assert (await rig.events(execution_id))[-1] == "node.log:B"


async def test_typed_events_and_log_lines_leave_each_other_their_room(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.report_events(held, LINES[:3], allowed=1)

    word = await rig.transitions.report_events(
        held, [(4, "node.event", b"{}"), (5, "node.token", b"{}"), (6, "node.event", b"{}")], allowed=1
    )

    assert word == "full"
    assert (await rig.events(execution_id))[-3:] == ["node.event:A", "node.token:A", "node.event:A"]


async def test_an_execution_without_typed_events_has_no_field_for_them(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.report_events(held, LINES)

    runtime = rig.transitions.keys.runtime(execution_id)
    without = await rig.redis.hget(runtime, "emitted")
    await rig.transitions.report_events(held, [(6, "node.event", b"{}")])

    assert (without, await rig.redis.hget(runtime, "emitted")) == (None, b"1")


async def test_the_count_of_typed_events_outlives_a_retry_in_place(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.transitions.report_events(held, EVENTS[:2], events_allowed=3)
    await rig.worker.fail(held)
    await rig.engine.executions.retry(execution_id)
    again = await rig.worker.start_one("A")

    word = await rig.transitions.report_events(again, EVENTS[:2], events_allowed=3)

    assert word == "exceeded"
    assert len(await kept(rig, execution_id)) == 3
