"""A letter is taken whatever its unit does, once for each request, as long as somebody may read it."""

from __future__ import annotations

import pytest

from orchestrator.states import NodeStatus
from orchestrator.store.requests import Idempotency
from tests.integration.durable_units import append, letters_of, parked, post
from tests.integration.mapped_nodes import listed, tens, tens_registered
from tests.integration.transitions.scenes import scene
from tests.makers import Rig, node


@pytest.mark.parametrize("status", [each for each in NodeStatus if each is not NodeStatus.CANCELLED])
async def test_every_status_of_a_unit_takes_a_letter(rig: Rig, status: NodeStatus) -> None:
    found = await scene(rig, status)
    if (await rig.status(found.execution_id)).is_terminal:
        await rig.redis.set(rig.transitions.keys.status(found.execution_id), "RUNNING")

    answer = await post(rig, found.execution_id, "B", b'"x"')

    assert answer[0] == "ok"
    assert await letters_of(rig, found.execution_id, "B") == [(1, b'"x"')]
    assert await found.status() is status


async def test_letters_are_numbered_for_each_unit(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))

    numbers = [(await post(rig, execution_id, unit))[2] for unit in ("A", "A", "B", "A")]

    assert numbers == [1, 2, 1, 3]


async def test_a_request_that_comes_again_posts_nothing_more(rig: Rig) -> None:
    execution_id = await parked(rig)
    await post(rig, execution_id, request=Idempotency("key", "hash", "call-1"))
    before = await rig.dump()

    again = await post(rig, execution_id, request=Idempotency("key", "hash", "call-2"))
    other = await post(rig, execution_id, request=Idempotency("key", "other", "call-3"))

    assert (again, other[0]) == (["replayed", "RUNNING", 1, 0], "conflict")
    assert await rig.dump() == before


async def test_a_request_is_known_after_its_letter_was_taken(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    request = Idempotency("key", "hash", "call-1")
    await post(rig, execution_id, request=request)
    await append(rig, held, 1, takes=1)

    assert (await post(rig, execution_id, request=request))[:3] == ["ok", "RUNNING", 1]
    assert await letters_of(rig, execution_id) == []


async def test_no_more_letters_wait_than_are_allowed(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    for _ in range(2):
        await post(rig, execution_id, allowed=2)
    before = await rig.dump()

    assert (await post(rig, execution_id, allowed=2))[0] == "full"
    assert await rig.dump() == before
    await append(rig, held, 1, takes=1)
    assert (await post(rig, execution_id, allowed=2))[:3] == ["ok", "RUNNING", 3]


async def test_letters_to_nobody_are_refused(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    before = await rig.dump()

    assert (await post(rig, "x"))[0] == "unknown"
    for unit in ("B", "A[0]", "[0]", "A[0"):
        assert (await post(rig, execution_id, unit))[0] == "unknown_node"
    assert await rig.dump() == before


async def test_each_item_of_a_map_has_an_inbox_and_the_map_has_none(rig: Rig) -> None:
    with tens_registered():
        execution_id, _ = await listed(rig, tens([1, 2]))

        words = [(await post(rig, execution_id, unit))[0] for unit in ("A", "A[0]", "A[1]", "A[2]")]

    assert words == ["mapped", "ok", "ok", "unknown_node"]


async def test_an_execution_that_ends_takes_no_letters(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.start_one("A")
    await rig.engine.executions.cancel(execution_id, grace_ms=60_000, request_id="c")
    assert (await post(rig, execution_id))[0] == "cancelling"

    await rig.advance(60_000)

    assert (await post(rig, execution_id))[:2] == ["terminal", "CANCELLED"]


async def test_letters_wait_for_a_retry_in_place(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await post(rig, execution_id, payload=b'"x"')
    await rig.worker.run_all(failing=["A"])

    await rig.engine.executions.retry(execution_id)

    assert await letters_of(rig, execution_id) == [(1, b'"x"')]
