"""How much goes to Redis at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.store.parts import LEAST_BYTES, PART_BYTES, Pace, parts_of


@given(st.lists(st.integers(0, 20), max_size=20))
def test_parts_hold_everything_in_order_and_no_more_than_allowed(sizes: list[int]) -> None:
    parts = list(parts_of(dict(enumerate(sizes)), 16))

    assert [place for part in parts for place in part] == list(range(len(sizes)))
    assert all(len(part) == 1 or sum(sizes[place] for place in part) <= 16 for part in parts)


@given(st.lists(st.integers(0, 9_000_000), max_size=20))
def test_a_pace_leaves_nothing_out(sizes: list[int]) -> None:
    parts = Pace().parts(sizes)

    assert [place for part in parts for place in part] == list(range(len(sizes)))


def test_small_calls_go_together_and_large_ones_apart() -> None:
    pace = Pace()

    assert pace.parts([100] * 64) == [range(64)]
    assert pace.parts([PART_BYTES // 2] * 4) == [range(2), range(2, 4)]
    assert pace.parts([PART_BYTES * 3]) == [range(1)]


def test_a_part_that_was_not_answered_is_cut_in_two_and_again() -> None:
    pace = Pace()
    sizes = [LEAST_BYTES] * 8

    pace.unanswered(sum(sizes))
    halves = pace.parts(sizes)
    pace.unanswered(LEAST_BYTES * 4)
    quarters = pace.parts(sizes)

    assert halves == [range(4), range(4, 8)]
    assert [len(part) for part in quarters] == [2, 2, 2, 2]


def test_it_is_never_cut_below_the_least_and_grows_again_with_answers() -> None:
    pace = Pace()
    for _ in range(100):
        pace.unanswered(PART_BYTES)
    smallest = pace.parts([LEAST_BYTES] * 3)

    for _ in range(100):
        pace.answered()

    assert smallest == [range(1), range(1, 2), range(2, 3)]
    assert pace.parts([PART_BYTES // 4] * 4) == [range(4)]
