"""Short texts are found in long ones, however many of them there are and wherever they lie."""

from __future__ import annotations

import pytest

from workers.runtime.needles import PIECE, SHORTEST, Needles

MANY = [f"needle-{number:04}" for number in range(200)]
FILLER = "hay stack " * 1_000


@pytest.mark.parametrize("offset", range(PIECE))
def test_a_needle_is_found_wherever_it_lies(offset: int) -> None:
    text = FILLER + "x" * offset + MANY[7] + FILLER + MANY[150]

    assert Needles(MANY).found_in(text) == {MANY[7], MANY[150]}


def test_short_needles_are_found_among_many_others() -> None:
    needles = Needles([*MANY, "s3cr", "k" * (SHORTEST - 1)])

    assert needles.found_in(f"{FILLER}s3cr{FILLER}") == {"s3cr"}


def test_what_does_not_occur_is_not_found() -> None:
    assert Needles(MANY).found_in(FILLER) == set()
    assert Needles([]).found_in(FILLER) == set()
    assert Needles(["a", "b"]).found_in("xbx") == {"b"}
