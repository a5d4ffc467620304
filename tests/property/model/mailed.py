"""What workers do with messages about ends: claim, send, record; and operators, who have some sent again."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from orchestrator.errors import StoreUnavailable
from orchestrator.execution.deliveries import Answer, attempt_json, event_data, message_body, next_step
from orchestrator.operations.origin import Origin
from orchestrator.store.script_client import Call
from tests.property.model.drawn_dag import compiled
from tests.property.model.mails import Mail, started_by
from tests.property.model.processes import came_to_be, drawn_process, minting
from tests.property.model.starts import MOST_STARTED
from tests.property.model.tenancy import TENANTS
from tests.property.model.world import Case

if TYPE_CHECKING:
    from tests.property.model.actions import Action
    from tests.property.model.world import World

LEASE_MS = 2_000
#: What a receiver answers, and whether no other attempt can end otherwise.
ANSWERS = ((204, False), (204, False), (503, False), (503, False), (410, False), (500, True))
TAKEN = ((204, False),)


async def claim_mail(world: World, dice: Random) -> None:
    """Claim a delivery that may not be due, and send it, unless the worker dies before or after that."""
    if mails := list(world.mails.mails.values()):
        due = [each for each in mails if each.state == "pending" and each.due_ms <= world.now_ms]
        await claim_one(world, dice, dice.choice(due if due and dice.random() < 0.8 else mails))


async def claim_one(
    world: World, dice: Random, mail: Mail, *, answers: tuple[tuple[int, bool], ...] = ANSWERS
) -> None:
    if mail.is_start and len(world.cases) >= MOST_STARTED and answers is ANSWERS:
        return
    claim_id = f"claim{next(world.numbers)}"
    offered = await _content(world, mail)
    expected = "ok"
    if mail.state != "pending":
        expected = "ended"
    elif mail.due_ms > world.now_ms:
        expected = "early"
    call = world.transitions.claim_delivery(
        mail.delivery_id, claim_id=claim_id, lease_ms=LEASE_MS, content=offered
    )
    for _ in range(2 if dice.random() < 0.3 else 1):
        word, content, tries = await call
        assert word == expected, (word, expected, mail)
    if expected != "ok":
        return
    sent = content.encode()
    assert sent == (mail.content or offered), f"{mail} would be sent as {sent!r}"
    assert tries == mail.tries, (tries, mail)
    mail.content, mail.claim, mail.due_ms = sent, claim_id, world.now_ms + LEASE_MS
    world.mails.claims.append((mail.delivery_id, claim_id, tries))
    await world.look()
    is_lost = dice.random() < 0.3 and answers is ANSWERS
    if mail.is_start:
        await _start(world, dice, mail, claim_id, answers is ANSWERS)
    elif not is_lost:
        await record_one(world, dice, mail, claim_id, dice.choice(answers))


async def record_late(world: World, dice: Random) -> None:
    """A worker comes back with the answer to an attempt, perhaps after its claim has ended."""
    found = [each for each in world.mails.claims if each[0] in world.mails.mails]
    if found:
        delivery_id, claim_id, _ = dice.choice(found)
        await record_one(world, dice, world.mails.mails[delivery_id], claim_id, dice.choice(ANSWERS))


async def record_one(
    world: World, dice: Random, mail: Mail, claim_id: str, answered: tuple[int, bool]
) -> None:
    """Record an attempt, perhaps twice; an attempt whose claim has been taken over changes nothing."""
    status, is_final = answered
    error = None if status < 300 else f"answered {status}"
    answer = Answer(3, status, error=error, is_final=is_final)
    tries = next(count for _, each, count in world.mails.claims if each == claim_id)
    step = next_step(answer, tries, lambda: 0.0)
    call: Call[str] = world.transitions.record_delivery(
        mail.delivery_id, claim_id=claim_id, state=str(step.state), delay_ms=step.delay_ms,
        attempt=attempt_json(answer, at_ms=world.now_ms),
    )  # fmt: skip
    is_dup, is_current = mail.recorded == claim_id, mail.claim == claim_id
    # Redis has forgotten a delivery that ended after its execution had been purged.
    expected = "ok" if is_dup or is_current else "stale"
    word = await call
    assert word == expected, (word, expected, mail, claim_id)
    if is_current and not is_dup:
        mail.record(claim_id, status, world.now_ms, is_final=is_final)
    await world.look()
    if dice.random() < 0.3 and mail.delivery_id in world.mails.mails:
        assert await call == expected, (expected, mail)


async def _start(world: World, dice: Random, mail: Mail, claim_id: str, may_die: bool) -> None:
    """Start the workflow that a delivery names, by a process that may die on the way, and record that."""
    process = drawn_process(world, dice)
    if not may_die:
        process.transitions.meet("lives", after=0)
    (delivery,) = await world.store.deliveries.read([mail.delivery_id])
    assert delivery is not None
    try:
        answer = await process.starts.send(delivery, mail.content or b"", world.now_ms)
    except StoreUnavailable:
        answer = None
    for execution_id in await came_to_be(world, [started_by(mail)]):
        await _add_started(world, mail, execution_id)
        await world.drain_worklist(execution_id, True, dice)
    await world.look()
    if answer is not None:
        is_done = answer.error is None
        await record_one(world, dice, mail, claim_id, (204, False) if is_done else (503, not may_die))


async def _add_started(world: World, mail: Mail, execution_id: str) -> None:
    runtime = f"workflow:{execution_id}:runtime"
    redis: Any = world.redis
    named = await redis.hmget(runtime, "workflow_id", "workflow_version")
    workflow_id, version = named[0].decode(), int(named[1])
    document = world.registry.documents[workflow_id, version]
    origin = Origin(workflow_id=workflow_id, workflow_version=version)
    world.cases.append(Case(execution_id, document, compiled(document), tenant=mail.tenant, origin=origin))


async def _content(world: World, mail: Mail) -> bytes:
    """What a worker offers to send: it is fixed by the first claim."""
    (delivery,) = await world.store.deliveries.read([mail.delivery_id])
    assert delivery is not None, mail
    data = event_data(delivery)
    if not mail.is_start:
        return message_body(delivery, data)
    with minting(world):
        return world.processes[0].starts.content(delivery, data)


async def resend_mail(world: World, dice: Random) -> None:
    """Have a delivery sent again, as its tenant or another one, perhaps by a request made before."""
    if not world.mails.mails:
        return
    mail = dice.choice(list(world.mails.mails.values()))
    tenant = mail.tenant if dice.random() < 0.8 else dice.choice(TENANTS)
    call_id = dice.choice((*mail.calls[-3:], f"resend{next(world.numbers)}"))
    call = world.transitions.resend_delivery(mail.delivery_id, tenant=tenant, call_id=call_id)
    is_own = tenant == mail.tenant
    for _ in range(2 if dice.random() < 0.3 else 1):
        assert await call == ("ok" if is_own else "unknown"), mail
    if not is_own or call_id in mail.calls:
        return
    mail.calls.append(call_id)
    if mail.state == "pending" and mail.claim and mail.due_ms > world.now_ms:
        return
    mail.state, mail.tries, mail.due_ms, mail.claim = "pending", 0, world.now_ms, ""


async def send_all(world: World, dice: Random) -> None:
    """Deliver whatever is still to be delivered: nothing may be lost."""
    while pending := [each for each in world.mails.mails.values() if each.state == "pending"]:
        if dice.random() < 0.4:
            await dice.choice((claim_mail, record_late, resend_mail))(world, dice)
            await world.look()
            continue
        first = min(pending, key=lambda each: each.due_ms)
        world.now_ms = max(world.now_ms, first.due_ms)
        await claim_one(world, dice, first, answers=ANSWERS if dice.random() < 0.4 else TAKEN)
    await world.look()


#: How often each is drawn.
MAILS: dict[Action, int] = {claim_mail: 6, record_late: 2, resend_mail: 2}
