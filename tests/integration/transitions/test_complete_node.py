"""What complete_node promises beyond the table: outputs, claims in the same call, bounded work."""

from __future__ import annotations

from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.makers import FakeWorker, Rig, condition, held_by, node

N = NodeStatus


async def test_output_status_event_message_and_next_task_come_in_one_step(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]))
    held = await rig.worker.start_one("A")

    await rig.worker.complete(held, {"n": 1})

    assert await rig.engine.executions.results(execution_id) == {"A": b'{"n":1}', "B": None}
    assert await rig.nodes(execution_id) == {"A": N.COMPLETED, "B": N.QUEUED}
    assert (await rig.events(execution_id))[-2:] == ["node.completed:A", "node.queued:B"]
    assert await rig.redis.xlen("workflow:tasks") == 1
    assert await rig.redis.zcard("workflows:leases") == 0


async def test_an_attempt_whose_typed_event_is_not_in_the_history_has_not_completed(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    held = await rig.worker.start()

    before = await rig.transitions.complete_node(held["A"], b"1", reported=2, claiming=rig.worker.claiming(1))
    await rig.transitions.report_events(held["A"], [(1, "node.event", b"1")])
    half = await rig.transitions.complete_node(held["A"], b"1", reported=2)
    still = await rig.nodes(execution_id)
    await rig.transitions.report_events(held["A"], [(2, "node.event", b"2")])
    call = rig.transitions.complete_node(held["A"], b"1", reported=2)
    words = [(await call).word, (await call).word]

    assert (before.word, half.word) == ("unreported", "unreported")
    assert still == {"A": N.RUNNING, "B": N.RUNNING}
    assert words == ["ok", "dup"]
    assert (await rig.nodes(execution_id))["A"] is N.COMPLETED


async def test_events_of_an_attempt_before_stand_for_none_of_this_one(rig: Rig) -> None:
    await rig.submit(node("A"))
    older = await rig.worker.start_one("A")
    await rig.transitions.report_events(older, [(1, "node.event", b"1")])
    await rig.transitions.release_node(older)
    held = await rig.worker.start_one("A")

    assert (await rig.transitions.complete_node(held, b"1", reported=1)).word == "unreported"
    assert (await rig.transitions.complete_node(older, b"1", reported=1)).word == "fenced"


async def test_join_waits_for_both_branches(rig: Rig) -> None:
    execution_id = await rig.submit(node("B"), node("C"), node("D", after=["B", "C"]))
    held = await rig.worker.start()

    await rig.worker.complete(held["B"])
    after_one = await rig.nodes(execution_id)
    await rig.worker.complete(held["C"])

    assert after_one["D"] is N.PENDING
    assert (await rig.nodes(execution_id))["D"] is N.QUEUED


async def test_the_call_that_ends_an_attempt_brings_the_next_tasks(rig: Rig) -> None:
    await rig.submit(node("A"), node("B", after=["A"]), node("C", after=["A"]))
    held = await rig.worker.start_one("A")

    ended = await rig.worker.complete(held, {"n": 7}, claiming=rig.worker.claiming(2))

    assert [(claim.node_id, claim.attempt) for claim in ended.claims] == [("B", 1), ("C", 1)]
    assert await rig.redis.zcard("workflows:leases") == 2


async def test_one_of_several_readers_takes_its_share_of_what_is_ready(rig: Rig) -> None:
    await rig.submit(node("A"), node("B"), *(node(f"n{i}", after=["A"]) for i in range(7)))
    held = await rig.worker.start(2)

    await rig.worker.complete(held["A"])
    ended = await rig.worker.complete(held["B"], claiming=rig.worker.claiming(64, readers=3))
    last = held_by(ended.claims[0])
    again = await rig.worker.complete(last, claiming=rig.worker.claiming(64, readers=9))

    # Seven and then four are ready.
    assert [claim.node_id for claim in ended.claims] == ["n0", "n1", "n2"]
    assert [claim.node_id for claim in again.claims] == ["n3"]


async def test_a_lost_reply_asked_for_again_brings_the_same_claims(rig: Rig) -> None:
    await rig.submit(node("A"), *(node(f"n{i}", after=["A"]) for i in range(6)))
    held = await rig.worker.start_one("A")
    call = rig.transitions.complete_node(held, b"{}", claiming=rig.worker.claiming(3))

    first = await call
    second = await call

    assert (first.word, second.word) == ("ok", "dup")
    assert second.claims == first.claims
    assert len(first.claims) == 3


async def test_claims_asked_for_again_leave_out_what_was_lost_meanwhile(rig: Rig) -> None:
    await rig.submit(node("A"), node("B", after=["A"]), node("C", after=["A"]))
    call = rig.transitions.complete_node(
        await rig.worker.start_one("A"), b"{}", claiming=rig.worker.claiming(2)
    )
    first = await call
    await rig.worker.complete(held_by(first.claims[0]))

    second = await call

    assert second.claims == first.claims[1:]


async def test_even_a_fenced_worker_gets_its_next_tasks(rig: Rig) -> None:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    await rig.advance(15_001)

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(1))

    assert ended.word == "fenced"
    assert [(claim.node_id, claim.attempt) for claim in ended.claims] == [("A", 2)]


async def test_a_task_for_another_handler_comes_along_unclaimed(rig: Rig) -> None:
    await rig.submit(node("A"), node("C"), node("B", after=["A"], handler="llm", config={"prompt": "x"}))
    held = await rig.worker.start(2)
    await rig.worker.complete(held["A"])

    ended = await rig.worker.complete(held["C"], claiming=rig.worker.claiming(2))

    assert ended.claims == []
    assert [(task.node_id, task.handler) for task in ended.unoffered] == [("B", "llm")]


async def test_a_late_worker_cannot_complete_a_reclaimed_node(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    late = await rig.worker.start_one("A")
    await rig.advance(15_001)
    second = FakeWorker(rig.transitions, rig.redis, "w2")
    current = await second.start_one("A")

    before = await rig.worker.complete(late, {"by": "late"})
    await second.complete(current, {"by": "second"})
    after = await rig.worker.complete(late, {"by": "late"})

    assert (before.word, after.word) == ("fenced", "fenced")
    assert await rig.engine.executions.results(execution_id) == {"A": b'{"by":"second"}'}


async def test_a_worker_stays_the_owner_until_its_lease_is_taken(rig: Rig) -> None:
    """A result that is late but not yet replaced is still the node's result."""
    execution_id = await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    rig.transitions.now_ms = rig.now_ms + 60_000

    ended = await rig.worker.complete(held)

    assert ended.word == "ok"
    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED


async def test_two_thousand_successors_are_queued_in_bounded_steps(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), *(node(f"n{i}", after=["A"]) for i in range(2_000)))

    ended = await rig.worker.complete(await rig.worker.start_one("A"))
    queued_at_once = await rig.redis.xlen("workflow:tasks")
    repairs_on_the_way = await rig.repairs(execution_id)
    calls = await rig.drain_worklist(execution_id)

    assert ended.more
    assert 200 <= queued_at_once <= 350
    assert repairs_on_the_way == []
    assert calls >= 3
    assert await rig.redis.xlen("workflow:tasks") == 2_000
    assert set((await rig.nodes(execution_id)).values()) == {N.COMPLETED, N.QUEUED}
    assert await rig.redis.zcard("workflows:timers") == 0


async def test_a_worklist_whose_caller_died_is_taken_up_by_its_timer(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), *(node(f"n{i}", after=["A"]) for i in range(1_200)))
    await rig.worker.complete(await rig.worker.start_one("A"))

    await rig.advance(0)

    assert await rig.redis.xlen("workflow:tasks") == 1_200
    assert await rig.repairs(execution_id) == []


async def test_an_execution_does_not_end_while_turns_are_saved(rig: Rig) -> None:
    chain = [node("n0", after=["A"]), *(node(f"n{i}", after=[f"n{i - 1}"]) for i in range(1, 1_500))]
    execution_id = await rig.submit(node("A"), *chain)

    await rig.worker.skip(await rig.worker.start_one("A"))
    status_on_the_way = await rig.status(execution_id)
    await rig.drain_worklist(execution_id)

    assert status_on_the_way is ExecutionStatus.RUNNING
    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED
    assert await rig.nothing_is_left_behind()


async def test_a_skip_cascades_down_a_chain_of_ten_thousand(rig: Rig) -> None:
    chain = [node("n0", after=["A"]), *(node(f"n{i}", after=[f"n{i - 1}"]) for i in range(1, 9_999))]
    execution_id = await rig.submit(node("A"), *chain)

    await rig.worker.fail(await rig.worker.start_one("A"))
    await rig.drain_worklist(execution_id)

    reasons = await rig.reasons(execution_id)
    assert await rig.status(execution_id) is ExecutionStatus.FAILED
    assert set(reasons.values()) == {Reason.ERROR, Reason.UPSTREAM_FAILED}
    assert await rig.nothing_is_left_behind()


async def test_the_branch_not_taken_is_skipped_and_the_skip_cascades(rig: Rig) -> None:
    execution_id = await rig.submit(
        condition("if", true=["yes"], false=["no"]),
        node("yes", after=["if"]),
        node("no", after=["if"]),
        node("after_no", after=["no"]),
        node("neither", after=["if"]),
        node("join", after=["yes", "no"]),
    )
    held = await rig.worker.start_one("if")

    await rig.worker.complete(held, not_taken=["no"])
    await rig.worker.run_all()

    reasons = await rig.reasons(execution_id)
    assert reasons["no"] is Reason.BRANCH_NOT_TAKEN
    assert reasons["after_no"] is Reason.UPSTREAM_SKIPPED
    nodes = await rig.nodes(execution_id)
    assert {nodes[each] for each in ("yes", "neither", "join")} == {N.COMPLETED}


async def test_what_a_condition_names_waits_for_it_even_where_its_rule_is_decided(rig: Rig) -> None:
    execution_id = await rig.submit(
        condition("if", true=["yes"], false=["no"]),
        node("other", critical=False),
        node("yes", after=["if"]),
        node("no", after=["if", "other"]),
    )
    held = await rig.worker.start()

    await rig.worker.fail(held["other"])
    before = await rig.nodes(execution_id)
    await rig.worker.complete(held["if"], not_taken=["no"])

    assert before["no"] is N.PENDING
    assert (await rig.reasons(execution_id))["no"] is Reason.BRANCH_NOT_TAKEN
