"""Every verb of the table against every status: what is allowed happens, what is refused changes no key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.states import TABLE, ExecutionStatus, NodeStatus, WaitingOn, sources_of
from orchestrator.store.requests import AttemptToken
from tests.integration.durable_units import park
from tests.integration.transitions.prepared_calls import GO, expire_b, handling, nesting
from tests.integration.transitions.scenes import EXECUTION_VERBS, Scene, scene
from tests.makers import LEASE_MS, Rig, error_of

N, E = NodeStatus, ExecutionStatus
#: Verbs of the table that are a script of their own and act on one node.
NODE_VERBS = sorted(
    {row.verb for row in TABLE if row.subject == "node" and not row.is_internal}
    # Those of the last line leave WAITING only when it waits for them: see below.
    - {"cancel_node", "retry_execution", "repair_execution", "reuse_nodes"}
    - {"signal_execution", "decide_approval", "post_letter"}
)


async def send(scene: Scene, verb: str) -> str:
    """Ask for a verb with everything the fence compares as right as it can be; gives the first word."""
    rig, held = scene.rig, scene.held
    transitions = rig.transitions
    state = (await rig.engine.nodes.get(scene.execution_id, "B")).state
    unit = (held.execution_id, held.node_id, held.attempt)
    match verb:
        case "claim_node":
            fresh = AttemptToken(*unit, "another-claim")
            answer: Any = await transitions.claim_node(
                fresh,
                message_id=state.message_id or "0-1",
                queue="default",
                worker_id="w2",
                lease_ms=LEASE_MS,
            )
            return answer if isinstance(answer, str) else "ok"
        case "complete_node":
            return (await rig.worker.complete(held, {"late": True})).word
        case "fail_node":
            return (await rig.worker.fail(held, is_dead=True)).word
        case "skip_node":
            return (await rig.worker.skip(held)).word
        case "retry_node":
            return (await rig.worker.retry(held)).word
        case "wait_node":
            return (await rig.worker.delay(held)).word
        case "map_node":
            return (await transitions.map_node(held, [b"1"], tolerated=0, stops=False)).word
        case "start_child" | "await_child":
            return (await nesting(transitions, verb, held)).word
        case "await_node":
            return (await transitions.await_node(held, GO)).word
        case "await_letter":
            return await park(rig, held)
        case "release_node":
            return (await transitions.release_node(held)).word
        case "hand_back_node":
            return await transitions.hand_back_node(
                *unit, message_id="0-1", queue="default", is_offered=False, error=error_of()
            )
        case "wake_node":
            transitions.now_ms = rig.now_ms + 1_000
            return (await transitions.wake_node(*unit, WaitingOn.BACK_OFF))[0]
        case "reap_node":
            transitions.now_ms = rig.now_ms + LEASE_MS
            return (await transitions.reap_node(*unit, lost=error_of("LeaseLost"), poison=error_of()))[0]
        case "expire_node":
            return await expire_b(rig, held.execution_id, state.status)
        case "time_out_node":
            kind = "schedule_to_start" if state.status is N.QUEUED else "start_to_close"
            return (await transitions.time_out_node(*unit, kind, error=error_of(), delay_ms=None))[0]
        case "retry_node_now" | "override_node":
            return str((await handling(rig, verb, held.execution_id))[0])
    raise AssertionError(f"the matrix does not know {verb}: add it")


@pytest.mark.parametrize("status", NodeStatus)
@pytest.mark.parametrize("verb", NODE_VERBS)
async def test_a_node_leaves_a_status_only_by_the_verbs_of_the_table(
    rig: Rig, verb: str, status: NodeStatus
) -> None:
    found = await scene(rig, status)
    targets = {row.target for row in TABLE if row.verb == verb and status in row.sources}
    before = await rig.dump()

    word = await send(found, verb)

    if targets:
        assert word == "ok"
        assert await found.status() in targets
    else:
        assert word != "ok"
        assert await rig.dump() == before


@pytest.mark.parametrize("status", NodeStatus)
async def test_a_cancel_ends_exactly_the_nodes_the_table_lets_it_leave(rig: Rig, status: NodeStatus) -> None:
    found = await scene(rig, status)
    events_before = await rig.events(found.execution_id)

    await rig.transitions.cancel_execution(found.execution_id, reason='""', grace_ms=0, request_id="2")
    await rig.advance(90_000)

    if status in sources_of("cancel_node", "node"):
        assert await found.status() is N.CANCELLED
    else:
        assert await found.status() is status
        assert (await rig.events(found.execution_id)).count("node.cancelled:B") == events_before.count(
            "node.cancelled:B"
        )
    assert await rig.status(found.execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


@pytest.mark.parametrize("status", NodeStatus)
async def test_a_worker_may_call_off_only_what_it_runs_itself(rig: Rig, status: NodeStatus) -> None:
    found = await scene(rig, status)
    await mark_cancelling(rig, found)
    before = await rig.dump()

    ended = await rig.transitions.cancel_node(found.held)

    if status is N.RUNNING:
        assert (ended.word, await found.status()) == ("ok", N.CANCELLED)
    else:
        assert ended.word in ("fenced", "dup")
        assert await rig.dump() == before


@pytest.mark.parametrize("status", NodeStatus)
async def test_a_repair_requeues_only_a_queued_node(rig: Rig, status: NodeStatus) -> None:
    found = await scene(rig, status)
    seq = await rig.engine.events.last_seq(found.execution_id)
    attempt = found.held.attempt

    word, _ = await rig.transitions.repair_execution(
        found.execution_id, seq=seq, repairs=[f"requeue B {attempt}"]
    )

    state = (await rig.engine.nodes.get(found.execution_id, "B")).state
    assert word == "ok"
    assert state.status is status
    assert state.attempt == attempt + (status is N.QUEUED)


# The fence: an attempt that is not the current one, or not this worker's, changes nothing


ENDINGS = (
    "complete_node", "fail_node", "skip_node", "retry_node", "wait_node", "map_node", "release_node",
    "cancel_node", "start_child", "await_child", "await_letter",
)  # fmt: skip


async def mark_cancelling(rig: Rig, found: Scene) -> None:
    """Let the execution be cancelled, without the verb that ends what it can."""
    mapping = {"rare": "1", "cancelling": "user"}
    await rig.redis.hset(f"workflow:{found.execution_id}:runtime", mapping=mapping)


async def end_by(rig: Rig, verb: str, held: AttemptToken) -> str:
    if verb == "cancel_node":
        return (await rig.transitions.cancel_node(held)).word
    return await send(Scene(rig, held.execution_id, held), verb)


@pytest.mark.parametrize("verb", ENDINGS)
@pytest.mark.parametrize(
    "forge",
    [
        lambda held: AttemptToken(held.execution_id, held.node_id, held.attempt, "somebody-else"),
        lambda held: AttemptToken(held.execution_id, held.node_id, held.attempt - 1, held.nonce),
        lambda held: AttemptToken(held.execution_id, held.node_id, held.attempt + 1, held.nonce),
        lambda held: AttemptToken(held.execution_id, held.node_id, held.attempt, ""),
    ],
    ids=["another worker's claim", "an older attempt", "an attempt to come", "no claim"],
)
async def test_only_the_current_claim_can_end_an_attempt(
    rig: Rig, verb: str, forge: Callable[[AttemptToken], AttemptToken]
) -> None:
    found = await scene(rig, N.RUNNING)
    if verb == "cancel_node":
        await mark_cancelling(rig, found)
    before = await rig.dump()

    word = await end_by(rig, verb, forge(found.held))

    assert word == "fenced"
    assert await rig.dump() == before


@pytest.mark.parametrize("verb", [*NODE_VERBS, "cancel_node"])
async def test_nothing_is_written_for_an_execution_that_is_gone(rig: Rig, verb: str) -> None:
    found = await scene(rig, N.RUNNING)
    state = (await rig.engine.nodes.get(found.execution_id, "B")).state
    await rig.redis.flushdb()

    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "claim_node": lambda: rig.transitions.claim_node(
            found.held, message_id=state.message_id or "", queue="default", worker_id="w", lease_ms=1
        ),
        "complete_node": lambda: rig.worker.complete(found.held),
        "fail_node": lambda: rig.worker.fail(found.held, is_dead=True),
        "skip_node": lambda: rig.worker.skip(found.held),
        "retry_node": lambda: rig.worker.retry(found.held),
        "wait_node": lambda: rig.worker.delay(found.held),
        "map_node": lambda: rig.transitions.map_node(found.held, [b"1"], tolerated=0, stops=False),
        "start_child": lambda: nesting(rig.transitions, verb, found.held),
        "await_child": lambda: nesting(rig.transitions, verb, found.held),
        "await_node": lambda: rig.transitions.await_node(found.held, GO),
        "await_letter": lambda: park(rig, found.held),
        "release_node": lambda: rig.transitions.release_node(found.held),
        "cancel_node": lambda: rig.transitions.cancel_node(found.held),
        "hand_back_node": lambda: rig.transitions.hand_back_node(
            found.execution_id, "B", 1, message_id="0-1", queue="default", is_offered=False, error=error_of()
        ),
        "wake_node": lambda: rig.transitions.wake_node(found.execution_id, "B", 1, WaitingOn.DELAY),
        "reap_node": lambda: rig.transitions.reap_node(
            found.execution_id, "B", 1, lost=error_of(), poison=error_of()
        ),
        "time_out_node": lambda: rig.transitions.time_out_node(
            found.execution_id, "B", 1, "start_to_close", error=error_of(), delay_ms=None
        ),
        "expire_node": lambda: rig.transitions.expire_node(found.execution_id, "B", "1"),
        "retry_node_now": lambda: handling(rig, "retry_node_now", found.execution_id),
        "override_node": lambda: handling(rig, "override_node", found.execution_id),
    }
    await calls[verb]()

    assert await rig.dump() == {}


def test_every_verb_of_the_table_is_in_the_matrix() -> None:
    covered = {*NODE_VERBS, *EXECUTION_VERBS, "cancel_node", "repair_execution", "create_execution"}
    # What they start has no status before: test_deliver_webhook.py, loops/test_schedules.py.
    covered |= {"deliver_webhook", "fire_schedule"}
    # Nobody can see the nodes a fork keeps, and answers are for those that wait: they have matrices of their
    # own: test_reuse_nodes.py, test_answers.py, test_post_letter.py.
    covered |= {"reuse_nodes", "signal_execution", "decide_approval", "post_letter"}

    assert {row.verb for row in TABLE if not row.is_internal} == covered
