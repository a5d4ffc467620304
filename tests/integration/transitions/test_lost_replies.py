"""A reply is lost and the call sent again: what it has claimed comes again, whatever happened meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from redis.exceptions import ResponseError

from orchestrator.states import NodeStatus, Reason
from orchestrator.store.replies import EndReply
from orchestrator.store.script_client import Call
from tests.makers import Rig, error_of, held_by, node

N = NodeStatus
Meanwhile = Callable[[Rig], Awaitable[Any]]


async def nothing(rig: Rig) -> None:
    pass


async def others_look_for_unclaimed_tasks(rig: Rig) -> None:
    await rig.redis.xautoclaim("workflow:tasks", "workflow_group", "another", 0)


@pytest.mark.parametrize("meanwhile", [nothing, others_look_for_unclaimed_tasks])
async def test_tasks_and_successors_come_again(rig: Rig, meanwhile: Meanwhile) -> None:
    await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")
    await rig.submit(node("X"))
    call = rig.transitions.complete_node(held, b"1", claiming=rig.worker.claiming(5))
    first = await call
    await meanwhile(rig)
    before = await rig.dump()

    second = await call

    assert [claim.node_id for claim in first.claims] == ["X", "B"]
    assert (second.word, second.claims) == ("dup", first.claims)
    assert await rig.dump() == before


async def test_what_others_have_by_now_does_not_come_again(rig: Rig) -> None:
    await rig.submit(node("A"), node("B", after=["A"]), node("C", after=["A"]))
    held = await rig.worker.start_one("A")
    call = rig.transitions.complete_node(held, b"1", claiming=rig.worker.claiming(5))
    claims = {claim.node_id: claim for claim in (await call).claims}
    await rig.transitions.release_node(held_by(claims["B"]))
    before = await rig.dump()

    assert [claim.node_id for claim in (await call).claims] == ["C"]
    assert await rig.dump() == before


async def test_a_successor_that_was_on_the_stream_comes_again_as_it_was(rig: Rig) -> None:
    wanted = {"a": "{{ A.text }}", "b": "{{ B.text }}"}
    await rig.submit(
        node("A"), node("B"), node("J", after=["A", "B"], trigger_rule="one_done", config=wanted)
    )
    held = await rig.worker.start(2)
    large = orjson.dumps({"text": "x" * 3_000})
    await rig.transitions.complete_node(held["A"], large)
    call = rig.transitions.complete_node(held["B"], large, claiming=rig.worker.claiming(5))

    first, second = await call, await call

    assert [claim.node_id for claim in first.claims] == ["J"]
    assert second.claims == first.claims


async def test_where_nothing_was_claimed_nothing_comes(rig: Rig) -> None:
    await rig.submit(node("A"), node("elsewhere", queue="slow"))
    held = await rig.worker.start_one("A")
    call = rig.transitions.complete_node(held, b"1", claiming=rig.worker.claiming(5))
    assert (await call).claims == []
    await rig.submit(node("late"))
    before = await rig.dump()

    assert (await call).claims == []
    assert await rig.dump() == before


async def test_an_attempt_that_was_not_called_off_and_then_is_gives_the_same_claims(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.submit(node("X"), node("Y"))
    call = rig.transitions.cancel_node(held, rig.worker.claiming(1))
    first = await call
    await rig.engine.executions.cancel(execution_id, request_id="r")

    second = await call

    assert (first.word, second.word) == ("uncalled", "ok")
    assert second.claims == first.claims


async def outcome(call: Call[Any]) -> Any:
    try:
        return await call
    except ResponseError as error:
        return error


async def test_tasks_that_cannot_be_posted_do_not_hold_up_who_ended_beside_them(rig: Rig) -> None:
    await rig.submit(node("A"), node("S", after=["A"], queue="slow"), node("T", after=["A"], queue="slow"))
    healthy = await rig.submit(node("H"), node("I", after=["H"]))
    held = await rig.worker.start()
    await rig.redis.set(rig.transitions.keys.tasks("slow"), "foreign")
    ends = [rig.transitions.complete_node(held[name], b"1") for name in ("H", "A")]
    call: Call[list[EndReply]] = rig.transitions.end_nodes(ends)

    await outcome(call)
    again = await outcome(call)

    assert [reply.word for reply in again] == ["dup", "dup"]
    assert await rig.nodes(healthy) == {"H": N.COMPLETED, "I": N.QUEUED}
    assert (await rig.events(healthy)).count("node.completed:H") == 1


async def test_a_damaged_record_leaves_its_neighbours_alone(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("p"), node("q"), node("r"))
    held = (await rig.worker.start(1))["A"]
    await rig.redis.hset(f"workflow:{execution_id}:runtime", "r|p", "rubbish")

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(5))

    assert {claim.node_id for claim in ended.claims} == {"q", "r"}
    # Its task stays, for whoever repairs it.
    assert await rig.redis.xlen("workflow:tasks") == 3


async def test_nothing_is_handed_over_once_the_execution_is_paused(rig: Rig) -> None:
    asking = {"max_attempts": 1, "on_exhausted": "pause"}
    execution_id = await rig.submit(node("A"), node("B", retry=asking), node("S", after=["A"]))
    held = await rig.worker.start(2)
    fail = rig.transitions.fail_node(
        held["B"], error_of(), reason=Reason.ERROR, is_dead=True, claiming=rig.worker.claiming(5)
    )

    replies = await rig.transitions.end_nodes([rig.transitions.complete_node(held["A"], b"1"), fail])

    assert replies[-1].claims == []
    assert (await rig.nodes(execution_id))["S"] is N.QUEUED


async def test_a_map_that_failed_while_its_items_were_written_begins_anew(rig: Rig) -> None:
    execution_id = await rig.submit(node("M", map={"items": [1, 2, 3]}))
    held = await rig.worker.start_one("M")
    await rig.transitions.stage_items(held, 0, [b"1", b"2"])
    await rig.worker.fail(held)
    await rig.engine.executions.retry(execution_id)

    (task,) = await rig.worker.read()
    claim = await rig.worker.claim(task)

    assert not isinstance(claim, str)
    assert claim.resume == b""
