"""What can happen next in a world: actions of clients, workers and loops. Each draws from the dice given."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import orjson
from redis.exceptions import ResponseError

from orchestrator.definitions.branches import taker_of
from orchestrator.loops import leases, timers
from orchestrator.redis_keys import lease_member
from orchestrator.states import Reason, WaitingOn
from orchestrator.store.replies import Claim, Delivery, EndReply
from orchestrator.store.requests import AttemptToken, ClaimRequest
from orchestrator.store.script_client import Call
from tests.property.model.answers import ANSWERS, LATE, await_call
from tests.property.model.child_attempts import NESTING, nest
from tests.property.model.counts import COUNTS
from tests.property.model.drawn_dag import QUEUES
from tests.property.model.family_checks import parents
from tests.property.model.hooked import HOOKS
from tests.property.model.interventions import INTERVENTIONS
from tests.property.model.letters import LETTERS
from tests.property.model.mailed import MAILS
from tests.property.model.map_attempts import has_failed, kinds_for
from tests.property.model.purges import PURGES
from tests.property.model.reading import TASKS
from tests.property.model.registered import change, register, remove
from tests.property.model.reports import report, say
from tests.property.model.retries import retry_chosen, retry_whole
from tests.property.model.scheduled import SCHEDULES
from tests.property.model.starts import start_by_name, submit
from tests.property.model.together import send_end
from tests.property.model.world import LEASE_MS, Case, SimWorker, World

Action = Callable[[World, Random], Awaitable[None]]
ERROR = orjson.dumps({"type": "HandlerError", "message": "drawn", "retryable": False})


async def start(world: World, dice: Random) -> None:
    """Trigger an execution, perhaps again."""
    if not world.cases:
        return
    pending = [case for case in world.cases if case.now.status == "PENDING"]
    case = dice.choice(pending if pending and dice.random() < 0.8 else world.cases)
    word, _, more = await world.transitions.start_execution(case.execution_id)
    expected = "already"
    if case.now.status == "PENDING":
        expected = "cancelling" if case.now.runtime.get("cancelling") else "ok"
    assert word == expected, (word, case.now.status)
    await world.drain_worklist(case.execution_id, more, dice)


async def read(world: World, dice: Random) -> None:
    """Read tasks, or take over what another consumer read and never claimed."""
    worker = dice.choice(world.workers)
    queue = dice.choice(QUEUES)
    group = ("workflow_group", worker.name)
    redis: Any = world.redis
    try:
        if dice.random() < 0.3:
            _, entries, *_ = await redis.xautoclaim(TASKS[queue], *group, 0, count=3)
        else:
            found = await redis.xreadgroup(*group, {TASKS[queue]: ">"}, count=dice.randint(1, 3))
            entries = found[0][1] if found else []
    except ResponseError as error:
        if not re.search("NOGROUP|no such key", str(error)):
            raise
        await world.make_groups()
        return
    for entry_id, task in entries:
        if not task:
            continue
        parts = (task[b"execution_id"].decode(), task[b"node_id"].decode(), int(task[b"attempt"]))
        worker.read.append(Delivery(*parts, entry_id.decode(), queue, task[b"handler"].decode()))


async def claim(world: World, dice: Random) -> None:
    """Claim what was read, or lose it as a worker that dies just then would."""
    worker = world.one_with(dice, "read")
    if worker is None:
        return
    task = worker.read.pop(dice.randrange(len(worker.read)))
    if dice.random() < 0.1:
        return
    if f" {task.handler} " not in worker.offers:
        await hand_back(world, dice, task)
        return
    worker.requests += 1
    token = AttemptToken(task.execution_id, task.node_id, task.attempt, f"{worker.name}:{worker.requests}")
    call = world.transitions.claim_node(
        token, message_id=task.message_id, queue=task.queue, worker_id=worker.name, lease_ms=LEASE_MS
    )
    world.sent.append((call, worker))
    reply = await call
    now = world.case_of(task.execution_id).now
    is_due = now.units.get(task.node_id) == "QUEUED" and now.of("attempt", task.node_id) == str(task.attempt)
    is_given = is_due and not now.runtime.get("cancelling") and now.status != "PAUSED"
    assert isinstance(reply, Claim) == is_given, (reply, now.units, task)
    if isinstance(reply, Claim) and dice.random() < 0.95:
        world.hold(worker, reply)


async def hand_back(world: World, dice: Random, task: Delivery) -> None:
    call = world.transitions.hand_back_node(
        task.execution_id, task.node_id, task.attempt, message_id=task.message_id, queue=task.queue,
        is_offered=dice.random() < 0.7, error=ERROR, patience_ms=3_000,
        taker=taker_of(world.case_of(task.execution_id).node(task.node_id).catch, "HandlerError"),
    )  # fmt: skip
    word = await call
    if word == "ok" and await has_failed(world, task):
        world.case_of(task.execution_id).given_up.add(task.node_id)
    world.sent.append((call, world.workers[0]))


async def end(world: World, dice: Random) -> None:
    """End an attempt somehow, and perhaps claim further tasks in the same call."""
    worker = world.one_with(dice, "held")
    if worker is not None:
        await end_attempt(world, dice, worker, worker.held.pop(dice.randrange(len(worker.held))))


async def end_late(world: World, dice: Random) -> None:
    """A worker that fell silent comes back with a result."""
    if world.strays:
        token = world.strays[dice.randrange(len(world.strays))]
        await end_attempt(world, dice, dice.choice(world.workers), token)


async def end_attempt(
    world: World, dice: Random, worker: SimWorker, token: AttemptToken, *, kinds: str = "ccccccfrswlxaapjj"
) -> None:
    while dice.random() < 0.5:
        await say(world, dice, token)
    case = world.case_of(token.execution_id)
    claiming = None
    if dice.random() < 0.5:
        worker.requests += 1
        claiming = ClaimRequest(
            dice.randint(1, 3), f"{worker.name}:{worker.requests}", worker.name, worker.name, LEASE_MS,
            dice.choice(("default=1 side=1", "side=1 default=2", "default=3 side=2")), worker.offers,
        )  # fmt: skip
    # Of what was purged meanwhile a worker knows nothing.
    is_gone = token.execution_id in world.remains.cases
    kind = dice.choice("cfrswlx" if is_gone else kinds_for(world, case, token, kinds))
    if kind in NESTING:
        call, record = await nest(world, dice, case, token, kind, claiming)
    else:
        call, record = ending_call(world, dice, case, token, kind, claiming)
    expected = world.expected_word(token, is_cancel=kind == "x")
    reply = await send_end(world, dice, call)
    assert reply.word == expected, (kind, reply, expected, token)
    if claiming:
        check_taken(claiming, reply)
    if reply.word == "ok":
        case.taken.update(record)
        # An item that was given back for good runs again once its map does.
        case.given_up -= record.keys()
        if kind == "r":
            case.counts[token.node_id] = counts_of(call)
        if kind in "ap":
            case.outputs[token.node_id] = LATE
        if kind in "cw":
            case.outputs[token.node_id] = call.arguments[-2 if kind == "c" else -1]  # type: ignore[assignment]
    if kind in NESTING:
        # What has just been started may be among what is claimed along.
        await world.look()
    if reply.word == "uncalled":
        worker.held.append(token)
    if not claiming:
        world.sent.append((call, worker))
    elif dice.random() < 0.1:
        return  # The reply never arrives: what was claimed with it is nobody's until its lease ends.
    elif dice.random() < 0.2:
        again: EndReply = await call
        assert not reply.claims or again.claims == reply.claims, "sent again, it must answer the same claims"
        reply.claims.extend(again.claims)
    for one in reply.claims:
        world.hold(worker, one)
    for task in reply.unoffered:
        await hand_back(world, dice, task)
    await world.drain_worklist(token.execution_id, reply.more, dice)


def check_taken(claiming: ClaimRequest, reply: EndReply) -> None:
    """No more than there are slots, and nothing the worker cannot run."""
    assert len(reply.claims) + len(reply.unoffered) <= claiming.count, (claiming, reply)
    for claimed in reply.claims:
        assert f" {orjson.loads(claimed.spec)['handler']} " in claiming.handlers, (
            claiming,
            claimed,
        )


def ending_call(
    world: World, dice: Random, case: Case, token: AttemptToken, kind: str, claiming: ClaimRequest | None
) -> tuple[Call[EndReply], dict[str, Any]]:
    """The call for one kind of end, and what it reports of the node."""
    does, node = world.transitions, case.node(token.node_id)
    unit = token.node_id
    output = orjson.dumps({"by": token.nonce})
    if kind == "c":
        answers = [choice.targets for choice in node.choices]
        kept = dice.choice(answers) if answers else ()
        not_taken = tuple(other for ids in answers for other in ids if other not in kept)
        outcome = ("branch", not_taken) if answers else "ok"
        return does.complete_node(token, output, not_taken=not_taken, claiming=claiming), {unit: outcome}
    if kind == "f":
        # A handler that ran too long, or was silent for too long, is ended by its worker.
        reason = dice.choice((Reason.ERROR, Reason.ERROR, Reason.TIMEOUT))
        call = does.fail_node(
            token, ERROR, reason=reason, is_dead=dice.random() < 0.5,
            taker=taker_of(node.catch, "HandlerError"), claiming=claiming,
        )  # fmt: skip
        return call, {unit: "fail"}
    if kind == "r":
        counts = dice.choice(((), (1,), (1, 2)))
        delay_ms = dice.choice((0, 500, 3_000, 3_000, 8_000))
        late_taker = taker_of(node.catch, "Timeout.ScheduleToClose")
        call = does.retry_node(
            token, ERROR, delay_ms=delay_ms, counts=counts, late_taker=late_taker, claiming=claiming
        )
        return call, {}
    if kind == "s":
        reason = Reason.HANDLER_SKIPPED
        return does.skip_node(token, reason=reason, data=b"{}", claiming=claiming), {unit: "skip"}
    if kind == "w":
        until = world.now_ms + 700 if dice.random() < 0.5 else None
        delay = None if until else dice.choice((0, 900))
        due = {"delay_ms": delay, "until_ms": until}
        call = does.wait_node(token, on=WaitingOn.DELAY, output=output, claiming=claiming, **due)
        return call, {unit: "ok"}
    if kind == "m":
        assert node.map is not None
        keeps = case.now.of("resume", unit) != ""
        values = [] if keeps else [b"%d" % value for value in node.map.items]
        tolerated, stops = node.map.tolerated_count, node.map.stops_on_failure
        return does.map_node(
            token, values, tolerated=tolerated, stops=stops, keeps=keeps, claiming=claiming
        ), {}
    if kind == "j":
        until = dice.choice((None, world.now_ms, world.now_ms + 900))
        return does.await_letter(token, until_ms=until, waits_for=b'["a letter"]', claiming=claiming), {}
    if kind in "ap":
        on = WaitingOn.SIGNAL if kind == "a" else WaitingOn.APPROVAL
        return await_call(world, dice, case, token, on, claiming)
    if kind == "l":
        return does.release_node(token, claiming), {}
    return does.cancel_node(token, claiming), {}


async def resend(world: World, dice: Random) -> None:
    """A reply was lost on the way and the call is sent again, late."""
    if not world.sent:
        return
    call, worker = dice.choice(world.sent)
    reply = await call
    if isinstance(reply, Claim):
        world.hold(worker, reply)
    if isinstance(reply, EndReply):
        # A cancel that had nothing to follow may have something by now.
        may_be_first = call.name == "cancel_node"
        assert reply.word in ("dup", "fenced", "gone", "uncalled") or may_be_first, (call.name, reply)


def counts_of(call: Call[EndReply]) -> tuple[int, ...]:
    """What a retry said that the rules of its policy have counted."""
    return tuple(int(count) for count in str(call.arguments[-2]).split())


async def renew(world: World, dice: Random) -> None:
    """Renew some leases; each attempt that is no longer current is told so."""
    held = [each for worker in world.workers for each in worker.held] + world.strays
    chosen = [each for each in held if dice.random() < 0.7]
    if not chosen:
        return
    beats = [dice.choice((b"", b'{"reached":%d}' % next(world.numbers))) for _ in chosen]
    words = await world.transitions.renew_leases(chosen, lease_ms=LEASE_MS, beats=beats)
    for token, word, beat in zip(chosen, words, beats, strict=True):
        expected = "lost"
        if world.expected_word(token) == "ok":
            cause = world.case_of(token.execution_id).now.runtime.get("cancelling")
            expected = "cancel" if cause in ("user", "timeout") else "ok"
            if beat:
                world.case_of(token.execution_id).beats[token.node_id] = beat
            member = lease_member(token.execution_id, token.node_id, token.attempt)
            assert await world.redis.zscore("workflows:leases", member) == world.now_ms + LEASE_MS
        assert word == expected, (token, word)


async def fall_silent(world: World, dice: Random) -> None:
    worker = world.one_with(dice, "held")
    if worker is not None and len(world.strays) < 8:
        world.strays.append(worker.held.pop(dice.randrange(len(worker.held))))


async def cancel(world: World, dice: Random) -> None:
    if not world.cases:
        return
    waiting = parents(world)
    case = dice.choice(waiting if waiting and dice.random() < 0.5 else world.cases)
    request_id, grace_ms = f"r{dice.randint(0, 2)}", dice.choice((0, 3_000))
    call = world.transitions.cancel_execution(
        case.execution_id, reason='"drawn"', grace_ms=grace_ms, request_id=request_id
    )
    world.sent.append((call, world.workers[0]))
    word, status, more = await call
    assert word != "terminal" or case.now.has_ended
    assert case.now.has_ended or word in ("ok", "already"), (word, status)
    if grace_ms and word == "ok":
        running = [unit for unit, status in case.now.units.items() if status == "RUNNING"]
        await world.look()
        assert all(case.now.units[unit] == "RUNNING" for unit in running), "a grace was not given"
    await world.drain_worklist(case.execution_id, more, dice)


async def pass_time(world: World, dice: Random) -> None:
    world.now_ms += dice.choice((1, 100, 600, 2_500, 7_000))


async def fire_timers(world: World, dice: Random) -> None:
    await timers.run_once(world.store, world.transitions, world.now_ms, limit=dice.choice((1, 2, 500)))


async def expire_leases(world: World, dice: Random) -> None:
    await leases.run_once(world.store, world.transitions, world.now_ms, limit=dice.choice((1, 2, 200)))


async def sweep_round(world: World, dice: Random) -> None:
    made = await world.sweep.run_once(world.now_ms, is_thorough=dice.random() < 0.7)
    assert world.is_faulty or made == 0, f"{made} repairs where nothing was lost"


#: How often each action is drawn.
WEIGHTS: dict[Action, int] = {
    submit: 5, start: 3, read: 14, claim: 14, end: 20, end_late: 3, resend: 4, renew: 2, report: 2,
    fall_silent: 3, cancel: 3, pass_time: 5, fire_timers: 4, expire_leases: 3, sweep_round: 2, retry_whole: 2,
    retry_chosen: 2,
    start_by_name: 2, register: 2, change: 1, remove: 1,
    **ANSWERS, **LETTERS, **INTERVENTIONS, **PURGES, **COUNTS, **SCHEDULES, **HOOKS, **MAILS,
}  # fmt: skip
