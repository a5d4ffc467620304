"""Count what one resolution uses, and end it before it uses too much."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from orchestrator.templates.values import EvaluationError, to_text

#: Longest text one operation may build, in characters.
MAX_TEXT = 256 * 1024
#: Steps of one template.
MAX_STEPS = 100_000
#: Values and text held by lists and objects that templates build; one unit is a value or eight characters.
MAX_WEIGHT = 1_000_000
#: All text produced on the way, in characters.
MAX_PRODUCED = 8 * 1024 * 1024
MAX_CPU_S = 1.0
#: What may be evaluated on the spot: processor time in all, and the weight of what one operation works on.
QUICK_CPU_S = 0.01
QUICK_WEIGHT = 4_096
#: Steps, or values weighed, between two looks at the time.
_BETWEEN_LOOKS = 500


class TakesLong(Exception):
    """An evaluation does not end quickly; it has to begin again in a thread."""


def check_length(length: int) -> None:
    """Refuse a text before it is built."""
    if length > MAX_TEXT:
        raise EvaluationError(f"builds a text longer than the allowed {MAX_TEXT:,} characters")


def short_text(value: Any) -> str:
    """Write a value as text that is not too long to be worked on."""
    text = to_text(value)
    check_length(len(text))
    return text


def join_parts(parts: Iterable[str]) -> str:
    """Join parts as they come, and stop before the text is too long rather than after."""
    kept: list[str] = []
    length = 0
    for part in parts:
        length += len(part)
        check_length(length)
        kept.append(part)
    return "".join(kept)


class Budget:
    """What one resolution, with all its templates, may still use.

    CPU time, not wall time: a busy machine is not the template's fault. Used in one thread, at one go.
    cpu_s     less than what a node may use, where others share it.
    is_quick  what is neither short nor small raises TakesLong rather than an error.
    """

    __slots__ = ("cpu_s", "deadline", "is_quick", "look_at", "produced", "steps", "weight")

    def __init__(self, *, is_quick: bool = False, cpu_s: float = MAX_CPU_S) -> None:
        self.is_quick = is_quick
        self.weight = MAX_WEIGHT
        self.produced = MAX_PRODUCED
        self.cpu_s = QUICK_CPU_S if is_quick else cpu_s
        #: Of the thread's clock; set by the first look at it.
        self.deadline: float | None = None
        self.steps = MAX_STEPS
        self.look_at = MAX_STEPS - _BETWEEN_LOOKS

    def begin_template(self) -> None:
        """Give the next template steps of its own; time and size are shared by all."""
        if self.steps != MAX_STEPS:
            self.steps = MAX_STEPS
            self.look_at = MAX_STEPS - _BETWEEN_LOOKS
            self.check_time()

    def spend(self, steps: int) -> None:
        """Count steps; a template that needs too many ends here."""
        self.steps -= steps
        if self.steps < self.look_at:
            if self.steps < 0:
                raise EvaluationError(f"needs more than the allowed {MAX_STEPS:,} steps")
            self.look_at = max(self.steps - _BETWEEN_LOOKS, 0)
            self.check_time()

    def check_time(self) -> None:
        """End an evaluation whose single steps are long ones."""
        now = time.thread_time()
        if self.deadline is None:
            self.deadline = now + self.cpu_s
        if now > self.deadline:
            if self.is_quick:
                raise TakesLong
            raise EvaluationError(f"needs more than the {self.cpu_s:g} s allowed for all templates of a node")

    def check_operands(self, *values: Any) -> None:
        """Look at the time before one operation, and at what it works on where it has to be quick."""
        self.check_time()
        if self.is_quick and not _are_light(values):
            raise TakesLong

    def take_text(self, text: str) -> str:
        """Count a text that was built."""
        self.produced -= len(text)
        if self.produced < 0:
            raise EvaluationError(f"builds more than the allowed {MAX_PRODUCED:,} characters")
        return text

    def weigh(self, value: Any) -> Any:
        """Count everything inside a list or object that was built.

        Without this, doubling a list that holds itself twice, forty times over, would cost forty steps and
        explode only when it is written out.
        """
        stack = [value]
        look_at = self.weight - _BETWEEN_LOOKS
        while stack:
            item = stack.pop()
            self.weight -= 1 + len(item) // 8 if isinstance(item, str) else 1
            if isinstance(item, dict):
                stack += item.values()
            elif isinstance(item, list):
                stack += item
            if self.weight < len(stack):
                raise EvaluationError(f"builds more than the allowed {MAX_WEIGHT:,} values")
            if self.weight < look_at:
                look_at = self.weight - _BETWEEN_LOOKS
                self.check_time()
        return value


def _are_light(values: Iterable[Any]) -> bool:
    """Say whether values weigh little together, all that is in them included."""
    stack = list(values)
    left = QUICK_WEIGHT
    while stack:
        item = stack.pop()
        left -= 1 + len(item) // 16 if isinstance(item, str) else 1
        if isinstance(item, dict):
            stack += item.values()
        elif isinstance(item, list):
            stack += item
        if left < len(stack):
            return False
    return True
