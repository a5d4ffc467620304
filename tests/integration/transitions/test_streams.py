"""Streamed text in the history: in order, taken back when another attempt begins, never without bound."""

from __future__ import annotations

from orchestrator.store.requests import AttemptToken
from tests.makers import LEASE_MS, Rig, node


async def pieces(rig: Rig, held: AttemptToken, *numbers: int, allowed: int = 100) -> str:
    lines = [(number, "node.token", b'{"text":"%d"}' % number) for number in numbers]
    return await rig.transitions.report_events(held, lines, tokens_allowed=allowed)


async def streamed(rig: Rig, execution_id: str) -> list[tuple[str, int | None, bytes]]:
    return [
        (event.type, event.attempt, event.data)
        for event in await rig.engine.events.list(execution_id)
        if event.type in ("node.token", "stream.reset")
    ]


async def test_a_new_attempt_takes_back_what_the_one_before_streamed(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await pieces(rig, held, 1)
    await rig.transitions.release_node(held)

    await rig.worker.start_one("A")

    assert (await rig.events(execution_id))[-2:] == ["node.started:A", "stream.reset:A"]
    assert (await streamed(rig, execution_id))[-1] == (
        "stream.reset", 2, b'{"reason":"attempt","attempt":1}',
    )  # fmt: skip


async def test_an_attempt_after_one_without_a_stream_takes_nothing_back(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    for _ in range(3):
        held = await rig.worker.start_one("A")
        await rig.transitions.release_node(held)

    assert not await streamed(rig, execution_id)


async def test_a_claim_sent_again_takes_back_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await pieces(rig, held, 1)
    await rig.transitions.release_node(held)
    (task,) = await rig.worker.read()
    again = rig.worker.token(task)

    for _ in range(2):
        await rig.worker.claim(task, again)

    assert (await rig.events(execution_id)).count("stream.reset:A") == 1


async def test_a_stream_is_taken_back_once(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await pieces(rig, held, 1)

    for _ in range(2):
        await rig.transitions.release_node(held)
        held = await rig.worker.start_one("A")

    assert (await rig.events(execution_id)).count("stream.reset:A") == 1


async def test_what_is_lost_with_its_worker_is_taken_back(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await pieces(rig, await rig.worker.start_one("A"), 1, 2)

    await rig.advance(LEASE_MS + 1)
    again = await rig.worker.start_one("A")
    await pieces(rig, again, 1)

    kinds = [(type, attempt) for type, attempt, _ in await streamed(rig, execution_id)]
    assert kinds == [("node.token", 1), ("node.token", 1), ("stream.reset", 2), ("node.token", 2)]


async def test_a_stream_too_long_to_be_kept_is_taken_back_whole(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")

    await pieces(rig, held, 1, 2, allowed=3)
    await pieces(rig, held, 3, 4, 5, allowed=3)
    await pieces(rig, held, 6, allowed=3)

    found = await streamed(rig, execution_id)
    assert [type for type, _, _ in found] == ["node.token"] * 3 + ["stream.reset"]
    assert found[-1][2] == b'{"reason":"capped"}'


async def test_streams_leave_log_lines_their_room(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await pieces(rig, held, *range(1, 50), allowed=10)

    word = await rig.transitions.report_events(held, [(60, "node.log", b"{}")], allowed=1, tokens_allowed=10)

    assert word == "ok"
    assert (await rig.events(execution_id))[-1] == "node.log:A"
