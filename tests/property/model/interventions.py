"""What operators do to executions: pause, resume, end a node by hand, end its wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

import orjson

from orchestrator.definitions.branches import taker_of
from orchestrator.store.requests import Idempotency, OperatorNote, Word
from orchestrator.units import node_of
from tests.property.model.snapshots import ExecutionSnapshot
from tests.property.model.world import Case, World

ERROR = orjson.dumps({"type": "Operator", "message": "drawn", "retryable": False})
#: Waits that a hurry ends.
HURRIED = ("back_off", "delay", "hold", "worker", "operator", "inbox")


async def pause(world: World, dice: Random) -> None:
    """Pause an execution; what runs and what is queued stays as it is."""
    if not world.cases:
        return
    running = [case for case in world.cases if case.now.status == "RUNNING"]
    case = dice.choice(running if running and dice.random() < 0.8 else world.cases)
    now, number = case.now, next(world.numbers)
    call = world.transitions.pause_execution(
        case.execution_id, by=b'"ann"', reason=b"null", request=f"{number:040x}"
    )
    word, _ = await call
    expected = "ok"
    if now.status == "PAUSED":
        expected = "already"
    elif now.status != "RUNNING":
        expected = "refused"
    elif now.runtime.get("cancelling"):
        expected = "cancelling"
    elif now.runtime.get("worklist") == "1":
        expected = "busy"
    assert word == expected, (word, expected)
    if word == "busy":
        await world.drain_worklist(case.execution_id, True, dice)
    if word == "ok":
        world.sent.append((call, world.workers[0]))
        before = now.nodes
        await world.look()
        assert (case.now.status, case.now.nodes) == ("PAUSED", before)


async def resume(world: World, dice: Random) -> None:
    paused = [case for case in world.cases if case.now.status == "PAUSED"]
    if world.cases:
        await resume_one(world, dice, dice.choice(paused if paused else world.cases))


async def resume_one(world: World, dice: Random, case: Case) -> None:
    """Resume an execution; what was held is queued in the order in which it was held."""
    now, number = case.now, next(world.numbers)
    call = world.transitions.resume_execution(
        case.execution_id, by=b"null", reason=b'"go on"', request=f"{number:040x}"
    )
    word, _, more = await call
    expected = "ok"
    if now.status == "RUNNING":
        expected = "already"
    elif now.status != "PAUSED":
        expected = "refused"
    elif now.runtime.get("cancelling"):
        expected = "cancelling"
    elif now.runtime.get("worklist") == "1":
        expected = "busy"
    assert word == expected, (word, expected)
    await world.drain_worklist(case.execution_id, more, dice)
    if word != "ok":
        return
    world.sent.append((call, world.workers[0]))
    await world.look()
    if case.now.status == "RUNNING" and not case.now.worklist and not world.is_faulty:
        wanted = [unit for unit in now.held if is_to_be_queued(now, unit)]
        queued = [line[1] for line in case.now.lines[len(now.lines) :] if line[0] == "node.queued"]
        maps = {unit for unit in now.held if now.of("waiting_on", unit) == "map"}
        # A map that is held starts items, or is over.
        assert [unit for unit in queued if node_of(unit) not in maps or unit in wanted] == wanted, (
            queued,
            wanted,
        )


def is_to_be_queued(now: ExecutionSnapshot, node_id: str) -> bool:
    is_asking = now.of("waiting_on", node_id) == "operator"
    return now.units[node_id] == "PENDING" or (now.units[node_id] == "WAITING" and is_asking)


def drawn_request(world: World, dice: Random, attempt: str) -> tuple[OperatorNote, Idempotency]:
    number = next(world.numbers)
    meant = dice.choice((None, None, int(attempt or 0), int(attempt or 0), 99))
    return OperatorNote("ann", attempt=meant), Idempotency(f"{number:040x}", "cd", f"call{number}")


def refusal(now: ExecutionSnapshot, node_id: str, note: OperatorNote, *, is_open: bool) -> str:
    """The word for a request that nothing else keeps from being carried out."""
    if now.status not in ("RUNNING", "PAUSED"):
        return "closed"
    if now.runtime.get("cancelling"):
        return "cancelling"
    if now.runtime.get("worklist") == "1":
        return "busy"
    if not is_open:
        return "elsewhere"
    if note.attempt is not None and note.attempt != int(now.of("attempt", node_id) or 0):
        return "attempt"
    return "ok"


async def override(world: World, dice: Random) -> None:
    """End a node by hand, wherever it stands."""
    found = [(case, node_id) for case in world.cases for node_id in case.now.named]
    waits = ("operator", "child")
    asking = [(case, each) for case, each in found if case.now.of("waiting_on", each) in waits]
    if found:
        case, node_id = dice.choice(asking if asking and dice.random() < 0.4 else found)
        await override_one(world, dice, case, node_id)


async def override_one(world: World, dice: Random, case: Case, node_id: str) -> None:
    now = case.now
    word: Word = dice.choice(("complete", "complete", "fail", "skip"))
    note, request = drawn_request(world, dice, now.of("attempt", node_id))
    answers = [choice.targets for choice in case.node(node_id).choices]
    kept = dice.choice(answers) if answers else ()
    not_taken = tuple(other for ids in answers for other in ids if other not in kept)
    payload = {"complete": orjson.dumps({"request": request.key}), "fail": ERROR, "skip": b""}[word]
    call = world.transitions.override_node(
        case.execution_id, node_id, word, payload, note=note, idempotency=request,
        not_taken=not_taken if word == "complete" else (),
        taker=taker_of(case.node(node_id).catch, "Operator"),
    )  # fmt: skip
    is_open = now.units[node_id] in ("PENDING", "QUEUED", "WAITING", "RUNNING")
    expected = refusal(now, node_id, note, is_open=is_open)
    if expected == "ok" and now.units[node_id] == "WAITING" and now.of("waiting_on", node_id) == "map":
        expected = "items"
    answer, _, attempt, more = await call
    assert answer == expected, (answer, expected, node_id)
    if answer != "ok":
        return
    assert attempt == int(now.of("attempt", node_id) or 0) + (now.units[node_id] == "RUNNING")
    world.sent.append((call, world.workers[0]))
    case.by_hand.add(node_id)
    case.outputs[node_id] = payload
    done = ("branch", not_taken) if answers else "ok"
    case.taken[node_id] = done if word == "complete" else word
    await world.drain_worklist(case.execution_id, more, dice)


async def hurry(world: World, dice: Random) -> None:
    """End the wait of a node."""
    found = [(case, node_id) for case in world.cases for node_id in case.now.named]
    waiting = [(case, each) for case, each in found if case.now.units[each] == "WAITING"]
    if not found:
        return
    case, node_id = dice.choice(waiting if waiting and dice.random() < 0.8 else found)
    now = case.now
    note, request = drawn_request(world, dice, now.of("attempt", node_id))
    on = now.of("waiting_on", node_id)
    expected = refusal(now, node_id, note, is_open=now.units[node_id] == "WAITING")
    if expected == "ok" and on == "map":
        expected = "items"
    elif expected == "ok" and on not in HURRIED:
        expected = "awaits"
    call = world.transitions.retry_node_now(case.execution_id, node_id, note=note, idempotency=request)
    word, status, _, more = await call
    assert word == expected, (word, expected, node_id, on)
    if word != "ok":
        return
    world.sent.append((call, world.workers[0]))
    wanted = "PENDING" if now.status == "PAUSED" else "QUEUED"
    assert status == ("COMPLETED" if on == "delay" else wanted), (status, on, now.status)
    await world.drain_worklist(case.execution_id, more, dice)


async def resume_all(world: World, dice: Random) -> None:
    """Resume whatever is paused, so that everything can end; some of what would only fail again is ended."""
    for case in world.cases:
        asking = [unit for unit in case.now.named if case.now.waits_for(unit, "operator", "")]
        for unit in [unit for unit in asking if dice.random() < 0.4]:
            await override_one(world, dice, case, unit)
            await world.look()
        if case.now.status == "PAUSED":
            await resume_one(world, dice, case)
            await world.look()


#: How often each is drawn.
INTERVENTIONS: dict[Callable[[World, Random], Awaitable[None]], int] = {
    pause: 3, resume: 4, override: 3, hurry: 2,
}  # fmt: skip
