"""What a run waits for: it is over in its time, and has the event that was meant, whatever is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Play = Callable[..., Any]


async def test_a_wait_ends_in_time_though_nobody_runs_it(play: Play) -> None:
    lived = await play("patient", {"run": "r", "pause_s": 50}, lost_after=[1])

    assert lived.output == "nothing came"
    assert 50_000 <= lived.elapsed_ms < 55_000
    assert lived.attempts[-2].outcome == "parked"


def answer(text: str) -> dict[str, Any]:
    return {"type": "ResponseEvent", "value": {"response": text}, "step": None}


@pytest.mark.parametrize("lost_after", [[], [1], [2], [3], [1, 2, 3, 4]])
@pytest.mark.parametrize(
    ("letters", "expected"),
    [([], ["nothing", "nothing"]), ([(70, answer("late"))], ["nothing", "late"])],
)
async def test_a_wait_that_is_over_stays_over(
    play: Play, letters: list[Any], expected: list[str], lost_after: list[int]
) -> None:
    lived = await play("twice", letters=letters, lost_after=lost_after)

    assert lived.output == expected


@pytest.mark.parametrize("lost_after", [[], [1], [2], [1, 2, 3, 4]])
async def test_an_event_is_taken_by_the_wait_that_asks_for_it(play: Play, lost_after: list[int]) -> None:
    letters = [
        (10 * number, answer(text)) for number, text in enumerate(["second", "first", "x", "second"], 1)
    ]

    lived = await play("picky", letters=letters, lost_after=lost_after)

    assert lived.output == ["first", "second"]


@pytest.mark.parametrize("lost_after", [[], [1], [2], [3], [1, 2, 3, 4]])
async def test_a_wait_asks_for_nothing_that_an_earlier_one_of_its_name_asked_for(
    play: Play, lost_after: list[int]
) -> None:
    lived = await play("anew", letters=[(10, answer("first")), (20, answer("x"))], lost_after=lost_after)

    assert lived.output == "x"
