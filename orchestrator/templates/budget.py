"""Count what one template evaluation uses, and end it before it uses too much."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from orchestrator.templates.values import EvaluationError

#: Longest text one operation may build, in characters.
MAX_TEXT = 256 * 1024
MAX_STEPS = 100_000
#: Values and text held by lists and objects that a template builds; one unit is a value or eight characters.
MAX_WEIGHT = 1_000_000
#: All text produced on the way, in characters.
MAX_PRODUCED = 8 * 1024 * 1024
MAX_CPU_S = 1.0


def check_length(length: int) -> None:
    """Refuse a text before it is built."""
    if length > MAX_TEXT:
        raise EvaluationError(f"builds a text longer than the allowed {MAX_TEXT:,} characters")


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
    """What one evaluation may still use.

    CPU time, not wall time: a busy machine is not the template's fault.
    """

    __slots__ = ("deadline", "produced", "steps", "weight")

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.weight = MAX_WEIGHT
        self.produced = MAX_PRODUCED
        self.deadline = time.thread_time() + MAX_CPU_S

    def spend(self, steps: int) -> None:
        """Count steps; an evaluation that needs too many ends here."""
        self.steps -= steps
        if self.steps < 0:
            raise EvaluationError(f"needs more than the allowed {MAX_STEPS:,} steps")

    def check_time(self) -> None:
        """End an evaluation whose single steps are long ones."""
        if time.thread_time() > self.deadline:
            raise EvaluationError(f"needs more than the allowed {MAX_CPU_S:g} s")

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
        while stack:
            item = stack.pop()
            self.weight -= 1 + len(item) // 8 if isinstance(item, str) else 1
            if isinstance(item, dict):
                stack += item.values()
            elif isinstance(item, list):
                stack += item
            if self.weight < len(stack):
                raise EvaluationError(f"builds more than the allowed {MAX_WEIGHT:,} values")
        return value
