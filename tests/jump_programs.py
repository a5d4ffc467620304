"""Random programs of steps and forward jumps, and an interpreter that goes where they send it."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """Steps by number; conditions have their targets and what they come to."""

    length: int
    targets: dict[int, tuple[int, int]]
    results: dict[int, bool]


def drawn(draw: random.Random) -> Program:
    length = draw.randint(1, 12)
    conditions = [place for place in range(length) if draw.random() < 0.5]
    targets = {
        place: (draw.randint(place + 1, length), draw.randint(place + 1, length)) for place in conditions
    }
    return Program(length, targets, {place: draw.random() < 0.5 for place in conditions})


def gone_to(program: Program) -> list[int]:
    """Go from step to step; a target that was not chosen is left out when it comes."""
    ran: list[int] = []
    left_out: set[int] = set()
    place = 0
    while place < program.length:
        if place in left_out:
            place += 1
            continue
        ran.append(place)
        if place not in program.targets:
            place += 1
            continue
        if_true, if_false = program.targets[place]
        chosen, other = (if_true, if_false) if program.results[place] else (if_false, if_true)
        if other != chosen:
            left_out.add(other)
        place = chosen
    return ran
