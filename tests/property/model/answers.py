"""Waits for somebody outside: how attempts begin them, what is said to them, and what they must look like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any

import orjson

from orchestrator.errors import NodeError
from orchestrator.execution.model import Awaiting
from orchestrator.states import WaitingOn
from orchestrator.store.replies import EndReply
from orchestrator.store.requests import AttemptToken, ClaimRequest, Decision, Idempotency
from orchestrator.store.script_client import Call
from tests.property.model.world import Case, World

NAMES = ("go", "stop")
PEOPLE = ("ann", "bob", "cem")
LATE = orjson.dumps({"timed_out": True})
ERROR = NodeError("Timeout.Signal", "drawn", False)


def await_call(
    world: World,
    dice: Random,
    case: Case,
    token: AttemptToken,
    on: WaitingOn,
    claiming: ClaimRequest | None,
) -> tuple[Call[EndReply], dict[str, Any]]:
    """The call that parks an attempt, and what becomes of the node if nobody answers."""
    node, unit = case.node(token.node_id), token.node_id
    sides = [choice.targets for choice in node.choices] or [()]
    targets = [target for side in sides for target in side]
    in_time, late = dice.choice(sides), dice.choice(sides)
    limit_ms = dice.choice((None, 500, 3_000))
    wait = Awaiting(
        on=on,
        awaits=dice.choice(NAMES),
        ask={"schema": None},
        timeout_ms=limit_ms,
        late=ERROR if on is WaitingOn.APPROVAL or dice.random() < 0.5 else {"timed_out": True},
        quorum=dice.choice((1, 1, 2)),
        unless_late=tuple(other for other in targets if other not in in_time),
        if_late=tuple(other for other in targets if other not in late),
    )
    has_branches = bool(node.choices)
    case.answered[unit] = ("branch", wait.unless_late) if has_branches else "ok"
    return world.transitions.await_node(token, wait, claiming=claiming), {
        unit: ("branch", wait.if_late) if has_branches else "ok"
    }


async def send_signal(world: World, dice: Random) -> None:
    """Send a signal as the API does: read who waits, then send, sometimes twice, sometimes too late."""
    if world.cases:
        await signal(world, dice, dice.choice(world.cases), dice.choice(NAMES))


async def signal(world: World, dice: Random, case: Case, name: str) -> None:
    number = next(world.numbers)
    payload = orjson.dumps({"signal": number})
    waiting, _ = await world.store.waits.for_signal(case.execution_id, name)
    is_old = dice.random() < 0.05
    request = Idempotency(f"{number:040x}", "ab", f"call{number}")
    call = world.transitions.signal_execution(
        case.execution_id, name, payload, idempotency=request, waiting=b";n0 99;" if is_old else waiting
    )
    word, status, nodes, more = await call
    now = case.now
    if now.has_ended:
        assert word == "terminal", word
        return
    if now.runtime.get("cancelling"):
        assert word == "cancelling", word
        return
    if is_old and waiting != b";n0 99;":
        assert word == "moved", word
        return
    assert word == "ok", (word, status)
    listed = {entry.split(" ")[0] for entry in waiting.decode().split(";") if entry}
    parked = [node_id for node_id in now.units if now.waits_for(node_id, "signal", name)]
    found = [node_id for node_id in parked if node_id in listed]
    assert nodes == len(found) and (world.is_faulty or found == parked), (nodes, parked, listed)
    if dice.random() < 0.3:
        again = await replace_call(world, case, name, payload, request, waiting)
        assert again[:1] + again[2:3] == ["replayed", nodes], again
    for node_id in found:
        case.taken[node_id] = case.answered[node_id]
        case.outputs[node_id] = payload
    world.sent.append((call, world.workers[0]))
    await world.drain_worklist(case.execution_id, more, dice)


async def replace_call(
    world: World, case: Case, name: str, payload: bytes, request: Idempotency, waiting: bytes
) -> list[Any]:
    """The same request made again by its sender: a call of its own."""
    other = replace(request, call_id=request.call_id + "again")
    return await world.transitions.signal_execution(
        case.execution_id, name, payload, idempotency=other, waiting=waiting
    )


async def send_decision(world: World, dice: Random) -> None:
    """Decide an approval, perhaps one that shows something else or waits no more."""
    found = [(case, node_id) for case in world.cases for node_id in case.now.named]
    asking = [(case, node_id) for case, node_id in found if case.now.of("waiting_on", node_id) == "approval"]
    if found:
        case, node_id = dice.choice(asking if asking and dice.random() < 0.8 else found)
        await decide(world, dice, case, node_id)


async def decide(world: World, dice: Random, case: Case, node_id: str) -> None:
    now, number, by = case.now, next(world.numbers), dice.choice(PEOPLE)
    shown = dice.choice((now.of("awaits", node_id),) * 6 + ("else",))
    decision: Decision = "approve" if dice.random() < 0.7 else "deny"
    call = world.transitions.decide_approval(
        case.execution_id,
        node_id,
        shown=shown,
        decision=decision,
        by=orjson.dumps(by),
        voter=by.encode().hex(),
        form=b"null",
        idempotency=Idempotency(f"{number:040x}", "ab", f"call{number}"),
    )
    word, _, told, given, more = await call
    is_asking = now.waits_for(node_id, "approval", now.of("awaits", node_id))
    voted = f";{by.encode().hex()} " in now.of("voters", node_id)
    expected = "counted"
    if now.units[node_id] == "COMPLETED":
        expected = "over"
    elif not is_asking or now.runtime.get("cancelling"):
        expected = "elsewhere"
    elif shown != now.of("awaits", node_id):
        expected = "changed"
    elif voted:
        expected = "voted"
    elif decision == "deny" or int(now.of("given", node_id) or 0) + 1 >= int(now.of("quorum", node_id)):
        expected = "decided"
    assert word == expected, (word, expected, told, given)
    if word in ("counted", "decided"):
        world.sent.append((call, world.workers[0]))
    if word == "decided":
        recorded = orjson.loads(told)
        assert (recorded["decision"], recorded["by"]) == (decision, by)
        case.taken[node_id] = case.answered[node_id]
        case.outputs[node_id] = told.encode()
        await world.drain_worklist(case.execution_id, more, dice)


async def answer_all(world: World, dice: Random) -> None:
    """Answer whatever waits, so that everything can end."""
    for case in world.cases:
        for node_id in case.now.units:
            on, is_waiting = case.now.of("waiting_on", node_id), case.now.units[node_id] == "WAITING"
            if on == "signal" and is_waiting:
                await signal(world, dice, case, case.now.of("awaits", node_id))
            elif on == "approval":
                await decide(world, dice, case, node_id)
            else:
                continue
            await world.look()


#: How often each is drawn.
ANSWERS: dict[Callable[[World, Random], Awaitable[None]], int] = {send_signal: 5, send_decision: 4}
