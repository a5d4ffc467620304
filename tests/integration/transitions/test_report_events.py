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
