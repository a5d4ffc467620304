"""Typed events are written before their handler goes on; what cannot be kept fails the attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from headrace import Retryable, Terminal
from orchestrator.store.requests import AttemptToken
from workers.runtime import event_writer
from workers.runtime.event_buffer import EventBuffer, Line
from workers.runtime.event_writer import AttemptEvents, LineSender

TOKEN = AttemptToken("e1", "A", 1, "n")
EVENT: dict[str, Any] = {"value": 1, "type": "Step"}


class FakeTransitions:
    """Takes calls that write lines; answers each with the next of its words, then `ok`."""

    def __init__(self, *words: Any) -> None:
        self.words = list(words)
        self.sent: list[list[int]] = []

    async def report_events(self, token: AttemptToken, lines: Sequence[Line]) -> str:
        assert token == TOKEN
        self.sent.append([number for number, _, _ in lines])
        await asyncio.sleep(0)
        word = self.words.pop(0) if self.words else "ok"
        if isinstance(word, Exception):
            raise word
        return str(word)


def make(*words: Any) -> tuple[AttemptEvents, EventBuffer, LineSender, FakeTransitions]:
    transitions, buffer = FakeTransitions(*words), EventBuffer()
    sender = LineSender(transitions, TOKEN, buffer)  # type: ignore[arg-type]
    return AttemptEvents(buffer, sender), buffer, sender, transitions


async def test_a_handler_goes_on_once_its_event_and_all_before_it_are_written() -> None:
    events, buffer, _, transitions = make()
    buffer.emit("node.log", {"message": "first"})

    await events.write(EVENT)

    assert transitions.sent == [[1, 2]]
    assert not buffer.has_lines


async def test_what_nobody_waits_for_is_written_before_the_attempt_ends() -> None:
    events, buffer, _, transitions = make()
    for _ in range(3):
        events.write(EVENT)
    assert transitions.sent == []

    await events.finish()

    assert transitions.sent == [[1, 2, 3]]
    assert not buffer.has_lines


async def test_an_attempt_without_events_sends_nothing_at_its_end() -> None:
    events, buffer, _, transitions = make()
    buffer.emit("node.log", {"message": "only a line"})

    await events.finish()

    assert transitions.sent == []


async def test_one_too_many_fails_what_follows_and_leaves_log_lines() -> None:
    events, buffer, sender, transitions = make("exceeded")
    buffer.emit("node.log", {"message": "line"})

    with pytest.raises(Terminal, match="one typed event too many: an execution keeps 10,000") as refused:
        await events.write(EVENT)

    assert refused.value.error_type == "EventsExceeded"
    for again in (lambda: events.write(EVENT), sender.check):
        with pytest.raises(Terminal, match="too many"):
            again()
    with pytest.raises(Terminal, match="too many"):
        await events.finish()
    assert [type for _, type, _ in buffer.waiting()] == ["node.log"]
    assert transitions.sent == [[1, 2]]


async def test_one_too_many_that_was_found_in_the_background_fails_the_end() -> None:
    events, buffer, sender, _ = make()
    events.write(EVENT)
    sender.take(buffer.waiting(), "exceeded")

    with pytest.raises(Terminal, match="too many"):
        await events.finish()


async def test_a_replaced_attempt_is_told_so() -> None:
    events, _, _, _ = make("fenced")

    with pytest.raises(Terminal, match="has been replaced") as refused:
        await events.write(EVENT)

    assert refused.value.error_type == "LeaseLost"


async def test_an_event_that_redis_refused_in_the_background_fails_the_attempt_and_a_line_does_not() -> None:
    events, buffer, sender, _ = make()
    buffer.emit("node.log", {"message": "line"})
    sender.take(buffer.waiting(), RuntimeError("no"))
    await events.finish()
    other, kept, its_sender, _ = make()
    other.write(EVENT)
    its_sender.take(kept.waiting(), RuntimeError("no"))

    with pytest.raises(Retryable, match="a typed event could not be written: no"):
        await other.finish()


async def test_a_refusal_leaves_the_event_to_be_sent_again() -> None:
    events, buffer, _, transitions = make(RuntimeError("away"))

    with pytest.raises(RuntimeError, match="away"):
        await events.write(EVENT)
    await events.finish()

    assert transitions.sent == [[1], [1]]
    assert not buffer.has_lines


async def test_an_attempt_that_has_ended_emits_nothing_more() -> None:
    events, buffer, _, _ = make()
    events.close()

    with pytest.raises(Terminal, match="the attempt has ended"):
        events.write(EVENT)

    assert not buffer.has_lines


async def test_a_handler_that_never_waits_is_stopped_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_writer, "MOST_WAITING_BYTES", 1_000)
    events, buffer, _, _ = make()

    while buffer.event_bytes <= 1_000:
        events.write(EVENT)
    with pytest.raises(Terminal, match=r"await what context\.emit gives back") as refused:
        events.write(EVENT)

    assert refused.value.error_type == "EventsExceeded"
    assert buffer.event_bytes < 1_100
    # One of them was lost: the attempt fails even if its handler goes on.
    with pytest.raises(Terminal):
        await events.finish()
