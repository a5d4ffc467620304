"""Durable units: letters to them, entries of their journals, snapshots; each call sent twice now and then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any

from orchestrator.store.requests import AttemptToken, Idempotency
from tests.property.model.reports import MOST_EVENTS
from tests.property.model.world import Case, World
from tests.property.model.writings import MOST_BYTES, MOST_LETTERS, WEIGHT


async def post_letter(world: World, dice: Random) -> None:
    """Post a letter to some unit, wherever it stands."""
    if world.cases:
        case = dice.choice(world.cases)
        parked = [unit for unit in case.now.units if case.now.of("waiting_on", unit) == "inbox"]
        await post(world, dice, case, dice.choice(parked or case.now.named))


async def post(world: World, dice: Random, case: Case, unit: str) -> None:
    number, writing = next(world.numbers), case.writings.of(unit)
    request = Idempotency(f"{number:040x}", "ab", f"call{number}")
    payload = b"%d" % number

    def call_of(each: Idempotency) -> Any:
        return world.transitions.post_letter(
            case.execution_id, unit, payload, idempotency=each, allowed=MOST_LETTERS
        )

    call = call_of(request)
    word, _, letter, more = await call
    expected = _word_of_post(case, unit)
    assert word == expected, (case.execution_id, unit, word, expected)
    if word != "ok":
        return
    writing.letters.append(str(number))
    assert letter == len(writing.letters), (letter, writing)
    world.sent.append((call, world.workers[0]))
    if dice.random() < 0.3:
        again = await call_of(replace(request, call_id=request.call_id + "again"))
        assert again[:1] + again[2:3] == ["replayed", letter], again
    await world.drain_worklist(case.execution_id, more, dice)


def _word_of_post(case: Case, unit: str) -> str:
    if case.node(unit).map and "[" not in unit:
        return "mapped"
    if case.now.has_ended:
        return "terminal"
    if case.now.runtime.get("cancelling"):
        return "cancelling"
    return "full" if case.writings.of(unit).waiting >= MOST_LETTERS else "ok"


async def write(world: World, dice: Random) -> None:
    """Let an attempt append to its journal, be it one that is over, or whose number is not the next."""
    if (token := _writer(world, dice)) is None:
        return
    case = world.case_of(token.execution_id)
    writing, value = case.writings.of(token.node_id), 1_000 + next(world.numbers)
    number = len(writing.entries) + dice.choice((1, 1, 1, 1, 0, 2))
    takes = dice.choice((None, writing.taken + 1, writing.taken + 1, writing.taken + 2))
    data = "1" * dice.choice((1, 1, 1, 120))
    events = [value] * dice.choice((0, 0, 1))
    call = world.transitions.append_journal(
        token, number, data.encode(), takes=takes, events=[b'{"value":%d}' % each for each in events],
        allowed_bytes=MOST_BYTES, events_allowed=MOST_EVENTS,
    )  # fmt: skip
    expected = _word_of_entry(world, token, number, data, takes, events)
    for _ in range(dice.randint(1, 2)):
        word = (await call)[0]
        assert word == expected, (token, number, takes, word, expected)
    if expected == "ok" and number == len(writing.entries) + 1:
        writing.entries.append(data)
        if takes is not None:
            writing.took.append(takes)
        case.events += [(token.node_id, token.attempt, each) for each in events]
        await world.look()
        assert case.now.of("crashes", token.node_id) == "0", token


def _word_of_entry(
    world: World, token: AttemptToken, number: int, data: str, takes: int | None, events: list[int]
) -> str:
    case = world.case_of(token.execution_id)
    writing = case.writings.of(token.node_id)
    if world.expected_word(token) != "ok":
        return "fenced"
    if number <= len(writing.entries):
        return "ok"
    if number > len(writing.entries) + 1:
        return "gap"
    if writing.bytes + len(data) + WEIGHT > MOST_BYTES:
        return "full"
    if takes is not None and (takes != writing.taken + 1 or not writing.waiting):
        return "letter"
    return "exceeded" if events and len(case.events) + len(events) > MOST_EVENTS else "ok"


async def cut(world: World, dice: Random) -> None:
    """Let an attempt make a snapshot of its journal."""
    if (token := _writer(world, dice)) is None:
        return
    writing = world.case_of(token.execution_id).writings.of(token.node_id)
    through = dice.randint(1, len(writing.entries) + 1)
    data = f"{next(world.numbers)}"
    expected = "gap" if through > len(writing.entries) else "ok"
    if world.expected_word(token) != "ok":
        expected = "fenced"
    call = world.transitions.snapshot_journal(token, through, data.encode())
    for _ in range(dice.randint(1, 2)):
        assert await call == (expected, False), (token, through, expected)
    if expected == "ok" and through >= writing.through:
        writing.through, writing.snapshot = through, data


def _writer(world: World, dice: Random) -> AttemptToken | None:
    """Choose an attempt of a node. Of items that a map lists anew, older journals count no more."""
    held = [each for worker in world.workers for each in worker.held] + world.strays
    nodes = [each for each in held if "[" not in each.node_id]
    return dice.choice(nodes) if nodes else None


async def post_to_all(world: World, dice: Random) -> None:
    """Post to whatever has parked, so that everything can end."""
    for case in world.cases:
        for unit in case.now.named:
            if case.now.of("waiting_on", unit) == "inbox" and not case.now.has_ended:
                await post(world, dice, case, unit)
                await world.look()


#: How often each is drawn.
LETTERS: dict[Callable[[World, Random], Awaitable[None]], int] = {post_letter: 5, write: 5, cut: 1}
