"""Finds which of many short texts occur in a long one, without a search for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Characters of a piece. Text is looked at in pieces side by side, so that each is looked up once; whatever
#: has two pieces less one character holds a whole one, wherever it lies.
PIECE = 5
SHORTEST = 2 * PIECE - 1
#: Below these, a plain search for each needle is the faster way.
_FEW, _SMALL = 64, 2_000
#: Characters looked at in one go: another thread may have its turn in between.
_SLICE = PIECE * 50_000
_PIECES = re.compile(rf"(?s).{{{PIECE}}}")


class Needles:
    """The texts to find; an empty one counts as found everywhere."""

    def __init__(self, needles: Iterable[str]) -> None:
        self._all = tuple(sorted(set(needles)))
        self._short = tuple(needle for needle in self._all if len(needle) < SHORTEST)
        self._by_piece: dict[str, set[str]] = {}
        for needle in self._all:
            if len(needle) >= SHORTEST:
                for at in range(PIECE):
                    self._by_piece.setdefault(needle[at : at + PIECE], set()).add(needle)
        self._pieces = frozenset(self._by_piece)

    def found_in(self, text: str) -> set[str]:
        """Give those of them that occur in the text."""
        if len(self._all) <= _FEW or len(text) <= _SMALL:
            return {needle for needle in self._all if needle in text}
        candidates: set[str] = set()
        for start in range(0, len(text), _SLICE):
            pieces = _PIECES.findall(text, start, start + _SLICE)
            for piece in self._pieces.intersection(pieces):
                candidates |= self._by_piece[piece]
        candidates.update(self._short)
        return {needle for needle in candidates if needle in text}
