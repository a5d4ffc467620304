"""Many ends in one call: each as if it had come alone, and what they write is written once."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from orchestrator.store.replies import EndReply
from orchestrator.store.script_client import Call
from tests.makers import Rig, error_of, held_by, node

N = NodeStatus


async def ends(rig: Rig, *names: str, claims: int = 0) -> Call[list[EndReply]]:
    held = await rig.worker.start(len(names))
    calls = [
        rig.transitions.complete_node(
            held[name],
            b'{"by":"%s"}' % name.encode(),
            claiming=rig.worker.claiming(claims) if claims and name == names[-1] else None,
        )
        for name in names
    ]
    return rig.transitions.end_nodes(calls)


async def test_each_end_is_as_if_it_had_come_alone(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"), node("C", after=["A", "B"]), node("D", after=["A"]))

    replies = await (await ends(rig, "A", "B"))

    assert [reply.word for reply in replies] == ["ok", "ok"]
    assert await rig.nodes(execution_id) == {
        "A": N.COMPLETED, "B": N.COMPLETED, "C": N.QUEUED, "D": N.QUEUED,
    }  # fmt: skip
    assert await rig.store.output(execution_id, "B") == b'{"by":"B"}'
    assert await rig.redis.zcard("workflows:leases") == 0
    # What ended is off the stream, what became ready is on it.
    assert await rig.redis.xlen("workflow:tasks") == 2
    assert "node.queued:D" in await rig.events(execution_id)


async def test_ends_that_end_an_execution_and_others_beside_them(rig: Rig) -> None:
    first = await rig.submit(node("A"), node("B"))
    second = await rig.submit(node("C"), node("D", after=["C"]))

    await (await ends(rig, "A", "B", "C"))

    assert (await rig.status(first), await rig.status(second)) == (
        ExecutionStatus.COMPLETED,
        ExecutionStatus.RUNNING,
    )


async def test_sent_again_it_changes_nothing_and_answers_the_same_claims(rig: Rig) -> None:
    await rig.submit(node("A"), node("B"), node("C", after=["A"]), node("D", after=["B"]))
    call = await ends(rig, "A", "B", claims=8)
    first = await call
    before = await rig.dump()

    second = await call

    assert [reply.word for reply in second] == ["dup", "dup"]
    assert second[-1].claims == first[-1].claims
    assert {claim.node_id for claim in first[-1].claims} == {"C", "D"}
    assert await rig.dump() == before


async def damage_worklist(rig: Rig, execution_id: str) -> None:
    """Make settling fail once it has done its own work."""
    await rig.redis.set(f"workflow:{execution_id}:worklist", "foreign")
    await rig.redis.hset(f"workflow:{execution_id}:runtime", "worklist", "1")


async def test_the_fault_of_one_stands_in_its_place(rig: Rig) -> None:
    damaged = await rig.submit(node("A"), node("X"), node("B", after=["A", "X"]))
    await rig.submit(node("C"), node("D", after=["C"]))
    held = await rig.worker.start(3)
    call = rig.transitions.end_nodes(
        [
            rig.transitions.complete_node(held["A"], b"1"),
            rig.transitions.complete_node(held["C"], b"1", claiming=rig.worker.claiming(8)),
        ]
    )
    await damage_worklist(rig, damaged)

    fault, ended = await call
    again = await call

    assert isinstance(fault, Exception)
    assert ended.word == "ok"
    assert [claim.node_id for claim in ended.claims] == ["D"]
    # What has counted at its successors is known to have ended, and counts once.
    assert [reply.word for reply in again] == ["dup", "dup"]
    assert await rig.redis.hget(f"workflow:{damaged}:runtime", "c|B") == b"1 0 0 0 0"


async def test_a_call_that_fails_on_the_way_counts_once(rig: Rig) -> None:
    damaged = await rig.submit(node("A"), node("X"), node("B", after=["A", "X"]), node("C", after=["A"]))
    held = await rig.worker.start(2)
    await damage_worklist(rig, damaged)
    call = rig.transitions.complete_node(held["A"], b"1", claiming=rig.worker.claiming(8))

    with pytest.raises(ResponseError, match="wrong kind"):
        await call
    again = await call

    assert again.word == "dup"
    assert await rig.redis.hget(f"workflow:{damaged}:runtime", "c|B") == b"1 0 0 0 0"
    # C has become ready: it is on its stream, or came along when the call was sent again.
    assert [claim.node_id for claim in again.claims] == ["C"]


async def test_a_damaged_task_does_not_fail_who_takes_it_along(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    damaged = await rig.submit(node("X"))
    await rig.submit(node("Y"))
    await rig.redis.set(f"workflow:{damaged}:runtime", "foreign")

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(8))

    assert ended.word == "ok"
    assert [claim.node_id for claim in ended.claims] == ["Y"]


@pytest.mark.parametrize("readers", [1, 2])
async def test_a_successor_goes_to_the_worker_without_the_stream(rig: Rig, readers: int) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(1, readers=readers))

    (claim,) = ended.claims
    assert (claim.node_id, claim.attempt, claim.message_id) == ("B", 1, "")
    assert await rig.redis.xlen("workflow:tasks") == 0
    # Whoever watches sees it queued before it starts.
    assert (await rig.events(execution_id))[-2:] == ["node.queued:B", "node.started:B"]
    await rig.worker.complete(held_by(claim))
    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED


async def test_a_successor_that_the_worker_cannot_run_goes_to_the_stream(rig: Rig) -> None:
    await rig.submit(
        node("A"),
        node("B", after=["A"], handler="llm", config={"prompt": "x"}),
        node("C", after=["A"], queue="gpu"),
    )
    held = await rig.worker.start_one("A")

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(4))

    assert (ended.claims, ended.unoffered) == ([], [])
    assert await rig.redis.xlen("workflow:tasks") == 1
    assert await rig.redis.xlen("workflow:tasks:gpu") == 1


async def test_what_follows_from_no_attempt_comes_over_the_stream(rig: Rig) -> None:
    await rig.submit(node("A"), node("B", after=["A"]), node("C", after=["B"], trigger_rule="all_done"))
    held = await rig.worker.start_one("A")
    call = rig.transitions.fail_node(
        held, error_of(), reason=Reason.ERROR, is_dead=False, claiming=rig.worker.claiming(4)
    )

    first = await call
    again = await call

    # B was skipped: C is no successor of what the call ended, and is found again by its task alone.
    (claim,) = first.claims
    assert (claim.node_id, claim.message_id != "") == ("C", True)
    assert (again.word, again.claims) == ("dup", [claim])


async def test_the_end_of_an_attempt_that_comes_twice_in_one_call_counts_once(rig: Rig) -> None:
    await rig.submit(node("A"), node("B"))
    end = rig.transitions.complete_node(await rig.worker.start_one("A"), b"1")

    replies = await rig.transitions.end_nodes([end, end])

    assert [reply.word for reply in replies] == ["ok", "dup"]


async def test_what_is_older_on_the_stream_comes_first(rig: Rig) -> None:
    await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")
    await rig.submit(node("older"))

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(1))

    assert [claim.node_id for claim in ended.claims] == ["older"]
    assert await rig.redis.xlen("workflow:tasks") == 2


async def test_a_worker_keeps_no_more_than_its_share_of_what_runs(rig: Rig) -> None:
    await rig.submit(node("A"), *(node(f"n{i}", after=["A"]) for i in range(6)))
    held = await rig.worker.start_one("A")

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(6, readers=3))

    # It runs one of one, which is its third of them; the next would be its second of two.
    assert [claim.node_id for claim in ended.claims] == ["n0", "n1"]
    assert await rig.redis.xlen("workflow:tasks") == 4


async def test_one_that_was_handed_over_and_lost_is_tried_again(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")
    await rig.worker.complete(held, claiming=rig.worker.claiming(1))

    await rig.advance(15_001)

    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.QUEUED}
    assert await rig.redis.xlen("workflow:tasks") == 1
    again = await rig.worker.start_one("B")
    assert again.attempt == 2
    await rig.worker.complete(again)
    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED


@pytest.mark.parametrize("slots", [0, 4])
async def test_a_successor_that_another_end_of_the_call_cancels_goes_nowhere(rig: Rig, slots: int) -> None:
    execution_id = await rig.submit(node("A"), node("B"), node("C", after=["A"]), fail_fast=True)
    held = await rig.worker.start(2)
    call = rig.transitions.end_nodes(
        [
            rig.transitions.complete_node(held["A"], b"1"),
            rig.transitions.fail_node(
                held["B"],
                error_of(),
                reason=Reason.ERROR,
                is_dead=False,
                claiming=rig.worker.claiming(slots) if slots else None,
            ),
        ]
    )

    replies = await call

    assert [claim.node_id for claim in replies[-1].claims] == []
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.FAILED, "C": N.CANCELLED}
    assert await rig.redis.xlen("workflow:tasks") == 0
