"""What a list is narrowed to: every condition alone, and together."""

from dataclasses import replace

import pytest

from orchestrator.operations.sieve import EVERYTHING, Sieve
from orchestrator.states import ExecutionStatus
from orchestrator.store.briefs import Brief

RUNNING, FAILED = ExecutionStatus.RUNNING, ExecutionStatus.FAILED
ROW = Brief("0190-abc", RUNNING, "Nightly Straße", None, {"team": "Blue", "env": "eu"}, "Order-4711")
CHILD = Brief("0190-def", FAILED, "Nightly", "0190-abc A", {}, None)


@pytest.mark.parametrize(
    "sieve",
    [
        EVERYTHING,
        Sieve(statuses=frozenset({RUNNING, FAILED})),
        Sieve(name="Nightly Straße"),
        Sieve(name_prefix="Nightly "),
        Sieve(text="STRASSE"),
        Sieve(text="90-AB"),
        Sieve(text="order-47"),
        Sieve(text="team:blue"),
        Sieve(text="eu"),
        Sieve(roots_only=True),
    ],
)
def test_what_has_it_passes(sieve: Sieve) -> None:
    assert sieve.lets_through(ROW)


@pytest.mark.parametrize(
    "sieve",
    [
        Sieve(statuses=frozenset({FAILED})),
        Sieve(name="Nightly"),
        Sieve(name_prefix="nightly"),
        Sieve(text="team:eu"),
        Sieve(text="running"),
        Sieve(statuses=frozenset({RUNNING}), text="nothing like it"),
    ],
)
def test_what_lacks_one_of_them_does_not(sieve: Sieve) -> None:
    assert not sieve.lets_through(ROW)


@pytest.mark.parametrize(
    ("ended_ms", "is_in"),
    [
        ((None, None), True),
        ((100, None), True),
        ((101, None), False),
        ((None, 100), True),
        ((None, 99), False),
    ],
)
def test_what_ended_in_a_time_is_told_from_what_did_not(
    ended_ms: tuple[int | None, int | None], is_in: bool
) -> None:
    assert Sieve(ended_ms=ended_ms).lets_through(replace(CHILD, ended_ms=100)) is is_in
    # What goes on has ended at no time.
    assert Sieve(ended_ms=ended_ms).lets_through(ROW) is (ended_ms == (None, None))


def test_a_child_is_no_root() -> None:
    assert EVERYTHING.lets_through(CHILD)
    assert not Sieve(roots_only=True).lets_through(CHILD)


def test_the_same_for_every_status_still_asks_for_the_rest() -> None:
    wanted = Sieve(statuses=frozenset({RUNNING}), name="Nightly").of_any_status()

    assert wanted.lets_through(CHILD)
    assert not wanted.lets_through(ROW)
