"""The pauses between tries: exponential, capped, with jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: After so many tries a pause has long reached its cap; a larger exponent would overflow.
_MOST_STEPS = 64


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before each new try: `first_s`, growing by `factor` up to `most_s`.

    jitter  each pause is multiplied by a random number between these two, so that many processes that failed
            in one instant do not return in one instant.
    """

    first_s: float
    most_s: float
    factor: float = 2.0
    jitter: tuple[float, float] = (0.5, 1.5)

    def pause_s(self, tries: int) -> float:
        """Give the pause after so many tries; 0 and 1 both give the first."""
        step_s = min(self.most_s, self.first_s * self.factor ** min(max(0, tries - 1), _MOST_STEPS))
        return step_s * random.uniform(*self.jitter)
