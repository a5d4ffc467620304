"""What attempts say: log lines and typed events, in parts that overlap, sent again, more than are kept."""

from __future__ import annotations

from random import Random

from orchestrator.store.requests import AttemptToken
from tests.property.model.world import World

#: Typed events that an execution keeps here.
MOST_EVENTS = 6
EVENT = "node.event"


async def report(world: World, dice: Random) -> None:
    """Let an attempt say something more, be it one that is over."""
    held = [each for worker in world.workers for each in worker.held] + world.strays
    if held:
        await say(world, dice, dice.choice(held))


async def say(world: World, dice: Random, token: AttemptToken) -> None:
    """Say something more, and send it with some of what was sent before; perhaps twice."""
    said = world.said.setdefault(token, [])
    first = said[-1][0] + 1 if said else 1
    said += [
        (number, dice.choice((EVENT, "node.log"))) for number in range(first, first + dice.randint(1, 4))
    ]
    newest = world.newest.get(token, 0)
    # A client sends again what it is not sure of, and leaves out nothing.
    begin = dice.randint(1, newest + 1)
    lines = [line for line in said if line[0] >= begin]
    call = world.transitions.report_events(
        token,
        [(number, type, b'{"value":%d}' % number) for number, type in lines],
        events_allowed=MOST_EVENTS,
    )
    expected = _taken(world, token, lines) if world.expected_word(token) == "ok" else "fenced"
    for _ in range(dice.randint(1, 2)):
        assert await call == expected, (token, lines, expected)
    if expected == "exceeded":
        # Its unit fails: no event of it is sent any more.
        world.said[token] = [line for line in said if line[1] != EVENT]


def _taken(world: World, token: AttemptToken, lines: list[tuple[int, str]]) -> str:
    """Say what becomes of these lines, and remember which events are kept."""
    events = world.case_of(token.execution_id).events
    for number, type in lines:
        if number <= world.newest.get(token, 0):
            continue
        if type == EVENT:
            if len(events) == MOST_EVENTS:
                return "exceeded"
            events.append((token.node_id, token.attempt, number))
        world.newest[token] = number
    return "ok"
