"""How long to wait after a host that did not load: ever longer, so that a broken module costs little."""

from __future__ import annotations

#: After the first failure, three times as long after each further one, and at the most.
FIRST_PAUSE_S, GROWTH, LONGEST_PAUSE_S = 0.2, 3.0, 30.0


class StartFailures:
    """Failures since the last host that loaded. Times are those of one clock, in seconds."""

    def __init__(self) -> None:
        self.count = 0
        self._not_before_s = float("-inf")

    def add(self, now_s: float) -> float:
        """Count one more; gives the pause until the next start."""
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * GROWTH**self.count)
        self.count += 1
        self._not_before_s = now_s + pause_s
        return pause_s

    def wait_s(self, now_s: float) -> float:
        """How long no host may be started yet; 0 or less: one may."""
        return self._not_before_s - now_s

    def clear(self) -> None:
        """Forget them: a host has loaded, or a file has changed."""
        self.count, self._not_before_s = 0, float("-inf")
