"""However sends overlap, are late or are made twice: every event once, in order, or the attempt fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import Terminal
from orchestrator.store.requests import AttemptToken
from workers.runtime.event_buffer import EventBuffer, Line
from workers.runtime.event_writer import AttemptEvents, LineSender

TOKEN = AttemptToken("e1", "A", 1, "n")


class History:
    """Takes lines as the script does; answers late, and may be called twice for one answer."""

    def __init__(self, dice: Random, allowed: int) -> None:
        self.dice = dice
        self.allowed = allowed
        self.kept: list[tuple[str, Any]] = []
        self.newest = 0
        self.emitted = 0

    async def report_events(self, token: AttemptToken, lines: Sequence[Line]) -> str:
        await self.turns()
        word = self._take(lines)
        if self.dice.random() < 0.3:
            await self.turns()
            again = self._take(lines)
            assert again == word or self.newest > lines[-1][0]
        await self.turns()
        return word

    async def turns(self) -> None:
        for _ in range(self.dice.randint(0, 4)):
            await asyncio.sleep(0)

    def _take(self, lines: Sequence[Line]) -> str:
        for number, type, data in lines:
            if number <= self.newest:
                continue
            if type == "node.event":
                if self.emitted == self.allowed:
                    return "exceeded"
                self.emitted += 1
            self.newest = number
            self.kept.append((type, orjson.loads(data)["value"]))
        return "ok"


async def play(dice: Random, history: History, count: int) -> tuple[list[tuple[str, Any]], str]:
    """Let a handler say so many things while its worker sends them; gives what it said, and its end."""
    buffer = EventBuffer()
    sender = LineSender(history, TOKEN, buffer)  # type: ignore[arg-type]
    events = AttemptEvents(buffer, sender)
    said: list[tuple[str, Any]] = []

    async def send_in_the_background() -> None:
        while True:
            await history.turns()
            await asyncio.sleep(0)
            if buffer.has_lines:
                lines = buffer.waiting()
                sender.take(lines, await sender.call(lines))

    background = asyncio.create_task(send_in_the_background())
    end = "completed"
    try:
        for number in range(count):
            type = dice.choice(("node.event", "node.event", "node.log"))
            said.append((type, number))
            if type == "node.log":
                buffer.emit(type, {"value": number})
                continue
            written = events.write({"value": number})
            if dice.random() < 0.5:
                await written
                assert said[-1] in history.kept
        await events.finish()
    except Terminal as error:
        end = error.error_type
    finally:
        background.cancel()
        await asyncio.gather(background, return_exceptions=True)
    for part in buffer.rest():
        await sender.call(part)
    return said, end


@given(seed=st.integers(0, 2**32), count=st.integers(0, 30))
def test_every_event_and_line_is_kept_once_in_the_order_in_which_it_was_said(seed: int, count: int) -> None:
    dice = Random(seed)
    history = History(dice, allowed=count)

    said, end = asyncio.run(play(dice, history, count))

    assert (history.kept, end) == (said, "completed")


@pytest.mark.parametrize("allowed", [0, 1, 5])
@given(seed=st.integers(0, 2**32), count=st.integers(0, 30))
def test_an_attempt_with_an_event_too_many_never_completes(allowed: int, seed: int, count: int) -> None:
    dice = Random(seed)
    history = History(dice, allowed)

    said, end = asyncio.run(play(dice, history, count))

    emitted = [line for line in said if line[0] == "node.event"]
    assert [line for line in history.kept if line[0] == "node.event"] == emitted[:allowed]
    assert (end == "completed") == (len(emitted) <= allowed)
