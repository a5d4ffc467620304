"""Cuts what goes to Redis, or comes from it, into parts that can each be answered in time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

#: Bytes of one part: about a second on a slow line.
PART_BYTES = 4 * 1024 * 1024
#: A part is never cut below this, however often none is answered.
LEAST_BYTES = 64 * 1024


def parts_of(
    sizes: Mapping[T, int], most_bytes: int = PART_BYTES, most: float = math.inf
) -> Iterator[list[T]]:
    """Cut into parts of at most so many bytes, in order; what is larger is alone in its part."""
    part: list[T] = []
    size = 0
    for each, length in sizes.items():
        if part and (size + length > most_bytes or len(part) >= most):
            yield part
            part, size = [], 0
        part.append(each)
        size += length
    if part:
        yield part


class Pace:
    """How much is sent at once: half of what was not answered, and a little more after each answer."""

    def __init__(self) -> None:
        self._most_bytes = PART_BYTES

    def parts(self, sizes: Sequence[int]) -> list[range]:
        """Cut a sequence of texts of these sizes into parts, as ranges of their places."""
        if len(sizes) < 2 or sum(sizes) <= self._most_bytes:
            return [range(len(sizes))]
        cut = parts_of(dict(enumerate(sizes)), self._most_bytes)
        return [range(part[0], part[-1] + 1) for part in cut]

    def answered(self) -> None:
        self._most_bytes = min(PART_BYTES, self._most_bytes + LEAST_BYTES)

    def unanswered(self, size: int) -> None:
        """Nothing came back in time: the part, of so many bytes, is cut in two when it is sent again."""
        self._most_bytes = max(LEAST_BYTES, min(size, self._most_bytes) // 2)
