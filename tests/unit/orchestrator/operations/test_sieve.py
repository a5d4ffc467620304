"""What a list is narrowed to: every condition alone, and together."""

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


def test_a_child_is_no_root() -> None:
    assert EVERYTHING.lets_through(CHILD)
    assert not Sieve(roots_only=True).lets_through(CHILD)


def test_the_same_for_every_status_still_asks_for_the_rest() -> None:
    wanted = Sieve(statuses=frozenset({RUNNING}), name="Nightly").of_any_status()

    assert wanted.lets_through(CHILD)
    assert not wanted.lets_through(ROW)
