"""Tells a slip of the pen from another word: the two differ by case, or by a letter or two."""

from __future__ import annotations

from collections.abc import Collection, Iterable

#: Shorter words differ by case only; from _LONG letters on, two letters may be wrong.
_SHORT, _LONG = 4, 6
_LONGEST = 64


class Nearest:
    """Finds the known word that another was meant to be, for so many different ones as may be compared."""

    def __init__(self, known: Collection[str], most: int) -> None:
        self._known = known
        self._left = most
        self._found: dict[str, str | None] = {}

    def of(self, word: str) -> str | None:
        """None when it is one of them, or near none, or too many were compared."""
        if word not in self._found:
            self._left -= 1
            self._found[word] = nearest(word, self._known) if self._left >= 0 else None
        return self._found[word]


def nearest(word: str, known: Iterable[str], *, most: int = 2) -> str | None:
    """Find the known word that another was meant to be; None when it is one of them, or near none.

    most  letters that may be wrong.
    """
    found, fewest = None, most + 1
    for each in known:
        if word == each:
            return None
        wrong = _letters_wrong(_folded(word), _folded(each))
        if wrong < fewest:
            found, fewest = each, wrong
    return found


def _folded(word: str) -> str:
    return word.lower().translate({ord(mark): None for mark in "$_- "})


def _letters_wrong(one: str, other: str) -> int:
    """Count letters that are missing, extra, other ones or swapped; 3 for more than a slip."""
    shorter, longer = sorted((len(one), len(other)))
    most = 0 if shorter < _SHORT else 1 if shorter < _LONG else 2
    if one == other:
        return 0
    if longer - shorter > most or longer > _LONGEST:
        return 3
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, start=1):
        before, last, row = row, before, [place]
        for at, theirs in enumerate(other, start=1):
            cost = min(before[at] + 1, row[-1] + 1, before[at - 1] + (letter != theirs))
            if place > 1 and at > 1 and letter == other[at - 2] and one[place - 2] == theirs:
                cost = min(cost, last[at - 2] + 1)
            row.append(cost)
    return row[-1] if row[-1] <= most else 3
