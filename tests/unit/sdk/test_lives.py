"""Durable handlers under test: letters on a virtual clock, parks, lost workers, and what never ends."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import Context, Parked, Skip
from headrace.testing import FakeInbox, FakeJournal, run, run_durable, run_durable_async


async def shouts(config: dict[str, Any], context: Context) -> Any:
    """Say each letter in capitals, wait a minute for the next one, then park for an hour."""
    said = [entry.data for entry in (await context.journal.read()).entries]
    while True:
        try:
            letter = await context.inbox.receive(timeout_s=60)
        except TimeoutError:
            if said and said[-1] == "parked":
                return said
            await context.journal.append("parked")
            return Parked(until_ms=context.now_ms + 3_600_000, waits_for=["a word"])
        said.append(letter.payload.upper())
        await context.journal.append(said[-1], takes=letter, events=[("Said", said[-1])])


def waits(config: dict[str, Any], context: Context) -> Any:
    letter = context.inbox.receive()
    context.journal.append(letter.payload, takes=letter)
    return [letter.payload, context.journal.read().last]


def test_letters_come_when_they_are_due() -> None:
    lived = run_durable(shouts, letters=[(30, "b"), "a", (90, "c"), (200, "d")])

    assert lived.output == ["A", "B", "C", "parked", "D", "parked"]
    assert [ran.outcome for ran in lived.attempts] == ["parked", "parked", "completed"]
    assert lived.elapsed_ms == (200 + 3_600 + 60) * 1_000
    assert lived.attempts[0].events == (("Said", "A"), ("Said", "B"), ("Said", "C"))
    assert lived.letters == ()


def test_a_plain_function_waits_by_itself() -> None:
    lived = run_durable(waits, letters=[(5, "x")], entries=["before"])

    assert lived.output == ["x", 2]
    assert lived.elapsed_ms == 5_000


async def test_a_test_with_a_loop_awaits_it() -> None:
    assert (await run_durable_async(shouts, now_ms=7)).elapsed_ms > 0


def test_a_handler_that_nothing_would_wake_stays_parked() -> None:
    lived = run_durable(lambda config, context: Parked(waits_for=["nobody"]))

    assert (lived.ran.outcome, lived.ran.waits_for, len(lived.attempts)) == ("parked", ("nobody",), 1)


def test_a_handler_that_never_takes_its_letter_is_an_error_of_the_test() -> None:
    with pytest.raises(AssertionError, match="has not ended after 5 attempts"):
        run_durable(lambda config, context: Parked(), letters=["x"], most_attempts=5)


def test_a_wait_for_a_letter_that_never_comes_is_an_error() -> None:
    ran = run(waits)

    assert ran.error is not None and "never comes" in ran.error.message


def test_the_worker_is_lost_behind_the_entries_that_are_named() -> None:
    def counts(config: dict[str, Any], context: Context) -> Any:
        for number in range(context.journal.read().last, 4):
            context.journal.append(number)
        if not config["go_on"]:
            raise Skip("nothing to do")
        return [entry.data for entry in context.journal.read().entries]

    lived = run_durable(counts, {"go_on": True}, lost_after=[2, 3])

    assert lived.output == [0, 1, 2, 3]
    assert [ran.outcome for ran in lived.attempts] == ["failed", "failed", "completed"]
    assert run_durable(counts, {"go_on": False}).ran.outcome == "skipped"


def test_snapshots_stand_for_entries() -> None:
    journal = FakeJournal.of(["a", "b", "c"])
    journal.snapshot("ab", 2)

    found = journal.read()

    assert (found.snapshot, found.through, found.last) == ("ab", 2, 3)
    assert [entry.data for entry in found.entries] == ["c"]


def test_what_a_worker_would_refuse_is_refused() -> None:
    def tries(config: dict[str, Any], context: Context) -> Any:
        context.journal.append(config["data"], takes=config["takes"])

    large = run(tries, {"data": "x" * 1_048_577, "takes": None})
    early = run(tries, {"data": 1, "takes": 2}, journal=FakeJournal(inbox=FakeInbox(["a", "b"])))
    bad = run(lambda config, context: Parked(until_ms=-1))

    assert large.error is not None and large.error.type == "JournalTooLarge"
    assert early.error is not None and "the next one to be taken is 1" in early.error.message
    assert bad.error is not None and "until_ms" in bad.error.message


async def test_entries_have_the_order_in_which_they_were_appended() -> None:
    async def ahead(config: Any, context: Context) -> list[int]:
        first, second = context.journal.append("a"), context.journal.append("b")
        later = await second
        return [(await first).number, later.number]

    lived = await run_durable_async(ahead)

    assert lived.output == [1, 2]
    assert [entry.data for entry in lived.journal.entries] == ["a", "b"]
