"""Patterns of schemas: what they ask of the matcher, and what it does not know.

A pattern is compiled to a machine whose states are at most what is counted here. Matching takes linear time
whatever the pattern: its steps are the characters of the text times the states that are active at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_REPEATED = re.compile(r"\{(\d+)(,?)(\d*)\}")
_BRACED = re.compile(r"\{[^{}]*\}")
_MOST_REPEATS = 10**6
_LOOK_AROUNDS = {"(?=": "look-ahead", "(?!": "look-ahead", "(?<=": "look-behind", "(?<!": "look-behind"}
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+[:)]")
#: States of what matches many characters; a character itself is one.
_ANY, _BY_PROPERTY, _FOREIGN = 10, 480, 4
_SHORTHANDS = {"d": 1, "w": 4, "s": 12, "D": _ANY, "W": _ANY, "S": 14}
#: A machine that can be in one place only still has the bytes of a character to go.
_FEW = 10


@dataclass(frozen=True, slots=True)
class PatternCost:
    """States of a compiled pattern, and how many of them are active at once, at most."""

    states: int
    active: int


def unsupported(text: str) -> str | None:
    """Name what a pattern has that a matcher in linear time does not know; None when there is nothing."""
    in_class, index = False, 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            following = text[index + 1 : index + 2]
            if not in_class and ((following in "123456789" and following) or text.startswith("\\k<", index)):
                return "a back-reference"
            index += 1
        elif char == "[":
            in_class = True
        elif char == "]":
            in_class = False
        elif char == "(" and not in_class:
            for opening, name in _LOOK_AROUNDS.items():
                if text.startswith(opening, index):
                    return name
        index += 1
    return None


@lru_cache(maxsize=1_024)
def pattern_cost(text: str) -> PatternCost:
    """Count the states of a pattern. Pure; what is no pattern gets some count."""
    count = _Count(text)
    count.read()
    states = count.states * (4 if _FLAGS.search(text) else 1)
    if not text.startswith("^") or "|" in text or count.varying > 1 or count.is_group_varying:
        return PatternCost(states, states)
    return PatternCost(states, min(states, states - count.varying_states + _FEW) if count.varying else _FEW)


class _Count:
    """One reading of a pattern.

    varying  repetitions whose number is left open, and the states of what they repeat.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        #: States of each group that is open, the whole pattern first; and of the last atom.
        self._open = [0]
        self._atom = 0
        self._is_group = False
        self.varying = 0
        self.varying_states = 0
        self.is_group_varying = False

    @property
    def states(self) -> int:
        return sum(self._open) + 1

    def read(self) -> None:
        """Read all of it."""
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in "*+?{" and self._repeat(char):
                continue
            self._is_group = False
            if char == "(":
                self._open.append(0)
                self._at += 1
                self._atom = 0
                continue
            if char == ")" and len(self._open) > 1:
                self._atom = self._open.pop() + 2
                self._is_group = True
                self._at += 1
            elif char == "[":
                self._atom = self._class()
            else:
                self._atom = self._character()
            self._open[-1] += self._atom

    def _repeat(self, char: str) -> bool:
        """Multiply the last atom; False where a brace stands for itself."""
        times, is_open = 1, True
        if char == "{":
            found = _REPEATED.match(self._text, self._at)
            if found is None:
                return False
            fewest, comma, most = found.groups()
            times = max(1, int((most or fewest)[:9]))
            is_open = bool(comma) and most != fewest
            self._at = found.end()
        else:
            self._at += 1
        if self._text.startswith("?", self._at):  # as few as will do
            self._at += 1
        added = self._atom * (min(times, _MOST_REPEATS) - 1) + 1
        self._open[-1] += added
        self._atom += added
        if is_open:
            self.varying += 1
            self.varying_states += self._atom
            self.is_group_varying = self.is_group_varying or self._is_group
        return True

    def _character(self) -> int:
        char = self._text[self._at]
        self._at += 1
        if char == "\\":
            return self._escape()
        if char == ".":
            return _ANY
        return 1 if char.isascii() else _FOREIGN

    def _escape(self) -> int:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        if char in ("p", "P", "u", "x"):
            if braced := _BRACED.match(self._text, self._at):
                self._at = braced.end()
            elif char in "pP":
                self._at += 1
            return _BY_PROPERTY if char in "pP" else _FOREIGN
        return _SHORTHANDS.get(char, 1)

    def _class(self) -> int:
        states, self._at = 1, self._at + 1
        if self._text.startswith("^", self._at):
            states, self._at = _ANY, self._at + 1
        while self._at < len(self._text) and self._text[self._at] != "]":
            is_dot = self._text[self._at] == "."
            part = self._character()
            states += part if part > 1 and not is_dot else 0
        self._at += 1
        return states
